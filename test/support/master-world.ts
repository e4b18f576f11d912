import { allocate } from '../../master/commands/allocate.ts';
import { registerAgent } from '../../master/commands/register-agent.ts';
import { carryOut } from '../../master/commands/scheduler-call.ts';
import { type Subscription, subscribe } from '../../master/commands/subscribe.ts';
import { updateTask } from '../../master/commands/update-task.ts';
import type { Effect } from '../../master/effects.ts';
import { freshState } from '../../master/fresh-state.ts';
import { recover } from '../../master/registry/recovery.ts';
import type { RegistryRecord } from '../../master/registry/registry-store.ts';
import type { Framework, MasterSettings, MasterState } from '../../master/state.ts';
import type { AgentSubscription, MasterMessage } from '../../protocol/agent-link.ts';
import { type AgentId, asMasterId, type FrameworkId, uuidToBase64 } from '../../protocol/ids.ts';
import type {
  FrameworkInfo,
  Offer,
  SchedulerCall,
  SchedulerEvent,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.ts';
import { AuditedAllocator } from './audited-allocator.ts';
import { agentSubscription, type FrameworkWishes, frameworkInfo, taskFor } from './master-messages.ts';

/** A master without its edge: commands run on its state, what they want done is noted down, time stands still unless it is moved. */
export class MasterWorld {
  state: MasterState;
  allocator = new AuditedAllocator();
  /** Milliseconds since the epoch. */
  now = 1_000_000_000_000;
  #effects: Effect[] = [];
  #uuids = 0;
  #masters = 0;
  readonly #settings: Partial<MasterSettings>;

  constructor(settings: Partial<MasterSettings> = {}) {
    this.#settings = settings;
    this.state = this.#newState();
  }

  /** Another master takes over, with what the registry has; what was noted down is gone. */
  succeed(records: readonly RegistryRecord[]): void {
    this.#effects = [];
    this.allocator = new AuditedAllocator();
    this.state = this.#newState();
    recover(this.state, { cluster: 'cluster', epoch: this.#masters, records }, this.now);
  }

  #newState(): MasterState {
    const number = ++this.#masters;
    return freshState({
      master: { id: asMasterId(number === 1 ? 'M' : `M${number}`), ip: 16_777_343, port: 5050, hostname: 'localhost' },
      startedAt: this.now,
      settings: {
        agentPingTimeout: 75,
        agentRemovalRate: undefined,
        agentReregisterTimeout: 600,
        recoveryRemovalLimit: 1,
        allocationRecoveryShare: 0.8,
        allocationRecoveryTimeout: 600,
        maxCompletedFrameworks: 50,
        maxCompletedTasksPerFramework: 1000,
        maxUnreachableTasksPerFramework: 1000,
        maxLostAgents: 1000,
        maxLostAgentAge: 1_000_000,
        rootSubmissions: true,
        roles: undefined,
        offerTimeout: undefined,
        preemptionDelay: undefined,
        ...this.#settings,
      },
      allocator: this.allocator,
    });
  }

  /** Notes down what a command wants done. */
  did(effects: readonly Effect[]): readonly Effect[] {
    // Texts are made of entries before anything else happens.
    for (const effect of effects) this.#effects.push(effect.kind === 'record' ? structuredClone(effect) : effect);
    return effects;
  }

  /** Everything noted down since the last time. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  subscription(info: FrameworkInfo, suppressed: string[] = []): Subscription {
    return subscribe(this.state, { framework_info: info, suppressed_roles: suppressed }, this.now);
  }

  /** Subscribes a framework that is not refused. */
  framework(wishes: FrameworkWishes = {}, suppressed: string[] = []): FrameworkId {
    const subscription = this.subscription(frameworkInfo(wishes), suppressed);
    if ('refusal' in subscription) throw new Error(subscription.refusal);
    this.did(subscription.before);
    this.did(subscription.after);
    return subscription.framework;
  }

  agent(resources: string, options: Omit<Parameters<typeof agentSubscription>[0], 'resources'> = {}): AgentId {
    return this.register(agentSubscription({ resources, ...options }));
  }

  register(subscription: AgentSubscription): AgentId {
    const registration = registerAgent(this.state, subscription, this.now);
    if ('refusal' in registration) throw new Error(registration.refusal);
    if ('shutdown' in registration) throw new Error(registration.shutdown);
    this.did(registration.effects);
    return registration.agent;
  }

  known(framework: FrameworkId): Framework {
    const found = this.state.frameworks.get(framework);
    if (found === undefined) throw new Error(`there is no framework ${framework}`);
    return found;
  }

  call(framework: FrameworkId, call: SchedulerCall): readonly Effect[] {
    return this.did(carryOut(this.state, this.known(framework), call, this.now));
  }

  /** One allocation; the offers made to a framework, or all of them. */
  offers(framework?: FrameworkId): Offer[] {
    const effects = this.did(allocate(this.state, this.now, () => 0));
    return eventsIn(effects, framework).flatMap((event) => event.offers?.offers ?? []);
  }

  /** The one offer that a framework gets now. */
  offer(framework: FrameworkId): Offer {
    const [offer, ...others] = this.offers(framework);
    if (offer === undefined || others.length > 0) throw new Error(`${framework} gets no offer, or several`);
    return offer;
  }

  accept(framework: FrameworkId, offers: Offer[], tasks: TaskInfo[], refuseSeconds?: number): readonly Effect[] {
    return this.call(framework, {
      type: 'ACCEPT',
      accept: {
        offer_ids: offers.map(({ id }) => id),
        operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
        ...(refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } }),
      },
    });
  }

  /** Launches one task on what a framework is offered now. */
  launch(framework: FrameworkId, id: string, resources = 'cpus:1;mem:64'): TaskInfo {
    const offer = this.offer(framework);
    const effects = this.accept(framework, [offer], [taskFor(offer, id, resources)], 0);
    const sent = messagesIn(effects).flatMap((message) => (message.type === 'RUN_TASK' ? [message.task] : []));
    const [task] = sent;
    if (task === undefined) throw new Error(`${id} was not launched`);
    return task;
  }

  /** The agent's status update; its uuid, in base64. */
  update(agent: AgentId, framework: string, task: string, state: TaskState, uuid = this.uuid()): string {
    const status: TaskStatus = {
      task_id: { value: task },
      state,
      source: 'SOURCE_EXECUTOR',
      agent_id: { value: agent },
      executor_id: { value: task },
      timestamp: this.now / 1000,
      uuid,
    };
    this.did(updateTask(this.state, agent, { framework_id: framework, status, latest_state: state }, this.now));
    return uuid;
  }

  acknowledge(framework: FrameworkId, agent: string, task: string, uuid: string): readonly Effect[] {
    const acknowledge = { agent_id: { value: agent }, task_id: { value: task }, uuid };
    return this.call(framework, { type: 'ACKNOWLEDGE', acknowledge });
  }

  uuid(): string {
    return uuidToBase64(`00000000-0000-4000-8000-${String(this.#uuids++).padStart(12, '0')}`);
  }
}

export function eventsIn(effects: readonly Effect[], framework?: FrameworkId): SchedulerEvent[] {
  return effects.flatMap((effect) =>
    effect.kind === 'sendEvent' && (framework === undefined || effect.framework === framework) ? [effect.event] : [],
  );
}

export function statusesIn(effects: readonly Effect[], framework?: FrameworkId): TaskStatus[] {
  return eventsIn(effects, framework).flatMap((event) => (event.update === undefined ? [] : [event.update.status]));
}

/** `t1 TASK_LOST REASON_…`, for comparing many at once. */
export function updatesIn(effects: readonly Effect[], framework?: FrameworkId): string[] {
  return statusesIn(effects, framework).map(({ task_id, state, reason }) =>
    [task_id.value, state, ...(reason === undefined ? [] : [reason])].join(' '),
  );
}

export function messagesIn(effects: readonly Effect[], agent?: AgentId): MasterMessage[] {
  return effects.flatMap((effect) =>
    effect.kind === 'sendToAgent' && (agent === undefined || effect.agent === agent) ? [effect.message] : [],
  );
}
