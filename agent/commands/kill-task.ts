import type { KillPolicy } from '../../protocol/messages.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import { hostOf, tell } from '../executor-tasks.ts';
import { isPod } from '../pods.ts';
import type { AgentState, Ending, ExecutorRecord, TaskRecord } from '../state.ts';
import { type Context, type Report, report } from '../status-updates.ts';
import { endIdlePod } from './executor-end.ts';

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
  const waited = killWaiting(state, task, context);
  if (waited !== undefined) return waited;
  const executor = hostOf(task);
  if (executor !== undefined) return killInExecutor(executor, task, policy);
  return end(state, task, { state: 'TASK_KILLED' }, graceOf(state, task, policy), context);
}

/** One that its executor has not even been told of: the whole group is over that it came with. Undefined for others. */
function killWaiting(state: AgentState, task: TaskRecord, context: Context): Effect[] | undefined {
  const { executor } = task;
  const waiting = executor?.queued.findIndex(({ tasks }) => tasks.includes(task)) ?? -1;
  if (executor === undefined || waiting < 0) return undefined;
  const killed = executor.queued.splice(waiting, 1).flatMap(({ tasks }) => tasks);
  const told = killed.flatMap((one) => {
    one.phase = 'ended';
    one.released = true;
    return report(one, killedDuringLaunch, context);
  });
  return isPod(executor) ? [...told, ...endIdlePod(state, executor, context)] : told;
}

/** Its executor kills it. */
function killInExecutor(executor: ExecutorRecord, task: TaskRecord, kill_policy: KillPolicy | undefined): Effect[] {
  if (isTerminal(task.state)) return [];
  task.ending ??= { state: 'TASK_KILLED' };
  const { task_id } = task.info;
  return [tell(executor, { type: 'KILL', kill: { task_id, ...(kill_policy && { kill_policy }) } })];
}

/** Ends a task for a reason of the agent's own, at once. */
export function endTask(
  state: AgentState,
  task: TaskRecord,
  ending: Omit<Ending, 'state'>,
  context: Context,
): Effect[] {
  return end(state, task, { state: 'TASK_FAILED', ...ending }, 0, context);
}

/** Ends a task of a pod, unless it is over; with its own grace, but at most so many seconds. */
export function endMember(
  state: AgentState,
  task: TaskRecord,
  ending: Ending,
  mostSeconds: number,
  context: Context,
): Effect[] {
  return end(state, task, ending, Math.min(graceOf(state, task, undefined), mostSeconds), context);
}

/** Ends a task that failed its health check too often, as a kill does. */
export function killUnhealthy(state: AgentState, task: TaskRecord, context: Context): Effect[] {
  return end(state, task, { state: 'TASK_KILLED', healthy: false }, graceOf(state, task, undefined), context);
}

function end(state: AgentState, task: TaskRecord, ending: Ending, graceSeconds: number, context: Context): Effect[] {
  if (isTerminal(task.state) || !state.tasks.has(task.key)) return [];
  const first = task.ending === undefined;
  task.ending ??= ending;
  if (task.phase === 'ended') return [];
  if (task.phase === 'preparing') return first ? [{ kind: 'abortLaunch', run: task }] : [];
  task.killBy = Math.min(task.killBy ?? Number.POSITIVE_INFINITY, context.now + graceSeconds * 1000);
  const announce =
    first && ending.state === 'TASK_KILLED' && hasCapability(task.framework, 'TASK_KILLING_STATE')
      ? report(task, { state: 'TASK_KILLING', source: 'SOURCE_EXECUTOR' }, context)
      : [];
  return [...announce, { kind: 'stopChecks', task }, { kind: 'stopContainer', run: task, graceSeconds }];
}

// What Mesos' command executor grants.
const commandGraceSeconds = 3;

/** Seconds: the call's, else the task's, else the agent's for Docker tasks. */
export function graceOf(state: AgentState, task: TaskRecord, policy: KillPolicy | undefined): number {
  const nanoseconds = policy?.grace_period?.nanoseconds ?? task.info.kill_policy?.grace_period?.nanoseconds;
  if (nanoseconds !== undefined) return Number(nanoseconds) / 1e9;
  return task.info.container?.type === 'DOCKER' ? state.settings.killGrace : commandGraceSeconds;
}
