import assert from 'node:assert/strict';
import { disconnectAgent } from '../../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../../master/commands/disconnect-framework.ts';
import { deactivateAgent, drainAgent, reactivateAgent } from '../../master/commands/drain.ts';
import { endExecutor } from '../../master/commands/executors.ts';
import { expire } from '../../master/commands/expire.ts';
import { startMaintenance, stopMaintenance, updateSchedule } from '../../master/commands/maintenance.ts';
import { updateOperation } from '../../master/commands/operations.ts';
import { operateOnAgent } from '../../master/commands/operator-operations.ts';
import { updateQuotas } from '../../master/commands/quota.ts';
import { registerAgent } from '../../master/commands/register-agent.ts';
import { forgetLostAgents, markGone, removeAgent } from '../../master/commands/remove-agent.ts';
import { updateFramework } from '../../master/commands/update-framework.ts';
import { updateWeights } from '../../master/commands/weights.ts';
import type { Effect } from '../../master/effects.ts';
import type { MasterMessage } from '../../protocol/agent-link.ts';
import { type AgentId, asFrameworkId, type FrameworkId } from '../../protocol/ids.ts';
import type {
  ExecutorInfo,
  FrameworkInfo,
  MachineID,
  MaintenanceWindow,
  Offer,
  OfferOperation,
  SchedulerCall,
  SchedulerEvent,
  TaskInfo,
  TaskState,
} from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { assertInvariants } from './master-invariants.ts';
import { agentSubscription, frameworkInfo, reportedTask, resourcesOf, taskFor } from './master-messages.ts';
import { MasterWorld } from './master-world.ts';
import { type ConversionKind, conversionsOn } from './offer-conversions.ts';
import { Onlooker } from './onlooker.ts';
import { RegistryCopy } from './registry-copy.ts';
import { WorkerBelongings } from './worker-belongings.ts';

interface Who {
  /** Chooses among those that there are. */
  who: number;
}

/** What a step of a history may do: kind → arguments. */
interface StepArguments {
  subscribe: { aware: boolean; failoverTimeout: number; role: string };
  'subscribe again': Who;
  'hang up': Who;
  'tear down': Who;
  /** Another role, suppressed or not. */
  update: Who & { role: string; suppressed: boolean };
  revive: Who;
  suppress: Who;
  join: { cpus: number };
  /** From here on the link swallows what the master says, and nobody knows. */
  cut: Who;
  'lose link': Who;
  rejoin: Who;
  leave: Who;
  'mark gone': Who;
  /** The machine of an agent is due for maintenance, or not any more, or goes down, or comes up. */
  drain: Who;
  'call off': Who;
  'machine down': Who;
  'machine up': Who;
  /** An operator empties an agent for good or for a while, or has nothing of it offered, or has it used again. */
  empty: Who & { gone: boolean };
  deactivate: Who;
  reactivate: Who;
  /** Operations of an operator, one after the other. */
  operate: Who & { kinds: ConversionKind[]; role: string; id: number };
  weigh: { role: string; weight: number };
  limit: { role: string; guarantee: number; limit: number | undefined; force: boolean };
  /** An answer to an inverse offer. */
  answer: Who & { accepts: boolean };
  /** Back at once, without memory of its tasks. */
  restart: Who & { cpus: number };
  allocate: Record<never, never>;
  accept: { offer: number; tasks: { id: number; cpus: number }[]; thief: boolean };
  /** Operations on an offer, one after the other, and perhaps a task that uses the volumes of the offer. */
  convert: { offer: number; kinds: ConversionKind[]; id: number | undefined; task: number | undefined };
  /** A task under an executor of its own, or a group of two. */
  'launch under executor': { offer: number; task: number; executor: number; group: boolean };
  'end executor': Who;
  /** An agent tells the outcomes of operations. */
  'tell outcomes': Who;
  decline: { offer: number };
  report: Who & { state: TaskState };
  acknowledge: Who;
  kill: Who;
  reconcile: Who;
  wait: { seconds: number };
  /** The master is killed in the middle of what `last` makes it do: so many records were written, and what comes after them was said or not. */
  crash: { last: Step; written: number; said: boolean };
}

export type Step = { [Kind in keyof StepArguments]: { do: Kind } & StepArguments[Kind] }[keyof StepArguments];

interface AgentTask {
  framework: FrameworkInfo;
  info: TaskInfo;
  state: TaskState;
  /** Of the update that waits for its acknowledgement. */
  uuid: string | undefined;
}

/** The agent's side, as far as the master can tell: it runs what it is told, and says so until it is acknowledged. */
interface Worker {
  id: AgentId;
  hostname: string;
  cpus: number;
  /** The link works. A cut link swallows what the master says. */
  linked: boolean;
  gone: boolean;
  tasks: Map<string, AgentTask>;
  belongings: WorkerBelongings;
}

/** The framework's side: what it heard of its tasks by itself and when it asked, and what it has to acknowledge. */
interface Client {
  id: FrameworkId;
  info: FrameworkInfo;
  connected: boolean;
  over: boolean;
  launched: Set<string>;
  heard: Map<string, TaskState>;
  answers: Map<string, TaskState>;
  unacknowledged: { agent: string; task: string; uuid: string }[];
  outcomes: { agent: string; operation: string; uuid: string }[];
  offers: Map<string, Offer>;
  inverseOffers: Set<string>;
}

/** Machines that agents share. */
const machines = 3;

/** Lives through random histories of a master with agents and frameworks, and checks the master's invariants after each step. */
export class MasterHistory {
  readonly world: MasterWorld;
  readonly workers: Worker[] = [];
  readonly clients: Client[] = [];
  onlooker = new Onlooker();
  /** What is on the disk of the masters. */
  readonly registry = new RegistryCopy();
  /** Ids that were told to those who have them. */
  readonly #told = new Set<string>();
  /** Agents that were told that they are registered, and not since then that they must end. */
  readonly #admitted = new Set<string>();
  #isHeldBack = false;

  constructor(offerTimeout: number | undefined) {
    this.world = new MasterWorld({ offerTimeout });
  }

  step(step: Step): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    (this.#perform[step.do] as (argument: Step) => void)(step);
    this.#deliver();
    assertInvariants(this.world.state, this.world.allocator);
    this.onlooker.assertKnows(this.world.state);
    this.registry.assertHas(this.world.state);
  }

  /**
   * Everybody comes back, everything ends, all is acknowledged. Afterwards nothing may be open but tasks of agents that stay away,
   * and each framework that is not over must have heard of the end of all that it launched, or hear of it when it asks.
   */
  settle(): void {
    for (let machine = 0; machine < machines; machine++) this.#stop(`h${machine}`);
    for (const client of this.clients) if (!client.over) this.#subscribeAgain(client);
    for (const worker of this.workers) if (!worker.gone) this.#rejoin(worker);
    this.#deliver();
    // Agents that were admitted and never told come back as others.
    if (this.world.state.recovery.agents.size > 0) this.step({ do: 'wait', seconds: 600 });
    for (const role of ['a', 'b']) this.step({ do: 'limit', role, guarantee: 0, limit: undefined, force: true });
    for (let round = 0; round < 3; round++) {
      for (const worker of this.workers) {
        for (const task of worker.tasks.values())
          if (!isTerminal(task.state)) this.#report(worker, task, 'TASK_FINISHED');
      }
      this.#deliver();
      for (const worker of this.workers) {
        for (const task of worker.tasks.values()) this.#repeat(worker, task);
        while (worker.linked && worker.belongings.executors.size > 0) this.#endExecutor(worker);
        this.#tellOutcomes(worker, true);
      }
      this.#deliver();
      for (const client of this.clients) while (this.#acknowledge(client)) this.#deliver();
      this.#deliver();
    }
    // Drains are over by now, and agents that were to go are gone.
    this.step({ do: 'wait', seconds: 0 });
    for (const who of this.workers.keys()) this.step({ do: 'reactivate', who });
    for (const client of this.clients) {
      if (client.over) continue;
      const tasks = [...client.launched].map((id) => ({ task_id: { value: id } }));
      if (tasks.length > 0) this.#call(client.id, { type: 'RECONCILE', reconcile: { tasks } });
    }
    this.#deliver();
    assertInvariants(this.world.state, this.world.allocator);
  }

  readonly #perform: { [Kind in keyof StepArguments]: (step: StepArguments[Kind]) => void } = {
    subscribe: ({ aware, failoverTimeout, role }) => {
      const info = frameworkInfo({
        role,
        failoverTimeout,
        ...(aware ? { capabilities: ['PARTITION_AWARE', 'SHARED_RESOURCES'] } : {}),
      });
      const id = this.#subscribe(info);
      const fresh = {
        launched: new Set<string>(),
        heard: new Map(),
        answers: new Map(),
        unacknowledged: [],
        outcomes: [],
        offers: new Map(),
        inverseOffers: new Set<string>(),
      };
      this.clients.push({ id, info: { ...info, id: { value: id } }, connected: true, over: false, ...fresh });
    },
    'subscribe again': ({ who }) => this.#client(who, (client) => this.#subscribeAgain(client)),
    'hang up': ({ who }) =>
      this.#connected(who, (client) => {
        client.connected = false;
        client.offers.clear();
        client.inverseOffers.clear();
        this.world.did(disconnectFramework(this.world.state, this.world.known(client.id), this.world.now));
      }),
    'tear down': ({ who }) => this.#connected(who, ({ id }) => this.#call(id, { type: 'TEARDOWN' })),
    revive: ({ who }) => this.#connected(who, ({ id }) => this.#call(id, { type: 'REVIVE' })),
    suppress: ({ who }) => this.#connected(who, ({ id }) => this.#call(id, { type: 'SUPPRESS' })),
    update: ({ who, role, suppressed }) =>
      this.#connected(who, (client) => {
        const info = { ...client.info, role };
        const call = { framework_info: info, suppressed_roles: suppressed ? [role] : [] };
        const outcome = updateFramework(this.world.state, this.world.known(client.id), call, this.world.now);
        if ('refusal' in outcome) throw new Error(outcome.refusal);
        client.info = info;
        this.world.did(outcome.effects);
      }),
    join: ({ cpus }) => {
      const hostname = `h${this.workers.length % machines}`;
      const subscription = agentSubscription({ hostname, resources: resources(cpus) });
      const registration = registerAgent(this.world.state, subscription, this.world.now);
      if (!('agent' in registration)) return;
      this.world.did(registration.effects);
      const belongings = new WorkerBelongings(resources(cpus), () => this.world.uuid());
      const { agent: id } = registration;
      this.workers.push({ id, hostname, cpus, linked: true, gone: false, tasks: new Map(), belongings });
    },
    'mark gone': ({ who }) =>
      this.#worker(who, ({ id }) => {
        this.world.did(markGone(this.world.state, id, this.world.now) ?? []);
      }),
    drain: ({ who }) =>
      this.#worker(who, ({ hostname }) => {
        const start = { nanoseconds: this.world.now };
        this.#schedule(hostname, [{ machine_ids: [machineId(hostname)], unavailability: { start } }]);
      }),
    'call off': ({ who }) => this.#worker(who, ({ hostname }) => this.#schedule(hostname, [])),
    'machine down': ({ who }) =>
      this.#worker(who, ({ hostname }) => {
        this.#change(startMaintenance(this.world.state, [machineId(hostname)], this.world.now));
      }),
    'machine up': ({ who }) => this.#worker(who, ({ hostname }) => this.#stop(hostname)),
    empty: ({ who, gone: mark_gone }) =>
      this.#worker(who, ({ id }) => {
        this.#change(drainAgent(this.world.state, { agent_id: { value: id }, mark_gone }, this.world.now));
      }),
    deactivate: ({ who }) =>
      this.#worker(who, ({ id }) => {
        this.#change(deactivateAgent(this.world.state, id, this.world.now));
      }),
    reactivate: ({ who }) =>
      this.#worker(who, ({ id }) => {
        this.#change(reactivateAgent(this.world.state, id));
      }),
    operate: ({ who, kinds, role, id }) => this.#worker(who, (worker) => this.#operate(worker.id, kinds, role, id)),
    weigh: ({ role, weight }) => this.#change(updateWeights(this.world.state, [{ role, weight }], this.world.now)),
    limit: ({ role, guarantee, limit, force }) => {
      const limits = limit === undefined ? {} : { cpus: { value: limit } };
      const quota_configs = [{ role, guarantees: { cpus: { value: guarantee } }, limits }];
      this.#change(updateQuotas(this.world.state, { force, quota_configs }, this.world.now));
    },
    answer: ({ who, accepts }) =>
      this.#connected(who, ({ id, inverseOffers }) => {
        const call = { inverse_offer_ids: [...inverseOffers].map((value) => ({ value })) };
        inverseOffers.clear();
        if (accepts) this.#call(id, { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: call });
        else this.#call(id, { type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: call });
      }),
    cut: ({ who }) =>
      this.#worker(who, (worker) => {
        worker.linked = false;
      }),
    'lose link': ({ who }) =>
      this.#worker(who, (worker) => {
        worker.linked = false;
        this.world.did(disconnectAgent(this.world.state, worker.id, this.world.now));
      }),
    rejoin: ({ who }) => this.#worker(who, (worker) => this.#rejoin(worker)),
    restart: ({ who, cpus }) =>
      this.#worker(who, (worker) => {
        worker.tasks.clear();
        worker.cpus = cpus;
        worker.belongings.forget(resources(cpus));
        this.#rejoin(worker);
      }),
    leave: ({ who }) =>
      this.#worker(who, (worker) => {
        if (!worker.linked) return;
        worker.gone = true;
        worker.linked = false;
        worker.tasks.clear();
        this.world.did(removeAgent(this.world.state, worker.id, this.world.now));
      }),
    allocate: () => {
      this.world.offers();
    },
    convert: ({ offer, kinds, id, task }) => this.#convert(offer, kinds, id, task),
    'launch under executor': ({ offer, task, executor, group }) => this.#launchUnder(offer, task, executor, group),
    'end executor': ({ who }) => this.#worker(who, (worker) => this.#endExecutor(worker)),
    'tell outcomes': ({ who }) => this.#worker(who, (worker) => this.#tellOutcomes(worker, false)),
    accept: ({ offer, tasks, thief }) => this.#accept(offer, tasks, thief),
    decline: ({ offer: index }) =>
      this.#offer(index, (client, offer) => {
        client.offers.delete(offer.id.value);
        this.#call(client.id, { type: 'DECLINE', decline: { offer_ids: [offer.id] } });
      }),
    report: ({ who, state }) => this.#task(who, (worker, task) => this.#report(worker, task, state)),
    acknowledge: ({ who }) =>
      this.#connected(who, (client) => {
        this.#acknowledge(client);
      }),
    kill: ({ who }) =>
      this.#connected(who, (client) => {
        const id = [...client.launched].at(who % Math.max(1, client.launched.size));
        if (id !== undefined) this.#call(client.id, { type: 'KILL', kill: { task_id: { value: id } } });
      }),
    reconcile: ({ who }) =>
      this.#connected(who, (client) => {
        const tasks = who % 2 === 0 ? [] : [...client.launched].map((id) => ({ task_id: { value: id } }));
        this.#call(client.id, { type: 'RECONCILE', reconcile: { tasks } });
      }),
    wait: ({ seconds }) => {
      this.world.now += seconds * 1000;
      // Agents with a link answer the pings.
      for (const worker of this.workers) {
        const agent = this.world.state.agents.get(worker.id);
        if (worker.linked && agent !== undefined) agent.heardAt = this.world.now;
      }
      this.world.did(expire(this.world.state, this.world.now));
      this.world.did(forgetLostAgents(this.world.state, this.world.now));
    },
    crash: ({ last, written, said }) => this.#crash(last, written, said),
  };

  #call(client: FrameworkId, call: SchedulerCall): void {
    this.world.call(client, call);
  }

  #subscribe(info: FrameworkInfo): FrameworkId {
    const subscription = this.world.subscription(info);
    if ('refusal' in subscription) throw new Error(subscription.refusal);
    this.world.did(subscription.before);
    this.#deliver();
    this.world.did(subscription.after);
    return subscription.framework;
  }

  #subscribeAgain(client: Client): void {
    if (client.over) return;
    client.offers.clear();
    client.inverseOffers.clear();
    this.#subscribe(client.info);
    client.connected = true;
  }

  #rejoin(worker: Worker): void {
    const tasks = [...worker.tasks.values()];
    const { total, operations, executors } = worker.belongings;
    const registration = registerAgent(
      this.world.state,
      agentSubscription({
        id: worker.id,
        hostname: worker.hostname,
        resources: resources(worker.cpus),
        tasks: tasks.map(({ framework, info, state, uuid }) =>
          reportedTask(framework.id?.value ?? '', info, state, uuid),
        ),
        total,
        executors: [...executors.values()],
        operations: [...operations.values()].filter(({ info }) => info.id !== undefined),
        frameworks: tasks.map(({ framework }) => framework),
      }),
      this.world.now,
    );
    if (!('agent' in registration)) {
      this.#shutdown(worker);
      return;
    }
    worker.linked = true;
    this.world.did(registration.effects);
    this.#deliver();
    for (const task of tasks) this.#repeat(worker, task);
    this.#tellOutcomes(worker, true);
  }

  #tellOutcomes(worker: Worker, all: boolean): void {
    if (!worker.linked) return;
    for (const outcome of worker.belongings.outcomes(all)) {
      this.world.did(updateOperation(this.world.state, worker.id, outcome, this.world.now));
    }
  }

  #convert(index: number, kinds: ConversionKind[], id: number | undefined, task: number | undefined): void {
    this.#offer(index, (owner, offer) => {
      owner.offers.delete(offer.id.value);
      const role = owner.info.role ?? '*';
      const conversions = conversionsOn(offer, kinds, role, id ?? 0);
      const operations = conversions.operations.map((operation, place) =>
        id === undefined ? operation : { ...operation, id: { value: `o${id + place}` } },
      );
      if (task !== undefined) {
        const tasks = [task, task + 1].map((number) => {
          const info = taskFor(offer, `t${number}`, 'cpus:0.5;mem:32');
          return { ...info, resources: [...(info.resources ?? []), ...conversions.volumes] };
        });
        operations.push({ type: 'LAUNCH', launch: { task_infos: tasks } });
      }
      this.#call(owner.id, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    });
  }

  #launchUnder(index: number, task: number, executor: number, group: boolean): void {
    this.#offer(index, (owner, offer) => {
      owner.offers.delete(offer.id.value);
      const info: ExecutorInfo = {
        type: group ? 'DEFAULT' : 'CUSTOM',
        executor_id: { value: `e${executor}` },
        framework_id: { value: owner.id },
        resources: resourcesOf('cpus:0.5;mem:32;disk:5'),
        ...(group ? {} : { command: { value: 'true' } }),
      };
      const first = taskFor(offer, `t${task}`, 'cpus:0.5;mem:32');
      const { command: _command, ...bare } = first;
      const tasks = [first, taskFor(offer, `t${task + 1}`, 'cpus:0.5;mem:32')];
      const operation: OfferOperation = group
        ? { type: 'LAUNCH_GROUP', launch_group: { executor: info, task_group: { tasks } } }
        : { type: 'LAUNCH', launch: { task_infos: [{ ...bare, executor: info }] } };
      this.#call(owner.id, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations: [operation] } });
    });
  }

  #endExecutor(worker: Worker): void {
    const [key, executor] = [...worker.belongings.executors][0] ?? [];
    if (key === undefined || executor === undefined || !worker.linked) return;
    worker.belongings.executors.delete(key);
    const [executor_id, framework_id] = [executor.executor_id.value, executor.framework_id?.value ?? ''];
    for (const task of worker.tasks.values()) {
      const own = task.framework.id?.value === framework_id && task.info.executor?.executor_id.value === executor_id;
      if (own) this.#report(worker, task, 'TASK_FAILED');
    }
    const exit = { framework_id, executor_id, status: 0 };
    this.world.did(endExecutor(this.world.state, worker.id, exit, this.world.now));
  }

  #accept(index: number, tasks: { id: number; cpus: number }[], thief: boolean): void {
    this.#offer(index, (owner, offer) => {
      const client = thief ? (this.clients.find((other) => other.connected && other !== owner) ?? owner) : owner;
      if (client === owner) owner.offers.delete(offer.id.value);
      const infos = tasks.map(({ id, cpus }) => taskFor(offer, `t${id}`, `cpus:${cpus};mem:32`));
      this.world.accept(client.id, [offer], infos, 0);
    });
  }

  #report(worker: Worker, task: AgentTask, state: TaskState): void {
    // One update at a time, as an agent sends them.
    if (task.uuid !== undefined || isTerminal(task.state) || !worker.linked) return;
    task.state = state;
    task.uuid = this.world.update(worker.id, task.framework.id?.value ?? '', task.info.task_id.value, state);
  }

  #repeat(worker: Worker, task: AgentTask): void {
    if (task.uuid === undefined || !worker.linked || !worker.tasks.has(keyOf(task))) return;
    this.world.update(worker.id, task.framework.id?.value ?? '', task.info.task_id.value, task.state, task.uuid);
  }

  #acknowledge(client: Client): boolean {
    const next = client.connected ? client.unacknowledged.shift() : undefined;
    if (next === undefined) return this.#acknowledgeOutcome(client);
    this.world.acknowledge(client.id, next.agent, next.task, next.uuid);
    return true;
  }

  #acknowledgeOutcome(client: Client): boolean {
    const next = client.connected ? client.outcomes.shift() : undefined;
    if (next === undefined) return false;
    const { agent, operation, uuid } = next;
    this.#call(client.id, {
      type: 'ACKNOWLEDGE_OPERATION_STATUS',
      acknowledge_operation_status: { agent_id: { value: agent }, operation_id: { value: operation }, uuid },
    });
    return true;
  }

  /** Brings what the master said to those who can hear it. */
  #deliver(): void {
    if (this.#isHeldBack) return;
    for (let effects = this.world.take(); effects.length > 0; effects = this.world.take()) {
      for (const effect of effects) this.#bring(effect);
    }
  }

  #bring(effect: Effect): void {
    if (effect.kind === 'record') this.registry.write(effect.entries);
    if (effect.kind === 'sendEvent') this.#hear(effect.framework, effect.event);
    if (effect.kind === 'sendToAgent') this.#obey(effect.agent, effect.message);
    if (effect.kind === 'announce') this.onlooker.hear(effect.news);
    if (effect.kind === 'endLink') this.#hangUp(effect.agent);
    if (effect.kind === 'endSubscription') this.#end(effect.framework);
  }

  #crash(last: Step, written: number, said: boolean): void {
    if (last.do === 'crash') return;
    this.#isHeldBack = true;
    (this.#perform[last.do] as (argument: Step) => void)(last);
    this.#isHeldBack = false;
    const effects = this.world.take();
    const records = [...effects.keys()].filter((index) => effects[index]?.kind === 'record');
    const end = said ? (records[written] ?? effects.length) : (records[written - 1] ?? -1) + 1;
    for (const effect of effects.slice(0, end)) this.#bring(effect);
    this.world.succeed(this.registry.records);
    const { state } = this.world;
    // Those who were told nothing have no id, and begin anew.
    remove(this.workers, ({ id }) => !this.#told.has(id));
    remove(this.clients, ({ id }) => !this.#told.has(id));
    for (const worker of this.workers) worker.linked = false;
    for (const client of this.clients) this.#end(client.id);
    this.onlooker = new Onlooker();
    for (const framework of state.frameworks.values()) this.onlooker.hear({ type: 'FRAMEWORK_ADDED', framework });
    for (const { id, over } of this.clients)
      if (!over) assert.ok(state.frameworks.has(id), `framework ${id} is forgotten`);
    for (const { id, gone } of this.workers) {
      const isKnown = state.recovery.agents.has(id) || state.unreachableAgents.has(id) || state.goneAgents.has(id);
      assert.ok(isKnown || gone || !this.#admitted.has(id), `agent ${id} is forgotten`);
    }
  }

  #hear(id: FrameworkId, event: SchedulerEvent): void {
    const client = this.clients.find((candidate) => candidate.id === id);
    if (event.subscribed !== undefined) this.#told.add(id);
    if (client === undefined || !client.connected) return;
    for (const offer of event.offers?.offers ?? []) client.offers.set(offer.id.value, offer);
    if (event.rescind !== undefined) client.offers.delete(event.rescind.offer_id.value);
    for (const { id } of event.inverse_offers?.inverse_offers ?? []) client.inverseOffers.add(id.value);
    const taken = event.rescind_inverse_offer?.inverse_offer_id.value;
    if (taken !== undefined && !client.inverseOffers.delete(taken)) throw new Error(`${taken} was not out`);
    const outcome = event.update_operation_status?.status;
    if (outcome?.uuid !== undefined) {
      const [agent, operation] = [outcome.agent_id?.value ?? '', outcome.operation_id?.value ?? ''];
      client.outcomes.push({ agent, operation, uuid: outcome.uuid.value });
    }
    const status = event.update?.status;
    if (status === undefined) return;
    // An answer to a question about a task that is long over says TASK_UNKNOWN.
    const answer = status.source === 'SOURCE_MASTER' && status.reason === 'REASON_RECONCILIATION';
    (answer ? client.answers : client.heard).set(status.task_id.value, status.state);
    if (status.uuid === undefined) return;
    client.unacknowledged.push({
      agent: status.agent_id?.value ?? '',
      task: status.task_id.value,
      uuid: status.uuid,
    });
  }

  #obey(id: AgentId, message: MasterMessage): void {
    if (message.type === 'REGISTERED') {
      this.#told.add(id);
      this.#admitted.add(id);
    }
    if (message.type === 'SHUTDOWN') this.#admitted.delete(id);
    const worker = this.workers.find((candidate) => candidate.id === id);
    if (worker === undefined || !worker.linked) return;
    worker.belongings.obey(message, id);
    if (message.type === 'RUN_TASK') this.#run(worker, message.framework, message.task);
    if (message.type === 'RUN_TASK_GROUP') {
      const { framework, executor, tasks } = message;
      for (const task of tasks) this.#run(worker, framework, { ...task, executor });
    }
    if (message.type === 'SHUTDOWN') this.#shutdown(worker);
    if (message.type === 'ACKNOWLEDGE') {
      const task = worker.tasks.get(`${message.framework_id}/${message.task_id}`);
      if (task === undefined || task.uuid !== message.uuid) return;
      task.uuid = undefined;
      if (isTerminal(task.state)) worker.tasks.delete(keyOf(task));
    }
    if (message.type === 'KILL_TASK') {
      const task = worker.tasks.get(`${message.framework_id}/${message.task_id}`);
      if (task !== undefined) this.#report(worker, task, 'TASK_KILLED');
    }
    if (message.type === 'SHUTDOWN_FRAMEWORK') {
      for (const [key, task] of worker.tasks) {
        if (task.framework.id?.value === message.framework_id) worker.tasks.delete(key);
      }
    }
    if (message.type === 'RECONCILE') {
      for (const { framework_id, task_id, partition_aware } of message.tasks) {
        if (worker.tasks.has(`${framework_id}/${task_id}`)) continue;
        this.world.update(worker.id, framework_id, task_id, partition_aware ? 'TASK_DROPPED' : 'TASK_LOST');
      }
    }
  }

  #run(worker: Worker, framework: FrameworkInfo, info: TaskInfo): void {
    const client = this.clients.find((candidate) => candidate.id === framework.id?.value);
    client?.launched.add(info.task_id.value);
    client?.heard.delete(info.task_id.value);
    const task: AgentTask = { framework, info, state: 'TASK_STAGING', uuid: undefined };
    if (worker.tasks.has(keyOf(task))) throw new Error(`${keyOf(task)} runs twice on ${worker.id}`);
    worker.tasks.set(keyOf(task), task);
  }

  /** Says that an agent must end: it comes back as a new process without tasks, unless it is gone for good. */
  #shutdown(worker: Worker): void {
    worker.tasks.clear();
    worker.belongings.forget(resources(worker.cpus));
    worker.linked = false;
    worker.gone = this.world.state.goneAgents.has(worker.id);
  }

  #schedule(hostname: string, windows: MaintenanceWindow[]): void {
    const others = (this.world.state.maintenance.schedule.windows ?? []).filter(
      ({ machine_ids = [] }) => !machine_ids.some((id) => id.hostname === hostname),
    );
    this.#change(updateSchedule(this.world.state, { windows: [...others, ...windows] }, this.world.now));
  }

  #stop(hostname: string): void {
    this.#change(stopMaintenance(this.world.state, [machineId(hostname)]));
  }

  /** On what the master believes to be there, each after the one before it. */
  #operate(id: AgentId, kinds: readonly ConversionKind[], role: string, firstVolume: number): void {
    const agent = this.world.state.agents.get(id);
    if (agent === undefined) return;
    const { operations } = conversionsOn({ resources: agent.total }, kinds, role, firstVolume);
    for (const operation of operations)
      this.#change(operateOnAgent(this.world.state, agent, operation, this.world.now));
  }

  /** What an operator may not do is refused, and changes nothing. */
  #change(outcome: { effects: Effect[] } | { refusal: string }): void {
    if ('effects' in outcome) this.world.did(outcome.effects);
  }

  #hangUp(id: AgentId): void {
    const worker = this.workers.find((candidate) => candidate.id === id);
    if (worker !== undefined) worker.linked = false;
  }

  #end(id: FrameworkId): void {
    const client = this.clients.find((candidate) => candidate.id === id);
    if (client === undefined) return;
    client.over = this.world.state.completedFrameworks.has(asFrameworkId(id));
    client.connected = false;
    client.offers.clear();
    client.unacknowledged = [];
    client.outcomes = [];
  }

  #client(index: number, action: (client: Client) => void): void {
    const client = this.clients.at(index % Math.max(1, this.clients.length));
    if (client !== undefined) action(client);
  }

  #connected(index: number, action: (client: Client) => void): void {
    this.#client(index, (client) => {
      if (client.connected) action(client);
    });
  }

  #worker(index: number, action: (worker: Worker) => void): void {
    const worker = this.workers.at(index % Math.max(1, this.workers.length));
    if (worker !== undefined && !worker.gone) action(worker);
  }

  #offer(index: number, action: (owner: Client, offer: Offer) => void): void {
    const offers = this.clients
      .filter(({ connected }) => connected)
      .flatMap((client) => [...client.offers.values()].map((offer) => ({ client, offer })));
    const chosen = offers.at(index % Math.max(1, offers.length));
    if (chosen !== undefined) action(chosen.client, chosen.offer);
  }

  #task(index: number, action: (worker: Worker, task: AgentTask) => void): void {
    const tasks = this.workers.flatMap((worker) => [...worker.tasks.values()].map((task) => ({ worker, task })));
    const chosen = tasks.at(index % Math.max(1, tasks.length));
    if (chosen !== undefined) action(chosen.worker, chosen.task);
  }
}

function machineId(hostname: string): MachineID {
  return { hostname, ip: '127.0.0.1' };
}

function resources(cpus: number): string {
  return `cpus:${cpus};mem:${cpus * 1024};disk:1000;ports:[31000-31099]`;
}

function keyOf({ framework, info }: Pick<AgentTask, 'framework' | 'info'>): string {
  return `${framework.id?.value ?? ''}/${info.task_id.value}`;
}

function remove<Element>(list: Element[], isMeant: (element: Element) => boolean): void {
  list.splice(0, list.length, ...list.filter((element) => !isMeant(element)));
}
