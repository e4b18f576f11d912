import { formatDuration } from '../../protocol/duration.ts';
import type { TaskStatusReason } from '../../protocol/messages.ts';
import { isTerminal, partitionState } from '../../protocol/task-state.ts';
import { retire, retireExecutor } from '../completed-tasks.ts';
import type { Effect } from '../effects.ts';
import type { ContainerExit } from '../engine/engine.ts';
import { tasksOf } from '../executor-tasks.ts';
import type { AgentState, ExecutorRecord } from '../state.ts';
import { type Context, forgetWhenOver, type Report, report } from '../status-updates.ts';
import { outOfMemory } from './container-events.ts';

/** The container runs; it is an executor when it subscribes. */
export function executorStarted(executor: ExecutorRecord, addresses: ExecutorRecord['addresses']): Effect[] {
  executor.phase = 'running';
  if (addresses.length > 0) {
    executor.addresses = addresses;
    for (const task of tasksOf(executor)) task.addresses = addresses;
  }
  // What was to end it came while the container was being started.
  return executor.stage === 'terminating' ? [{ kind: 'stopContainer', run: executor, graceSeconds: 0 }] : [];
}

/** The container never ran. */
export function executorFailed(
  state: AgentState,
  executor: ExecutorRecord,
  failure: { reason?: TaskStatusReason; message: string },
  context: Context,
): Effect[] {
  const { message, reason = 'REASON_CONTAINER_LAUNCH_FAILED' } = failure;
  const given = executor.stage === 'terminating' ? terminated : { message, reason };
  return end(state, executor, { state: 'TASK_FAILED', ...given }, failedStatus, context);
}

export function executorExited(
  state: AgentState,
  executor: ExecutorRecord,
  exit: ContainerExit,
  context: Context,
): Effect[] {
  const outcome: Report = exit.outOfMemory
    ? outOfMemory(executor.memoryGranted, exit)
    : { state: 'TASK_FAILED', source: 'SOURCE_AGENT', ...terminated };
  return end(state, executor, outcome, waitStatus(exit.exitCode), context);
}

/** Nothing subscribed in time. */
export function registrationTimedOut(state: AgentState, executor: ExecutorRecord): Effect[] {
  if (executor.stage !== 'registering') return [];
  const time = formatDuration(state.settings.executorRegistrationTimeout);
  executor.ending = {
    state: 'TASK_FAILED',
    reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
    message: `Executor did not register within ${time}`,
  };
  return destroy(executor);
}

/** Its container could not be given what its tasks need. */
export function updateFailed(executor: ExecutorRecord, reason: string): Effect[] {
  if (executor.phase === 'ended' || executor.ending !== undefined) return [];
  executor.ending = {
    state: partitionState(executor.framework, 'TASK_GONE'),
    reason: 'REASON_CONTAINER_UPDATE_FAILED',
    message: `Failed to update resources for container: ${reason}`,
  };
  return destroy(executor);
}

const terminated = { reason: 'REASON_EXECUTOR_TERMINATED', message: 'Executor terminated' } as const;
// As if its process had ended with 1.
const failedStatus = 256;

function destroy(executor: ExecutorRecord): Effect[] {
  executor.stage = 'terminating';
  if (executor.phase === 'preparing') return [{ kind: 'abortLaunch', run: executor }];
  return [{ kind: 'stopContainer', run: executor, graceSeconds: 0 }];
}

/** The executor is over: the master first, then its tasks' ends. */
function end(
  state: AgentState,
  executor: ExecutorRecord,
  outcome: Omit<Report, 'source'>,
  status: number,
  context: Context,
): Effect[] {
  executor.phase = 'ended';
  executor.stage = 'terminated';
  const framework_id = executor.framework.id?.value ?? '';
  const executor_id = executor.info.executor_id.value;
  const last: Report = { ...(executor.ending ?? outcome), source: 'SOURCE_AGENT' };
  const unfinished = tasksOf(executor).filter((task) => !isTerminal(task.state));
  for (const task of executor.queued.splice(0).flatMap(({ tasks }) => tasks)) executor.launched.add(task);
  retireExecutor(state, executor);
  const ends = unfinished.flatMap((task) => {
    if (!executor.orphaned) return report(task, last, context);
    retire(state, task);
    return [];
  });
  for (const task of [...executor.launched]) forgetWhenOver(state, task);
  return [
    { kind: 'sendToMaster', message: { type: 'EXECUTOR_EXITED', framework_id, executor_id, status } },
    ...ends,
    { kind: 'hangUpOnExecutor', executor },
    { kind: 'removeContainer', run: executor },
  ];
}

/** As wait(2) tells it. A container that a signal ended says 128 and the signal's number. */
function waitStatus(exitCode: number): number {
  return exitCode > 128 ? exitCode - 128 : exitCode * 256;
}
