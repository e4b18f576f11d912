import { isTerminal } from '../../protocol/task-state.ts';
import { retire, retireExecutor } from '../completed-tasks.ts';
import type { Effect } from '../effects.ts';
import { tasksOf } from '../executor-tasks.ts';
import { hasHolder } from '../pods.ts';
import type { AgentState, ExecutorRecord } from '../state.ts';
import { type Context, forgetWhenOver, type Report, report } from '../status-updates.ts';

/** What becomes of tasks whose executor ended, where nothing else is known. */
export const executorTerminated = {
  state: 'TASK_FAILED',
  reason: 'REASON_EXECUTOR_TERMINATED',
  message: 'Executor terminated',
} as const;
/** As if its process had ended with 1. */
export const failedStatus = 256;

/** The executor is over: the master first, then its tasks' ends. `status`: as wait(2) tells it. */
export function endExecutor(
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
  for (const task of executor.queued.splice(0).flatMap(({ tasks }) => tasks)) {
    // Also one that was to have a container of its own has none.
    task.phase = 'ended';
    task.released = true;
    executor.launched.add(task);
  }
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

/** Ends a pod that has nothing left to run, or that is to end and whose containers have ended: its holder first, then the pod itself. */
export function endIdlePod(state: AgentState, pod: ExecutorRecord, context: Context): Effect[] {
  if (pod.stage === 'terminated') return [];
  const waits = pod.queued.length > 0 && pod.stage !== 'terminating';
  if (waits || [...pod.launched].some(({ phase }) => phase !== 'ended')) return [];
  pod.stage = 'terminating';
  if (pod.phase === 'preparing') return [{ kind: 'abortLaunch', run: pod }];
  if (pod.phase === 'running' && hasHolder(pod)) return [{ kind: 'stopContainer', run: pod, graceSeconds: 0 }];
  return endExecutor(state, pod, executorTerminated, pod.ending === undefined ? 0 : failedStatus, context);
}
