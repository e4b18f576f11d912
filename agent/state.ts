import type { KillCause } from '../protocol/agent-link.ts';
import type { ContainerId } from '../protocol/ids.ts';
import type {
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  OfferOperation,
  OperationStatus,
  Resource,
  TaskInfo,
  TaskResourceLimitation,
  TaskState,
  TaskStatus,
  TaskStatusReason,
  TaskStatusSource,
} from '../protocol/messages.ts';

/**
 * All that the agent knows of its tasks. Commands alone change it, in place and synchronously.
 *
 * INVARIANTS
 * - A task has exactly one terminal update, the last of its queue; nothing is queued after it.
 * - A task leaves `tasks` when its terminal update is acknowledged and its container is gone.
 * - The head of a queue is outstanding; what is behind it has never been sent.
 * - An executor leaves `executors` when it is over, before its tasks are told to be: the next of its name is a new run.
 */
export interface AgentState {
  readonly tasks: Map<string, TaskRecord>;
  /** Executors that tasks name (custom ones, and the DEFAULT one of pods), by `executorKey`, until they are over. */
  readonly executors: Map<string, ExecutorRecord>;
  readonly settings: AgentSettings;
  /** All that the agent has, with what operations made of it. Normal form. */
  total: Resource[];
  /** What may be given besides, as revocable resources; undefined where nobody estimates that. Normal form. */
  oversubscribed: Resource[] | undefined;
  /** Operations whose outcome is not acknowledged yet, or not even known, by uuid (base64). */
  readonly operations: Map<string, OperationRecord>;
  /** An operator empties the agent, or has emptied it. `startedAt`: milliseconds since the epoch, by the master's clock. */
  drain: { config: DrainConfig; startedAt: number } | undefined;
  /** What is over and whose container is gone, oldest first, by framework; the latest framework last. */
  readonly completed: Map<string, Run[]>;
  /** By the names of the metrics, e.g. `tasks_finished`. */
  readonly counters: Map<string, number>;
}

export interface AgentSettings {
  /** Seconds between SIGTERM and SIGKILL where neither task nor call say otherwise. */
  killGrace: number;
  /** Seconds between SHUTDOWN and the end of an executor that says nothing else. */
  executorShutdownGrace: number;
  /** Seconds from the launch of an executor, fetching and pulling included, to its first SUBSCRIBE. */
  executorRegistrationTimeout: number;
  /** Seconds from the agent's own start to the next SUBSCRIBE of an executor that an earlier run of it left. */
  executorReregistrationTimeout: number;
}

/**
 *     preparing ──► running ──► ended        (the container's life)
 *         └───────────────────────┘          (killed, or failed to launch)
 */
export type Phase = 'preparing' | 'running' | 'ended';

/** A container of the agent's: what the launcher makes, whose output is kept, and whose end is waited for. */
export interface ContainerRecord {
  framework: FrameworkInfo;
  readonly containerId: ContainerId;
  readonly containerName: string;
  readonly sandbox: string;
  phase: Phase;
  /** Addresses of the container, or of the agent on networks of none of its own. */
  addresses: { protocol: 'IPv4' | 'IPv6'; address: string }[];
  /** Whether the container is removed (or was never made). */
  released: boolean;
}

/** What counts as an executor with its tasks: one of `executors`, or a task that is a container of its own. */
export type Run = TaskRecord | ExecutorRecord;

/**
 * A task. One of a custom executor has no container of its own: ids, sandbox and addresses are its executor's, and `released` is
 * true from the beginning. One of a pod (pods.ts) has an executor and a container of its own.
 */
export interface TaskRecord extends ContainerRecord {
  readonly kind: 'task';
  readonly key: string;
  readonly info: TaskInfo;
  /** The executor that it belongs to; none where the agent itself is the executor of that one task. */
  readonly executor?: ExecutorRecord;
  /** Of a pod: the tasks that came with it, itself among them. */
  readonly group?: readonly TaskRecord[];
  /** Of updates that its executor sent, the latest last: it may send them again. */
  readonly received: Set<string>;
  /** The latest state, which may be ahead of what was acknowledged. */
  state: TaskState;
  /** Why the container is being stopped, once it is. */
  ending: Ending | undefined;
  readonly queue: QueuedUpdate[];
  /** The last one of each run of equal states. */
  statuses: TaskStatus[];
  /** Its framework is gone: no update of it is sent any more. */
  orphaned: boolean;
  /** Why the master has it killed, where its framework did not ask for that. */
  cause?: KillCause;
  /** The drain that it is killed for. */
  drain?: DrainConfig;
  /** Milliseconds since the epoch: when its container was started. */
  startedAt?: number;
  /** Milliseconds since the epoch: when its grace is over, once its container was told to end. */
  killBy?: number;
}

/**
 *     registering ──► running ──► terminating ──► terminated
 *          └──────────────┴──────────────────────────┘       (its container ended, or never ran)
 *
 * `registering` ends with the first SUBSCRIBE, `terminating` begins with SHUTDOWN (said, or to be said when it subscribes).
 */
export type ExecutorStage = 'registering' | 'running' | 'terminating' | 'terminated';

/**
 * A container that runs tasks: launched for the first task that names it, and told of tasks over `/api/v1/executor`. Of a pod it is the
 * container that holds the network, if there is one; `running` comes with its start.
 */
export interface ExecutorRecord extends ContainerRecord {
  readonly kind: 'executor';
  readonly key: string;
  /** `framework_id` filled in. */
  readonly info: ExecutorInfo;
  stage: ExecutorStage;
  /** Whether it listens now. It may leave and come back while it runs. */
  connected: boolean;
  /** Whether it was ever told of a task. */
  hadTasks: boolean;
  /** Tasks that it has not been told of yet, in order; those of a LAUNCH_GROUP go together. */
  readonly queued: QueuedLaunch[];
  /** Tasks that it has been told of and that are not over for their scheduler. */
  readonly launched: Set<TaskRecord>;
  /** Its tasks that are over, oldest first. */
  readonly completed: TaskRecord[];
  /** MB that its container was given at the most: a limit is not lowered below what may be in use. */
  memoryGranted: number;
  /** What becomes of its tasks when it ends, where that is not only that it ended. */
  ending: Ending | undefined;
  /** Its framework is gone: nobody waits for its tasks' ends. */
  orphaned: boolean;
  /** Milliseconds since the epoch: when it is to have said its first word. */
  registerBy?: number;
  /** Milliseconds since the epoch: when its time is over, once it was told to end. */
  endBy?: number;
  /** An earlier run of the agent left it, and it has not subscribed since. */
  returning?: boolean;
}

export interface QueuedLaunch {
  readonly tasks: TaskRecord[];
  readonly grouped: boolean;
}

export interface Ending {
  state: TaskState;
  reason?: TaskStatusReason;
  message?: string;
  /** Where a container ends of it, unless its executor is to say so. */
  source?: TaskStatusSource;
  /** False where its health check had it killed. */
  healthy?: boolean;
  /** Which of its resources it took too much of. */
  limitation?: TaskResourceLimitation;
}

export interface QueuedUpdate {
  readonly status: TaskStatus;
  /** Milliseconds since the epoch; undefined until it was first sent. */
  nextRetry: number | undefined;
  /** Milliseconds to the next retry. */
  interval: number;
}

export interface OperationRecord {
  readonly uuid: string;
  readonly framework: string | undefined;
  readonly info: OfferOperation;
  /** Its outcome. */
  readonly status: OperationStatus;
  /** Whether volumes and checkpoint are as the operation wants them: before that, nobody is told the outcome. */
  settled: boolean;
  /** Milliseconds since the epoch; undefined until the outcome was first sent. */
  nextRetry: number | undefined;
  /** Milliseconds to the next retry. */
  interval: number;
}

export function emptyState(settings: AgentSettings, total: Resource[] = []): AgentState {
  return {
    tasks: new Map(),
    executors: new Map(),
    settings,
    total,
    oversubscribed: undefined,
    operations: new Map(),
    drain: undefined,
    completed: new Map(),
    counters: new Map(),
  };
}

export function executorKey(framework: string, executor: string): string {
  return `${framework}/${executor}`;
}

export function taskKey(framework: string, task: string): string {
  return `${framework}/${task}`;
}
