import { MesitaError } from '../protocol/errors.ts';
import type { AgentId, FrameworkId, StreamId } from '../protocol/ids.ts';
import { linkJson } from '../protocol/link-json.ts';
import type { SchedulerEvent } from '../protocol/messages.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { RecordStream } from '../runtime/record-stream.ts';
import { allocate } from './commands/allocate.ts';
import { disconnectFramework } from './commands/disconnect-framework.ts';
import { expire, pingAgents } from './commands/expire.ts';
import { reconcileFrom } from './commands/reconcile.ts';
import { forgetLostAgents } from './commands/remove-agent.ts';
import { excuseSilence } from './commands/silent-agents.ts';
import type { Effect, EffectArguments, Reconciliation } from './effects.ts';
import { countEvent, countNews } from './metrics.ts';
import type { News } from './news.ts';
import type { Registrar } from './registry/registrar.ts';
import type { MasterState } from './state.ts';

// A reconciliation goes on when the client has taken all but so many bytes; until then it looks again so often.
const enoughBacklog = 1024 * 1024;
const backlogPauseMs = 5;
// A timer that is so late tells that the process did not run.
const standstillMs = 2_000;

export interface Subscriber {
  readonly id: StreamId;
  readonly stream: RecordStream;
  encode(event: SchedulerEvent): string | Uint8Array;
}

/** One cycle of the allocator, from when it was asked for until its last slice is over. */
interface Cycle {
  /** Milliseconds, as `took`, which is undefined until it begins. */
  readonly asked: number;
  took: number | undefined;
  /** Something changed after it had begun: another one follows. */
  again: boolean;
}

export interface PerformerOptions {
  state: MasterState;
  clock: Clock;
  random: () => number;
  log: Log;
  registrar: Registrar;
  /** The master cannot go on. */
  giveUp(error: MesitaError): void;
  announce: (news: News) => void;
  /** Seconds between batch allocations. */
  allocationInterval: number;
  /** Milliseconds after which a cycle of the allocator lets others have their turn before it goes on; Infinity: never. */
  allocationSlice: number;
  /** Seconds between pings of the agents, and between heartbeats of the streams. */
  pingInterval: number;
  heartbeatInterval: number;
  /** Seconds between looks at which lost agents are to be forgotten. */
  registryGcInterval: number;
}

/**
 * Runs commands on the state and performs their effects.
 *
 * INVARIANTS
 * - A command and all of its effects are over before the next command begins, so that what goes out on every stream is in the order of the
 *   decisions.
 * - Nothing goes out before what was recorded ahead of it is in the registry. To whom it goes, and what it says, is settled when it is decided.
 */
export class Performer {
  readonly state: MasterState;
  readonly clock: Clock;
  readonly #options: PerformerOptions;
  readonly #registrar: Registrar;
  readonly #subscribers = new Map<FrameworkId, Subscriber>();
  readonly #links = new Map<AgentId, RecordStream>();
  readonly #cancels = new Set<() => void>();
  #cycle: Cycle | undefined;

  readonly #perform: { [Kind in keyof EffectArguments]: (effect: EffectArguments[Kind]) => void } = {
    record: ({ entries }) => this.#registrar.record(entries),
    sendEvent: ({ framework, event }) => this.#sendEvent(framework, event),
    reconcileOn: ({ framework, rest }) => this.#registrar.pass(() => this.#reconcileOn(framework, rest)),
    endSubscription: ({ framework }) => {
      const subscriber = this.#subscribers.get(framework);
      this.#subscribers.delete(framework);
      this.#end(subscriber?.stream);
    },
    sendToAgent: ({ agent, message }) => {
      const link = this.#links.get(agent);
      if (link === undefined) return;
      const text = linkJson(message);
      this.#registrar.pass(() => link.write(text));
    },
    endLink: ({ agent }) => {
      const link = this.#links.get(agent);
      this.#links.delete(agent);
      this.#end(link);
    },
    allocateSoon: () => this.#allocateSoon(),
    giveUp: ({ code, message }) => this.#options.giveUp(new MesitaError(code, { message })),
    announce: ({ news }) => {
      countNews(this.state, news);
      this.#options.announce(news);
    },
    log: ({ level, message, fields }) => this.#options.log[level](fields, message),
  };

  constructor(options: PerformerOptions) {
    this.#options = options;
    this.#registrar = options.registrar;
    this.state = options.state;
    this.clock = options.clock;
  }

  /** Begins what time drives; returns what stops it. */
  start(): () => Promise<void> {
    const { allocationInterval, pingInterval, heartbeatInterval, registryGcInterval } = this.#options;
    this.#every(allocationInterval, (late) => {
      if (late >= standstillMs) this.perform(excuseSilence(this.state, late));
      this.perform(expire(this.state, this.clock.now()));
      this.#allocateSoon();
    });
    this.#every(pingInterval, () => this.perform(pingAgents(this.state)));
    this.#every(heartbeatInterval, () => this.#heartbeat());
    this.#every(registryGcInterval, () => this.perform(forgetLostAgents(this.state, this.clock.now())));
    return async () => {
      for (const cancel of this.#cancels) cancel();
      // It is the master that leaves: nobody is disconnected, and no framework is removed for not coming back.
      const streams = [...[...this.#subscribers.values()].map(({ stream }) => stream), ...this.#links.values()];
      this.#subscribers.clear();
      this.#links.clear();
      await this.#registrar.settled();
      for (const stream of streams) stream.end();
    };
  }

  perform(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) (this.#perform[effect.kind] as (argument: Effect) => void)(effect);
  }

  /** Does what others hear of when all that was decided before is in the registry. */
  pass(action: () => void): void {
    this.#registrar.pass(action);
  }

  subscribe(framework: FrameworkId, subscriber: Subscriber): void {
    this.#subscribers.set(framework, subscriber);
  }

  subscriberOf(framework: FrameworkId): Subscriber | undefined {
    return this.#subscribers.get(framework);
  }

  /** The client closed a subscription; nothing happens when it was replaced already. */
  subscriptionClosed(framework: FrameworkId, id: StreamId): void {
    if (this.#subscribers.get(framework)?.id !== id) return;
    this.#subscribers.delete(framework);
    const known = this.state.frameworks.get(framework);
    if (known !== undefined) this.perform(disconnectFramework(this.state, known, this.clock.now()));
  }

  link(agent: AgentId, stream: RecordStream): void {
    const old = this.#links.get(agent);
    this.#links.set(agent, stream);
    this.#end(old);
  }

  linkOf(agent: AgentId): RecordStream | undefined {
    return this.#links.get(agent);
  }

  unlink(agent: AgentId): void {
    this.#links.delete(agent);
  }

  #allocateSoon(): void {
    if (this.#cycle === undefined) this.#allocateNext({ asked: performance.now(), took: undefined, again: false });
    else if (this.#cycle.took !== undefined) this.#cycle.again = true;
  }

  #allocateNext(cycle: Cycle): void {
    this.#cycle = cycle;
    const run = () => {
      this.#cancels.delete(cancel);
      this.#allocateSlice(cycle);
    };
    const cancel = this.clock.after(0, run);
    this.#cancels.add(cancel);
  }

  #allocateSlice(cycle: Cycle): void {
    const { allocationSlice, random } = this.#options;
    const { metrics, allocator } = this.state;
    const began = performance.now();
    if (cycle.took === undefined) metrics.allocationLatency.record(began - cycle.asked);
    const goesOn = () => performance.now() - began < allocationSlice;
    // Where it throws, it is over all the same.
    this.#cycle = undefined;
    const effects = allocate(this.state, this.clock.now(), random, goesOn);
    cycle.took = (cycle.took ?? 0) + performance.now() - began;
    const { unfinished } = allocator;
    if (unfinished) this.#allocateNext(cycle);
    else metrics.allocationRun.record(cycle.took);
    this.perform(effects);
    if (!unfinished && cycle.again) this.#allocateSoon();
  }

  #reconcileOn(id: FrameworkId, rest: Reconciliation): void {
    const subscriber = this.#subscribers.get(id);
    if (subscriber === undefined) return;
    const goOn = () => {
      this.#cancels.delete(cancel);
      const framework = this.state.frameworks.get(id);
      if (framework === undefined || this.#subscribers.get(id) !== subscriber) return;
      if (subscriber.stream.backlog <= enoughBacklog) {
        this.perform(reconcileFrom(this.state, framework, rest, this.clock.now()));
        return;
      }
      cancel = this.clock.after(backlogPauseMs, goOn);
      this.#cancels.add(cancel);
    };
    let cancel = this.clock.after(0, goOn);
    this.#cancels.add(cancel);
  }

  #heartbeat(): void {
    for (const framework of this.#subscribers.keys()) this.#sendEvent(framework, { type: 'HEARTBEAT' });
  }

  #sendEvent(id: FrameworkId, event: SchedulerEvent): void {
    const subscriber = this.#subscribers.get(id);
    if (subscriber === undefined) return;
    const framework = this.state.frameworks.get(id);
    if (framework !== undefined) countEvent(framework, event);
    const record = subscriber.encode(event);
    this.#registrar.pass(() => subscriber.stream.write(record));
  }

  #end(stream: RecordStream | undefined): void {
    if (stream !== undefined) this.#registrar.pass(() => stream.end());
  }

  /** `action` is told by how many milliseconds it comes too late. */
  #every(seconds: number, action: (late: number) => void): void {
    const schedule = () => {
      const due = this.clock.now() + seconds * 1000;
      const cancel = this.clock.after(seconds * 1000, () => {
        this.#cancels.delete(cancel);
        schedule();
        action(this.clock.now() - due);
      });
      this.#cancels.add(cancel);
    };
    schedule();
  }
}
