import type { CheckStatusInfo, TaskStatus } from '../../protocol/messages.ts';
import type { HealthNews } from '../../runtime/checks/verdict.ts';
import type { Effect } from '../effects.ts';
import type { AgentState, TaskRecord } from '../state.ts';
import { type Context, report } from '../status-updates.ts';
import { killUnhealthy } from './kill-task.ts';

/** A health check has news of a task that runs; one that failed too often is killed. */
export function healthChanged(state: AgentState, task: TaskRecord, news: HealthNews, context: Context): Effect[] {
  const last = lastRunning(task);
  if (last === undefined) return [];
  const { check_status } = last;
  const told = report(
    task,
    {
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
      healthy: news.healthy,
      ...(check_status && { check_status }),
    },
    context,
  );
  return news.kill ? [...told, ...killUnhealthy(state, task, context)] : told;
}

/** A check of a task that runs says something else than before. */
export function checkStatusChanged(task: TaskRecord, check_status: CheckStatusInfo, context: Context): Effect[] {
  const last = lastRunning(task);
  if (last === undefined) return [];
  const { healthy } = last;
  return report(
    task,
    {
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_TASK_CHECK_STATUS_UPDATED',
      ...(healthy === undefined ? {} : { healthy }),
      check_status,
    },
    context,
  );
}

/** What was last said of it, which each update keeps but for its own news; undefined once it is being killed, or is over. */
function lastRunning(task: TaskRecord): TaskStatus | undefined {
  if (task.ending !== undefined || task.phase !== 'running') return undefined;
  const last = task.statuses.at(-1);
  return last?.state === 'TASK_RUNNING' ? last : undefined;
}
