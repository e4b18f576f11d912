import { asContainerId, uuidToBase64 } from '../../protocol/ids.ts';
import type { FrameworkInfo, TaskStatus } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { retire } from '../completed-tasks.ts';
import type { Effect } from '../effects.ts';
import { hostOf } from '../executor-tasks.ts';
import { type AgentState, type ExecutorRecord, type TaskRecord, taskKey } from '../state.ts';
import { acknowledged, type Context, enqueue, resendAll } from '../status-updates.ts';
import { killTask } from './kill-task.ts';
import { shutdownExecutor } from './shutdown-executor.ts';

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
  const executors = [...state.executors.values()].filter((executor) => executor.framework.id?.value === framework);
  const tasks = [...state.tasks.values()].filter((task) => task.framework.id?.value === framework);
  const effects = tasks.flatMap((task) => {
    const killed = hostOf(task) === undefined ? killTask(state, task, undefined, context) : [];
    task.orphaned = true;
    task.queue.length = 0;
    if (isTerminal(task.state) && task.released) retire(state, task);
    return killed.filter((effect) => effect.kind !== 'sendToMaster');
  });
  return [...effects, ...executors.flatMap((executor) => abandonExecutor(state, executor, context))];
}

/** Told to end, with the tasks that it knows of; the others are over at once. */
function abandonExecutor(state: AgentState, executor: ExecutorRecord, context: Context): Effect[] {
  executor.orphaned = true;
  for (const task of executor.queued.splice(0).flatMap(({ tasks }) => tasks)) retire(state, task);
  return shutdownExecutor(state, executor, context);
}

/**
 * UPDATE_FRAMEWORK: after the next break of the link the master hears of it as it is now. Its scheduler may be a new one, which shall not
 * have to wait for the repetition of what the old one left unacknowledged.
 */
export function updateFramework(state: AgentState, framework: FrameworkInfo, now: number): Effect[] {
  for (const run of [...state.tasks.values(), ...state.executors.values()]) {
    if (run.framework.id?.value === framework.id?.value) run.framework = framework;
  }
  return resendAll(state, now, framework.id?.value);
}

/** All tasks and executors, because the agent goes. */
export function shutdownAll(state: AgentState, context: Context): Effect[] {
  const own = [...state.tasks.values()].filter(({ executor }) => executor === undefined);
  return [
    ...own.flatMap((task) => killTask(state, task, undefined, context)),
    ...[...state.executors.values()].flatMap((executor) => shutdownExecutor(state, executor, context)),
  ];
}

/**
 * RECONCILE: tasks that never arrived here, or are long forgotten, are lost. The agent keeps them, as tasks that are over, until
 * their end is acknowledged.
 */
export function reconcileTasks(
  state: AgentState,
  agent: string,
  asked: { framework_id: string; task_id: string; partition_aware: boolean }[],
  { now, ids }: Context,
): Effect[] {
  return asked.flatMap(({ framework_id, task_id, partition_aware }): Effect[] => {
    if (state.tasks.has(taskKey(framework_id, task_id))) return [];
    const status: TaskStatus = {
      task_id: { value: task_id },
      state: partition_aware ? 'TASK_DROPPED' : 'TASK_LOST',
      message: 'Task is unknown to the agent',
      source: 'SOURCE_AGENT',
      reason: 'REASON_RECONCILIATION',
      agent_id: { value: agent },
      timestamp: now / 1000,
      uuid: uuidToBase64(ids.uuid()),
    };
    const task = lostTask(state, framework_id, status, agent);
    state.tasks.set(task.key, task);
    return enqueue(task, status, now);
  });
}

function lostTask(state: AgentState, framework: string, status: TaskStatus, agent: string): TaskRecord {
  const known = [...state.tasks.values()].find((task) => task.framework.id?.value === framework)?.framework;
  const { task_id } = status;
  return {
    kind: 'task',
    key: taskKey(framework, task_id.value),
    framework: known ?? { id: { value: framework }, user: '', name: '' },
    info: { name: '', task_id, agent_id: { value: agent } },
    containerId: asContainerId(''),
    containerName: '',
    sandbox: '',
    phase: 'ended',
    state: status.state,
    ending: undefined,
    queue: [],
    received: new Set(),
    statuses: [status],
    addresses: [],
    released: true,
    orphaned: false,
  };
}
