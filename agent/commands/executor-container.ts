import { formatDuration } from '../../protocol/duration.ts';
import type { TaskStatusReason } from '../../protocol/messages.ts';
import { partitionState } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import type { ContainerExit } from '../engine/engine.ts';
import { tasksOf } from '../executor-tasks.ts';
import { isPod } from '../pods.ts';
import type { AgentState, ExecutorRecord } from '../state.ts';
import type { Context, Report } from '../status-updates.ts';
import { outOfMemory } from './container-events.ts';
import { endExecutor, executorTerminated, failedStatus } from './executor-end.ts';
import { holderExited, podStarted } from './pod.ts';

/** The container runs; it is an executor when it subscribes. */
export function executorStarted(
  state: AgentState,
  executor: ExecutorRecord,
  addresses: ExecutorRecord['addresses'],
  context: Context,
): Effect[] {
  if (isPod(executor)) return podStarted(state, executor, addresses, context);
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
  const outcome =
    executor.stage === 'terminating' ? executorTerminated : ({ state: 'TASK_FAILED', message, reason } as const);
  return endExecutor(state, executor, outcome, failedStatus, context);
}

export function executorExited(
  state: AgentState,
  executor: ExecutorRecord,
  exit: ContainerExit,
  context: Context,
): Effect[] {
  if (isPod(executor)) return holderExited(state, executor, context);
  const outcome: Omit<Report, 'source'> = exit.outOfMemory
    ? outOfMemory(executor.memoryGranted, exit)
    : terminated(exit);
  return endExecutor(state, executor, outcome, waitStatus(exit.exitCode), context);
}

function terminated({ because }: ContainerExit): Omit<Report, 'source'> {
  if (because === undefined) return executorTerminated;
  return { ...executorTerminated, message: `${executorTerminated.message}: ${because}` };
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
  return destroyExecutor(executor);
}

/** It has not come back to the agent that was started anew. */
export function reregistrationTimedOut(state: AgentState, executor: ExecutorRecord): Effect[] {
  if (executor.stage !== 'running' || executor.returning !== true) return [];
  executor.ending = {
    state: partitionState(executor.framework, 'TASK_GONE'),
    reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
    message: `Executor did not reregister within ${formatDuration(state.settings.executorReregistrationTimeout)}`,
  };
  return destroyExecutor(executor);
}

/** Its container could not be given what its tasks need. */
export function updateFailed(executor: ExecutorRecord, reason: string): Effect[] {
  if (executor.phase === 'ended' || executor.ending !== undefined) return [];
  executor.ending = {
    state: partitionState(executor.framework, 'TASK_GONE'),
    reason: 'REASON_CONTAINER_UPDATE_FAILED',
    message: `Failed to update resources for container: ${reason}`,
  };
  return destroyExecutor(executor);
}

/** Ends an executor, with its tasks, for the reason that is its `ending`. */
export function destroyExecutor(executor: ExecutorRecord): Effect[] {
  executor.stage = 'terminating';
  if (executor.phase === 'preparing') return [{ kind: 'abortLaunch', run: executor }];
  return [{ kind: 'stopContainer', run: executor, graceSeconds: 0 }];
}

/** As wait(2) tells it. A container that a signal ended says 128 and the signal's number. */
function waitStatus(exitCode: number): number {
  return exitCode > 128 ? exitCode - 128 : exitCode * 256;
}
