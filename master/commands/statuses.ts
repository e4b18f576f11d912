import type { FrameworkId } from '../../protocol/ids.ts';
import type {
  SchedulerEvent,
  Task,
  TaskInfo,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '../../protocol/messages.ts';
import { announce, type Effect, sendEvent } from '../effects.ts';
import type { Framework } from '../state.ts';

/** A status of the master's own making: it carries no uuid and must not be acknowledged. `now`: milliseconds since the epoch. */
export function masterStatus(
  task: { task: string; agent?: string | undefined; state: TaskState; reason: TaskStatusReason; message: string },
  now: number,
): TaskStatus {
  return {
    task_id: { value: task.task },
    state: task.state,
    message: task.message,
    source: 'SOURCE_MASTER',
    reason: task.reason,
    ...(task.agent === undefined ? {} : { agent_id: { value: task.agent } }),
    timestamp: now / 1000,
  };
}

/** What a status that the master makes says besides of a task as it is: how it was found to be last. */
export function addCondition(status: TaskStatus, { statuses }: Task): TaskStatus {
  const last = statuses?.at(-1);
  if (last?.healthy !== undefined) status.healthy = last.healthy;
  if (last?.check_status !== undefined) status.check_status = last.check_status;
  if (last?.container_status !== undefined) status.container_status = last.container_status;
  return status;
}

export function updateEvent(status: TaskStatus): SchedulerEvent {
  return { type: 'UPDATE', update: { status } };
}

/** Tells a framework that a task which it tried to launch was refused. */
export function refuseTask(
  framework: FrameworkId,
  task: TaskInfo,
  refusal: { state: TaskState; reason: TaskStatusReason; message: string },
  now: number,
): Effect {
  const status = masterStatus({ task: task.task_id.value, agent: task.agent_id.value, ...refusal }, now);
  return sendEvent(framework, updateEvent(status));
}

/** Records a status: the last one of each run of equal states, without its data. Announces it unless it was known. */
export function recordStatus(framework: Framework, task: Task, status: TaskStatus): Effect[] {
  const { data: _data, ...kept } = status;
  const statuses = task.statuses ?? [];
  const isKnown = statuses.at(-1)?.state === status.state;
  if (isKnown) statuses.pop();
  task.statuses = [...statuses, kept];
  return isKnown && !isCheckResult(status)
    ? []
    : [announce({ type: 'TASK_UPDATED', framework, status, state: task.state })];
}

function isCheckResult({ reason }: TaskStatus): boolean {
  return reason === 'REASON_TASK_CHECK_STATUS_UPDATED' || reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
}
