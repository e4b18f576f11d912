import type { Allocator } from '../master/allocator/allocator.ts';
import { allocate } from '../master/commands/allocate.ts';
import { disconnectAgent } from '../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../master/commands/disconnect-framework.ts';
import { drainAgent, reactivateAgent } from '../master/commands/drain.ts';
import { expire, pingAgents } from '../master/commands/expire.ts';
import { updateQuotas } from '../master/commands/quota.ts';
import { reconcileFrom } from '../master/commands/reconcile.ts';
import { registerAgent } from '../master/commands/register-agent.ts';
import { removeAgent } from '../master/commands/remove-agent.ts';
import { carryOut, invalidCall } from '../master/commands/scheduler-call.ts';
import { excuseSilence } from '../master/commands/silent-agents.ts';
import { subscribe } from '../master/commands/subscribe.ts';
import { updateTask } from '../master/commands/update-task.ts';
import { updateWeights } from '../master/commands/weights.ts';
import type { Effect, EffectArguments } from '../master/effects.ts';
import { recover } from '../master/registry/recovery.ts';
import { registryTables } from '../master/registry/registry-store.ts';
import type { MasterState } from '../master/state.ts';
import type { AgentMessage, AgentSubscription, MasterMessage } from '../protocol/agent-link.ts';
import { type AgentId, asFrameworkId, type FrameworkId } from '../protocol/ids.ts';
import type { Resource, SchedulerCall, SchedulerEvent, ValueScalar } from '../protocol/messages.ts';
import { steadyTime } from '../runtime/clock.ts';
import { type Change, Disk } from './disk.ts';
import { newMasterState } from './master-state.ts';
import { OutputGate } from './output-gate.ts';
import type { Processor } from './processor.ts';
import type { Random } from './random.ts';
import type { MasterScenario, Scenario } from './scenario.ts';
import type { Timeline } from './timeline.ts';
import type { Wire } from './wire.ts';

/** What the master sees of a connection's other end. */
export interface Peer<Message> {
  readonly wire: Wire;
  receive(message: Message): void;
  /** The master closed the connection. */
  hungUp(): void;
}

export interface SimulatedMasterOptions {
  timeline: Timeline;
  scenario: MasterScenario;
  /** One for each process that is the master. */
  allocator: () => Allocator;
  random: Random;
  processor: Processor;
}

// Seconds between pings of the agents.
const pingInterval = 15;
// As the master's performer has it.
const standstillMs = 2_000;
// What a write to the registry takes, and the start of another master.
const writeMs = 5;
const restartMs = 1_000;
// How long an operator waits before he tries again to reactivate an agent.
const reactivateMs = 1_000;

/** The master's own state, commands and allocator; its effects are performed on simulated connections. */
export class SimulatedMaster {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #scenario: MasterScenario;
  readonly #processor: Processor;
  readonly #newAllocator: () => Allocator;
  #state: MasterState;
  readonly #registry: Disk;
  #gate: OutputGate;
  /** As the daemons have it: somebody may set the machine's clock. */
  readonly #now: () => number;
  #isUp = true;
  #isFragile = false;
  /** Goes up with each death: timers and work of an earlier life mean nothing. */
  #life = 0;
  /** Milliseconds that its clock is ahead. */
  #ahead = 0;
  readonly #schedulers = new Map<FrameworkId, Peer<SchedulerEvent>>();
  readonly #links = new Map<AgentId, Peer<MasterMessage>>();
  #allocationPending = false;

  readonly #perform: { [Kind in keyof EffectArguments]: (effect: EffectArguments[Kind]) => void } = {
    sendEvent: ({ framework, event }) => {
      const peer = this.#schedulers.get(framework);
      this.#gate.out(() => this.#send(peer, event));
    },
    reconcileOn: ({ framework: id, rest }) => {
      this.#soon(() => {
        const framework = this.state.frameworks.get(id);
        if (framework !== undefined) this.perform(reconcileFrom(this.state, framework, rest, this.#now()));
      });
    },
    endSubscription: ({ framework }) => {
      const peer = this.#schedulers.get(framework);
      this.#schedulers.delete(framework);
      this.#gate.out(() => this.#end(peer));
    },
    sendToAgent: ({ agent, message }) => {
      const peer = this.#links.get(agent);
      this.#gate.out(() => this.#send(peer, message));
    },
    endLink: ({ agent }) => {
      const peer = this.#links.get(agent);
      this.#links.delete(agent);
      this.#gate.out(() => this.#end(peer));
    },
    record: ({ entries }) =>
      this.#keep(
        entries.map(({ table, key, value }) => ({
          table,
          key,
          value: value === undefined ? value : JSON.stringify(value),
        })),
      ),
    giveUp: () => this.#giveUp(),
    allocateSoon: () => this.#allocateSoon(),
    announce: () => undefined,
    log: () => undefined,
  };

  constructor({ timeline, scenario, allocator, random, processor }: SimulatedMasterOptions) {
    this.#timeline = timeline;
    this.#scenario = scenario;
    this.#random = random;
    this.#processor = processor;
    this.#newAllocator = allocator;
    this.#now = steadyTime(
      () => timeline.now() + this.#ahead,
      () => timeline.now(),
    );
    this.#registry = new Disk(timeline, writeMs);
    this.#gate = new OutputGate(this.#registry);
    this.#state = this.#newState();
  }

  get state(): MasterState {
    return this.#state;
  }

  /** What an operator sets beforehand. */
  configure(roles: Scenario['roles']): void {
    const now = this.#now();
    for (const [role, { weight, guarantee, limit }] of Object.entries(roles)) {
      if (weight !== undefined) this.#set(updateWeights(this.state, [{ role, weight }], now));
      if (guarantee.length + limit.length === 0) continue;
      const quota_configs = [{ role, guarantees: amountsOf(guarantee), limits: amountsOf(limit) }];
      this.#set(updateQuotas(this.state, { force: true, quota_configs }, now));
    }
  }

  /** Begins what time drives. */
  start(): void {
    this.#every(this.#scenario.allocationInterval, (late) => {
      if (late >= standstillMs) this.perform(excuseSilence(this.state, late));
      this.perform(expire(this.state, this.#now()));
      this.#allocateSoon();
    });
    this.#every(pingInterval, () => this.#pingAll());
  }

  /** Its process is killed; the machine closes its connections. */
  crash(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#isFragile = false;
    this.#life++;
    for (const peer of [...this.#links.values(), ...this.#schedulers.values()]) {
      peer.wire.reset('down', () => peer.hungUp());
    }
    this.#links.clear();
    this.#schedulers.clear();
    this.#allocationPending = false;
    this.#gate.close();
    this.#registry.abandon(this.#random.integer(this.#registry.underWay + 1));
  }

  /** As `crash`, while it next writes something to the registry, or just after. */
  crashWriting(): void {
    this.#isFragile = true;
  }

  #keep(changes: readonly Change[]): void {
    this.#gate.keep(changes);
    if (!this.#isFragile) return;
    this.#timeline.after(this.#random.next() * 2 * writeMs, () => {
      if (this.#isFragile) this.crash();
    });
  }

  /** After `crash`: a new process, which knows what the registry has. */
  recover(): void {
    this.#isFragile = false;
    if (this.#isUp) return;
    this.#isUp = true;
    this.#gate = new OutputGate(this.#registry);
    this.#state = this.#newState();
    this.start();
  }

  /** What the registry has is all that a master begins with. */
  #newState(): MasterState {
    const state = newMasterState(this.#scenario, this.#newAllocator(), `M${this.#life}`, this.#now());
    const records = registryTables.flatMap((table) =>
      [...this.#registry.table(table)].map(([key, value]) => ({ table, key, value })),
    );
    recover(state, { cluster: 'simulated', epoch: this.#life + 1, records }, this.#now());
    return state;
  }

  /** It cannot go on; the next one is started soon. */
  #giveUp(): void {
    this.crash();
    this.#timeline.after(restartMs, () => this.recover());
  }

  /** An operator empties an agent, if it is there. */
  drain(id: AgentId): void {
    this.#operate(() => drainAgent(this.state, { agent_id: { value: id } }, this.#now()));
  }

  /** After `drain`, as soon as nothing is left on it. */
  reactivate(id: AgentId): void {
    const again = () => this.#timeline.after(reactivateMs, () => this.reactivate(id));
    if (!this.#isUp) again();
    this.#operate(() => {
      const outcome = reactivateAgent(this.state, id);
      if ('refusal' in outcome && this.state.agents.get(id)?.drain !== undefined) again();
      return outcome;
    });
  }

  #operate(decide: () => { refusal: string } | { effects: Effect[] }): void {
    this.#run(() => {
      const outcome = decide();
      if ('effects' in outcome) this.perform(outcome.effects);
    });
  }

  /** Somebody sets its clock. */
  stepClock(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  perform(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) {
      (this.#perform[effect.kind] as (argument: Effect) => void)(effect);
    }
  }

  /** An agent dials and says who it is. */
  link(subscription: AgentSubscription, peer: Peer<MasterMessage>): void {
    if (this.#isUp) this.#run(() => this.#link(subscription, peer));
    else peer.wire.reset('down', () => peer.hungUp());
  }

  #link(subscription: AgentSubscription, peer: Peer<MasterMessage>): void {
    const registration = registerAgent(this.state, subscription, this.#now());
    if ('refusal' in registration) {
      peer.wire.reset('down', () => peer.hungUp());
      return;
    }
    if ('shutdown' in registration) {
      this.#send(peer, { type: 'SHUTDOWN', message: registration.shutdown });
      return;
    }
    this.#links.get(registration.agent)?.wire.cut();
    this.#links.set(registration.agent, peer);
    this.perform(registration.effects);
  }

  /** A connection was closed from the agent's side. */
  linkClosed(peer: Peer<MasterMessage>): void {
    this.#run(() => {
      const agent = [...this.#links].find(([, other]) => other === peer)?.[0];
      if (agent === undefined) return;
      this.#links.delete(agent);
      this.perform(disconnectAgent(this.state, agent, this.#now()));
    });
  }

  receive(agent: AgentId, message: AgentMessage): void {
    this.#run(() => this.#receive(agent, message));
  }

  #receive(agent: AgentId, message: AgentMessage): void {
    const now = this.#now();
    const known = this.state.agents.get(agent);
    if (known !== undefined) known.heardAt = now;
    if (message.type === 'UPDATE') this.perform(updateTask(this.state, agent, message, now));
    if (message.type === 'UNREGISTER') this.perform(removeAgent(this.state, agent, now));
  }

  /** A scheduler calls. SUBSCRIBE makes `peer` the framework's end; every other call is of a framework that is subscribed. */
  call(call: SchedulerCall, peer: Peer<SchedulerEvent>): void {
    if (this.#isUp) this.#run(() => this.#call(call, peer));
    else peer.wire.reset('down', () => peer.hungUp());
  }

  #call(call: SchedulerCall, peer: Peer<SchedulerEvent>): void {
    const wrong = invalidCall(call);
    if (wrong !== undefined) throw new Error(`a call was refused: ${wrong}`);
    if (call.subscribe !== undefined) {
      const subscription = subscribe(this.state, call.subscribe, this.#now());
      if ('refusal' in subscription) {
        this.#send(peer, { type: 'ERROR', error: { message: subscription.refusal } });
        return;
      }
      this.perform(subscription.before);
      this.#schedulers.set(subscription.framework, peer);
      this.perform(subscription.after);
      return;
    }
    const framework = this.state.frameworks.get(asFrameworkId(call.framework_id?.value ?? ''));
    if (framework === undefined || this.#schedulers.get(framework.id) !== peer) return;
    this.perform(carryOut(this.state, framework, call, this.#now()));
  }

  /** A scheduler's connection was closed from its side. */
  subscriptionClosed(id: FrameworkId, peer: Peer<SchedulerEvent>): void {
    this.#run(() => this.#subscriptionClosed(id, peer));
  }

  #subscriptionClosed(id: FrameworkId, peer: Peer<SchedulerEvent>): void {
    if (this.#schedulers.get(id) !== peer) return;
    this.#schedulers.delete(id);
    const framework = this.state.frameworks.get(id);
    if (framework !== undefined) this.perform(disconnectFramework(this.state, framework, this.#now()));
  }

  #set(outcome: { effects: Effect[] } | { refusal: string }): void {
    if ('refusal' in outcome) throw new Error(`a weight or quota was refused: ${JSON.stringify(outcome)}`);
    this.perform(outcome.effects);
  }

  /** As PING and PONG on each link, in one event for all: who can be reached has been heard of. */
  #pingAll(): void {
    const now = this.#now();
    for (const effect of pingAgents(this.state)) {
      if (effect.kind !== 'sendToAgent' || !this.#isHeard(effect.agent)) continue;
      const agent = this.state.agents.get(effect.agent);
      if (agent !== undefined) agent.heardAt = now;
    }
  }

  #isHeard(agent: AgentId): boolean {
    const wire = this.#links.get(agent)?.wire;
    return wire?.carries('down') === true && wire.carries('up');
  }

  #allocateSoon(): void {
    if (this.#allocationPending) return;
    this.#allocationPending = true;
    this.#soon(() => {
      this.#allocationPending = false;
      this.perform(allocate(this.state, this.#now(), this.#random.next));
    });
  }

  #send<Message>(peer: Peer<Message> | undefined, message: Message): void {
    if (peer !== undefined) this.#processor.depart(() => peer.wire.send('down', () => peer.receive(message)));
  }

  #end<Message>(peer: Peer<Message> | undefined): void {
    if (peer !== undefined) this.#processor.depart(() => peer.wire.send('down', () => peer.hungUp()));
  }

  /** When what has come by now is done. */
  #soon(work: () => void): void {
    const life = this.#life;
    this.#timeline.after(0, () => {
      if (life === this.#life) this.#run(work);
    });
  }

  #run(work: () => void): void {
    const life = this.#life;
    this.#processor.run(() => {
      if (life === this.#life && this.#isUp) work();
    });
  }

  /** `action` is told by how many milliseconds it comes too late by the master's clock. */
  #every(seconds: number, action: (late: number) => void): void {
    const life = this.#life;
    const due = this.#now() + seconds * 1000;
    this.#timeline.after(seconds * 1000, () => {
      if (life !== this.#life) return;
      this.#every(seconds, action);
      this.#run(() => action(this.#now() - due));
    });
  }
}

function amountsOf(resources: readonly Resource[]): Record<string, ValueScalar> {
  return Object.fromEntries(resources.map(({ name, scalar }) => [name, { value: scalar?.value ?? 0 }]));
}
