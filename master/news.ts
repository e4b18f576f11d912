import type { FrameworkInfo, Task, TaskState, TaskStatus } from '../protocol/messages.ts';
import type { Agent, Framework } from './state.ts';

/** What happened in the cluster, as subscribers of the operator API hear of it. */
export type News =
  | { type: 'TASK_ADDED'; task: Task }
  /** `status` is the update, `state` the task's latest state. */
  | { type: 'TASK_UPDATED'; framework: Framework; status: TaskStatus; state: TaskState }
  | { type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED'; framework: Framework }
  | { type: 'FRAMEWORK_REMOVED'; info: FrameworkInfo }
  | { type: 'AGENT_ADDED' | 'AGENT_REMOVED'; agent: Agent };
