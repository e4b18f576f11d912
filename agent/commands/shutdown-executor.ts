import { type Effect, log } from '../effects.ts';
import { shutdownGrace, tell } from '../executor-tasks.ts';
import { isPod } from '../pods.ts';
import { type AgentState, type ExecutorRecord, executorKey, taskKey } from '../state.ts';
import type { Context } from '../status-updates.ts';
import { killTask } from './kill-task.ts';
import { shutdownPod } from './pod.ts';

/** SHUTDOWN_EXECUTOR: it is told to end, and made to when its time is over. */
export function shutdownNamedExecutor(
  state: AgentState,
  message: { framework_id: string; executor_id: string },
  context: Context,
): Effect[] {
  const { framework_id, executor_id } = message;
  const executor = state.executors.get(executorKey(framework_id, executor_id));
  if (executor !== undefined) return shutdownExecutor(state, executor, context);
  // The agent itself is the executor of that one task, and bears its name.
  const alone = state.tasks.get(taskKey(framework_id, executor_id));
  if (alone !== undefined && alone.executor === undefined) return killTask(state, alone, undefined, context);
  const fields = { framework: framework_id, executor: executor_id };
  return [log('SHUTDOWN_EXECUTOR dropped: no such executor', fields, 'warn')];
}

/** One that is not there yet is given up. */
export function shutdownExecutor(state: AgentState, executor: ExecutorRecord, context: Context): Effect[] {
  if (executor.stage !== 'registering' && executor.stage !== 'running') return [];
  executor.stage = 'terminating';
  if (executor.phase === 'preparing') return [{ kind: 'abortLaunch', run: executor }];
  if (isPod(executor)) return shutdownPod(state, executor, context);
  const seconds = shutdownGrace(state.settings.executorShutdownGrace, executor);
  executor.endBy = context.now + seconds * 1000;
  return [tell(executor, { type: 'SHUTDOWN' }), { kind: 'awaitExecutor', executor, until: 'ended', seconds }];
}

/** It had its time. */
export function graceExpired(executor: ExecutorRecord): Effect[] {
  return executor.phase === 'running' ? [{ kind: 'stopContainer', run: executor, graceSeconds: 0 }] : [];
}
