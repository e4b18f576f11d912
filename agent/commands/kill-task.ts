import type { KillPolicy, TaskStatusReason } from '../../protocol/messages.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import type { AgentState, Ending, TaskRecord } from '../state.ts';
import { type Context, report } from '../status-updates.ts';

/** KILL_TASK: SIGTERM, and SIGKILL after the grace period. A second kill may change the grace period. */
export function killTask(
  state: AgentState,
  task: TaskRecord,
  policy: KillPolicy | undefined,
  context: Context,
): Effect[] {
  return end(state, task, { state: 'TASK_KILLED' }, graceOf(state, task, policy), context);
}

/** Ends a task for a reason of the agent's own, at once. */
export function endTask(
  state: AgentState,
  task: TaskRecord,
  ending: { reason: TaskStatusReason; message: string },
  context: Context,
): Effect[] {
  return end(state, task, { state: 'TASK_FAILED', ...ending }, 0, context);
}

function end(state: AgentState, task: TaskRecord, ending: Ending, graceSeconds: number, context: Context): Effect[] {
  if (isTerminal(task.state) || !state.tasks.has(task.key)) return [];
  const first = task.ending === undefined;
  task.ending ??= ending;
  if (task.phase === 'preparing') return first ? [{ kind: 'abortLaunch', task }] : [];
  const announce =
    first && ending.state === 'TASK_KILLED' && hasCapability(task.framework, 'TASK_KILLING_STATE')
      ? report(task, { state: 'TASK_KILLING', source: 'SOURCE_EXECUTOR' }, context)
      : [];
  return [...announce, { kind: 'stopContainer', task, graceSeconds }];
}

/** Seconds: the call's, else the task's, else the agent's. */
function graceOf(state: AgentState, task: TaskRecord, policy: KillPolicy | undefined): number {
  const nanoseconds = policy?.grace_period?.nanoseconds ?? task.info.kill_policy?.grace_period?.nanoseconds;
  return nanoseconds === undefined ? state.settings.killGrace : Number(nanoseconds) / 1e9;
}
