import { uuidToBase64 } from '../../protocol/ids.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import { type AgentState, taskKey } from '../state.ts';
import { acknowledged, type Context } from '../status-updates.ts';
import { killTask } from './kill-task.ts';

/** ACKNOWLEDGE: the scheduler has the update with that uuid. */
export function acknowledge(
  state: AgentState,
  message: { framework_id: string; task_id: string; uuid: string },
  now: number,
): Effect[] {
  const task = state.tasks.get(taskKey(message.framework_id, message.task_id));
  return task === undefined ? [] : acknowledged(state, task, message.uuid, now);
}

/** SHUTDOWN_FRAMEWORK: nobody will acknowledge any more, so its tasks end without updates. */
export function shutdownFramework(state: AgentState, framework: string, context: Context): Effect[] {
  return [...state.tasks.values()].flatMap((task) => {
    if (task.framework.id?.value !== framework) return [];
    const effects = killTask(state, task, undefined, context);
    task.orphaned = true;
    task.queue.length = 0;
    if (isTerminal(task.state) && task.released) state.tasks.delete(task.key);
    return effects.filter((effect) => effect.kind !== 'sendToMaster');
  });
}

/** All tasks, because the agent goes. */
export function shutdownAll(state: AgentState, context: Context): Effect[] {
  return [...state.tasks.values()].flatMap((task) => killTask(state, task, undefined, context));
}

/** RECONCILE: tasks that never arrived here, or are long forgotten, are lost. */
export function reconcileTasks(
  state: AgentState,
  agent: string,
  asked: { framework_id: string; task_id: string; partition_aware: boolean }[],
  { now, ids }: Context,
): Effect[] {
  return asked.flatMap(({ framework_id, task_id, partition_aware }): Effect[] => {
    if (state.tasks.has(taskKey(framework_id, task_id))) return [];
    const latest_state = partition_aware ? 'TASK_DROPPED' : 'TASK_LOST';
    const status = {
      task_id: { value: task_id },
      state: latest_state,
      message: 'Task is unknown to the agent',
      source: 'SOURCE_AGENT',
      reason: 'REASON_RECONCILIATION',
      agent_id: { value: agent },
      timestamp: now / 1000,
      uuid: uuidToBase64(ids.uuid()),
    } as const;
    return [{ kind: 'sendToMaster', message: { type: 'UPDATE', framework_id, status, latest_state } }];
  });
}
