import type { ContainerId } from '../protocol/ids.ts';
import type {
  FrameworkInfo,
  OfferOperation,
  OperationStatus,
  Resource,
  TaskInfo,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '../protocol/messages.ts';

/**
 * All that the agent knows of its tasks. Commands alone change it, in place and synchronously.
 *
 * INVARIANTS
 * - A task has exactly one terminal update, the last of its queue; nothing is queued after it.
 * - A task leaves `tasks` when its terminal update is acknowledged and its container is gone.
 * - The head of a queue is outstanding; what is behind it has never been sent.
 */
export interface AgentState {
  readonly tasks: Map<string, TaskRecord>;
  readonly settings: AgentSettings;
  /** All that the agent has, with what operations made of it. Normal form. */
  total: Resource[];
  /** Operations whose outcome is not acknowledged yet, or not even known, by uuid (base64). */
  readonly operations: Map<string, OperationRecord>;
  /** Tasks that are over and whose container is gone, oldest first, by framework; the latest framework last. */
  readonly completed: Map<string, TaskRecord[]>;
  /** By the names of the metrics, e.g. `tasks_finished`. */
  readonly counters: Map<string, number>;
}

export interface AgentSettings {
  /** Seconds between SIGTERM and SIGKILL where neither task nor call say otherwise. */
  killGrace: number;
}

/**
 *     preparing ──► running ──► ended        (the container's life)
 *         └───────────────────────┘          (killed, or failed to launch)
 */
export type Phase = 'preparing' | 'running' | 'ended';

export interface TaskRecord {
  readonly key: string;
  framework: FrameworkInfo;
  readonly info: TaskInfo;
  readonly containerId: ContainerId;
  readonly containerName: string;
  readonly sandbox: string;
  phase: Phase;
  /** The latest state, which may be ahead of what was acknowledged. */
  state: TaskState;
  /** Why the container is being stopped, once it is. */
  ending: Ending | undefined;
  readonly queue: QueuedUpdate[];
  /** The last one of each run of equal states. */
  statuses: TaskStatus[];
  /** Addresses of the container, or of the agent on networks of none of its own. */
  addresses: { protocol: 'IPv4' | 'IPv6'; address: string }[];
  /** Whether the container is removed (or was never made). */
  released: boolean;
  /** Its framework is gone: no update of it is sent any more. */
  orphaned: boolean;
}

export interface Ending {
  state: TaskState;
  reason?: TaskStatusReason;
  message?: string;
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
  return { tasks: new Map(), settings, total, operations: new Map(), completed: new Map(), counters: new Map() };
}

export function taskKey(framework: string, task: string): string {
  return `${framework}/${task}`;
}
