import type { Allocator } from '../master/allocator/allocator.ts';
import { allocate } from '../master/commands/allocate.ts';
import { disconnectAgent } from '../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../master/commands/disconnect-framework.ts';
import { expire, pingAgents } from '../master/commands/expire.ts';
import { updateQuotas } from '../master/commands/quota.ts';
import { reconcileFrom } from '../master/commands/reconcile.ts';
import { registerAgent } from '../master/commands/register-agent.ts';
import { removeAgent } from '../master/commands/remove-agent.ts';
import { carryOut, invalidCall } from '../master/commands/scheduler-call.ts';
import { subscribe } from '../master/commands/subscribe.ts';
import { updateTask } from '../master/commands/update-task.ts';
import { updateWeights } from '../master/commands/weights.ts';
import type { Effect, EffectArguments } from '../master/effects.ts';
import type { MasterState } from '../master/state.ts';
import type { AgentMessage, AgentSubscription, MasterMessage } from '../protocol/agent-link.ts';
import { type AgentId, asFrameworkId, type FrameworkId } from '../protocol/ids.ts';
import type { Resource, SchedulerCall, SchedulerEvent, ValueScalar } from '../protocol/messages.ts';
import { newMasterState } from './master-state.ts';
import type { Processor } from './processor.ts';
import type { Random } from './random.ts';
import type { MasterScenario, Scenario } from './scenario.ts';
import { beginning, type Timeline } from './timeline.ts';
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
  allocator: Allocator;
  random: Random;
  processor: Processor;
}

// Seconds between pings of the agents.
const pingInterval = 15;

/** The master's own state, commands and allocator; its effects are performed on simulated connections. */
export class SimulatedMaster {
  readonly state: MasterState;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #scenario: MasterScenario;
  readonly #processor: Processor;
  readonly #schedulers = new Map<FrameworkId, Peer<SchedulerEvent>>();
  readonly #links = new Map<AgentId, Peer<MasterMessage>>();
  #allocationPending = false;

  readonly #perform: { [Kind in keyof EffectArguments]: (effect: EffectArguments[Kind]) => void } = {
    sendEvent: ({ framework, event }) => this.#send(this.#schedulers.get(framework), event),
    reconcileOn: ({ framework: id, rest }) => {
      this.#soon(() => {
        const framework = this.state.frameworks.get(id);
        if (framework !== undefined) this.perform(reconcileFrom(this.state, framework, rest, this.#timeline.now()));
      });
    },
    endSubscription: ({ framework }) => {
      const peer = this.#schedulers.get(framework);
      this.#schedulers.delete(framework);
      this.#processor.depart(() => peer?.wire.send(() => peer.hungUp()));
    },
    sendToAgent: ({ agent, message }) => this.#send(this.#links.get(agent), message),
    endLink: ({ agent }) => {
      const peer = this.#links.get(agent);
      this.#links.delete(agent);
      this.#processor.depart(() => peer?.wire.send(() => peer.hungUp()));
    },
    allocateSoon: () => this.#allocateSoon(),
    announce: () => undefined,
    log: () => undefined,
  };

  constructor({ timeline, scenario, allocator, random, processor }: SimulatedMasterOptions) {
    this.#timeline = timeline;
    this.#scenario = scenario;
    this.#random = random;
    this.#processor = processor;
    this.state = newMasterState(scenario, allocator, beginning);
  }

  /** What an operator sets beforehand. */
  configure(roles: Scenario['roles']): void {
    const now = this.#timeline.now();
    for (const [role, { weight, guarantee, limit }] of Object.entries(roles)) {
      if (weight !== undefined) this.#set(updateWeights(this.state, [{ role, weight }], now));
      if (guarantee.length + limit.length === 0) continue;
      const quota_configs = [{ role, guarantees: amountsOf(guarantee), limits: amountsOf(limit) }];
      this.#set(updateQuotas(this.state, { force: true, quota_configs }, now));
    }
  }

  /** Begins what time drives. */
  start(): void {
    this.#every(this.#scenario.allocationInterval, () => {
      this.perform(expire(this.state, this.#timeline.now()));
      this.#allocateSoon();
    });
    this.#every(pingInterval, () => this.#pingAll());
  }

  perform(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) (this.#perform[effect.kind] as (argument: Effect) => void)(effect);
  }

  /** An agent dials and says who it is. */
  link(subscription: AgentSubscription, peer: Peer<MasterMessage>): void {
    this.#processor.run(() => this.#link(subscription, peer));
  }

  #link(subscription: AgentSubscription, peer: Peer<MasterMessage>): void {
    const registration = registerAgent(this.state, subscription, this.#timeline.now());
    if ('refusal' in registration) throw new Error(`an agent was refused: ${registration.refusal}`);
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
    this.#processor.run(() => {
      const agent = [...this.#links].find(([, other]) => other === peer)?.[0];
      if (agent === undefined) return;
      this.#links.delete(agent);
      this.perform(disconnectAgent(this.state, agent, this.#timeline.now()));
    });
  }

  receive(agent: AgentId, message: AgentMessage): void {
    this.#processor.run(() => this.#receive(agent, message));
  }

  #receive(agent: AgentId, message: AgentMessage): void {
    const now = this.#timeline.now();
    const known = this.state.agents.get(agent);
    if (known !== undefined) known.heardAt = now;
    if (message.type === 'UPDATE') this.perform(updateTask(this.state, agent, message, now));
    if (message.type === 'UNREGISTER') this.perform(removeAgent(this.state, agent, now));
  }

  /** A scheduler calls. SUBSCRIBE makes `peer` the framework's end; every other call is of a framework that is subscribed. */
  call(call: SchedulerCall, peer: Peer<SchedulerEvent>): void {
    this.#processor.run(() => this.#call(call, peer));
  }

  #call(call: SchedulerCall, peer: Peer<SchedulerEvent>): void {
    const wrong = invalidCall(call);
    if (wrong !== undefined) throw new Error(`a call was refused: ${wrong}`);
    if (call.subscribe !== undefined) {
      const subscription = subscribe(this.state, call.subscribe, this.#timeline.now());
      if ('refusal' in subscription) throw new Error(`a framework was refused: ${subscription.refusal}`);
      this.perform(subscription.before);
      this.#schedulers.set(subscription.framework, peer);
      this.perform(subscription.after);
      return;
    }
    const framework = this.state.frameworks.get(asFrameworkId(call.framework_id?.value ?? ''));
    if (framework === undefined || this.#schedulers.get(framework.id) !== peer) return;
    this.perform(carryOut(this.state, framework, call, this.#timeline.now()));
  }

  /** A scheduler's connection was closed from its side. */
  subscriptionClosed(id: FrameworkId, peer: Peer<SchedulerEvent>): void {
    this.#processor.run(() => this.#subscriptionClosed(id, peer));
  }

  #subscriptionClosed(id: FrameworkId, peer: Peer<SchedulerEvent>): void {
    if (this.#schedulers.get(id) !== peer) return;
    this.#schedulers.delete(id);
    const framework = this.state.frameworks.get(id);
    if (framework !== undefined) this.perform(disconnectFramework(this.state, framework, this.#timeline.now()));
  }

  #set(outcome: { effects: Effect[] } | { refusal: string }): void {
    if ('refusal' in outcome) throw new Error(`a weight or quota was refused: ${JSON.stringify(outcome)}`);
    this.perform(outcome.effects);
  }

  /** As PING and PONG on each link, in one event for all: who can be reached has been heard of. */
  #pingAll(): void {
    const now = this.#timeline.now();
    for (const effect of pingAgents(this.state)) {
      if (effect.kind !== 'sendToAgent' || this.#links.get(effect.agent)?.wire.isCut !== false) continue;
      const agent = this.state.agents.get(effect.agent);
      if (agent !== undefined) agent.heardAt = now;
    }
  }

  #allocateSoon(): void {
    if (this.#allocationPending) return;
    this.#allocationPending = true;
    this.#soon(() => {
      this.#allocationPending = false;
      this.perform(allocate(this.state, this.#timeline.now(), this.#random.next));
    });
  }

  #send<Message>(peer: Peer<Message> | undefined, message: Message): void {
    if (peer !== undefined) this.#processor.depart(() => peer.wire.send(() => peer.receive(message)));
  }

  /** When what has come by now is done. */
  #soon(work: () => void): void {
    this.#timeline.after(0, () => this.#processor.run(work));
  }

  #every(seconds: number, action: () => void): void {
    this.#timeline.after(seconds * 1000, () => {
      this.#every(seconds, action);
      this.#processor.run(action);
    });
  }
}

function amountsOf(resources: readonly Resource[]): Record<string, ValueScalar> {
  return Object.fromEntries(resources.map(({ name, scalar }) => [name, { value: scalar?.value ?? 0 }]));
}
