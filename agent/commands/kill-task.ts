import type { KillPolicy, TaskStatusReason } from '../../protocol/messages.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import { hostOf, tell } from '../executor-tasks.ts';
import type { AgentState, Ending, ExecutorRecord, TaskRecord } from '../state.ts';
import { type Context, type Report, report } from '../status-updates.ts';

/** The end of a task that never ran. */
export const killedDuringLaunch: Report = {
  state: 'TASK_KILLED',
  message: 'Killed before delivery to the executor',
  source: 'SOURCE_AGENT',
  reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
};

/** KILL_TASK: SIGTERM, and SIGKILL after the grace period. A second kill may change the grace period. */
export function killTask(
  state: AgentState,
  task: TaskRecord,
  policy: KillPolicy | undefined,
  context: Context,
): Effect[] {
  const executor = hostOf(task);
  if (executor !== undefined) return killInExecutor(executor, task, policy, context);
  return end(state, task, { state: 'TASK_KILLED' }, graceOf(state, task, policy), context);
}

/** Its executor kills it, unless it has not even been told of it: then the whole group is over that it came with. */
function killInExecutor(
  executor: ExecutorRecord,
  task: TaskRecord,
  kill_policy: KillPolicy | undefined,
  context: Context,
): Effect[] {
  if (isTerminal(task.state)) return [];
  const waiting = executor.queued.findIndex(({ tasks }) => tasks.includes(task));
  if (waiting < 0) {
    task.ending ??= { state: 'TASK_KILLED' };
    const { task_id } = task.info;
    return [tell(executor, { type: 'KILL', kill: { task_id, ...(kill_policy && { kill_policy }) } })];
  }
  const killed = executor.queued.splice(waiting, 1).flatMap(({ tasks }) => tasks);
  return killed.flatMap((one) => report(one, killedDuringLaunch, context));
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

/** Ends a task that failed its health check too often, as a kill does. */
export function killUnhealthy(state: AgentState, task: TaskRecord, context: Context): Effect[] {
  return end(state, task, { state: 'TASK_KILLED', healthy: false }, graceOf(state, task, undefined), context);
}

function end(state: AgentState, task: TaskRecord, ending: Ending, graceSeconds: number, context: Context): Effect[] {
  if (isTerminal(task.state) || !state.tasks.has(task.key)) return [];
  const first = task.ending === undefined;
  task.ending ??= ending;
  if (task.phase === 'preparing') return first ? [{ kind: 'abortLaunch', run: task }] : [];
  const announce =
    first && ending.state === 'TASK_KILLED' && hasCapability(task.framework, 'TASK_KILLING_STATE')
      ? report(task, { state: 'TASK_KILLING', source: 'SOURCE_EXECUTOR' }, context)
      : [];
  return [...announce, { kind: 'stopChecks', task }, { kind: 'stopContainer', run: task, graceSeconds }];
}

// What Mesos' command executor grants.
const commandGraceSeconds = 3;

/** Seconds: the call's, else the task's, else the agent's for Docker tasks. */
function graceOf(state: AgentState, task: TaskRecord, policy: KillPolicy | undefined): number {
  const nanoseconds = policy?.grace_period?.nanoseconds ?? task.info.kill_policy?.grace_period?.nanoseconds;
  if (nanoseconds !== undefined) return Number(nanoseconds) / 1e9;
  return task.info.container?.type === 'DOCKER' ? state.settings.killGrace : commandGraceSeconds;
}
