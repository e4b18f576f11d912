import { asContainerId } from '../../protocol/ids.ts';
import type { ExecutorInfo, FrameworkInfo, TaskInfo } from '../../protocol/messages.ts';
import { type Effect, log } from '../effects.ts';
import type { SandboxPaths } from '../sandbox-paths.ts';
import { type AgentState, type TaskRecord, taskKey } from '../state.ts';
import { type Context, makeRoom } from '../status-updates.ts';
import { runInExecutor } from './run-in-executor.ts';

/** RUN_TASK: a new task. One that is there already is a repetition and passed over, unless that is over for its scheduler. */
export function runTask(
  state: AgentState,
  paths: SandboxPaths,
  given: { framework: FrameworkInfo; task: TaskInfo; launch_executor?: boolean; address: string },
  context: Context,
): Effect[] {
  const { ids } = context;
  const { framework, task: info, address } = given;
  const { executor } = info;
  if (executor !== undefined) {
    const mayLaunch = given.launch_executor ?? true;
    const named = { framework, executor, tasks: [info], grouped: false, mayLaunch, address };
    return runInExecutor(state, paths, named, context);
  }
  const frameworkId = framework.id?.value ?? '';
  const key = taskKey(frameworkId, info.task_id.value);
  if (!makeRoom(state, key)) return [log('task is there already', { task: key }, 'warn')];
  const containerId = asContainerId(ids.uuid());
  const task: TaskRecord = {
    kind: 'task',
    key,
    framework,
    info,
    containerId,
    containerName: `mesos-${containerId}`,
    sandbox: paths.run(frameworkId, info.task_id.value, containerId),
    phase: 'preparing',
    state: 'TASK_STAGING',
    ending: undefined,
    queue: [],
    received: new Set(),
    statuses: [],
    addresses: [{ protocol: 'IPv4', address }],
    released: false,
    orphaned: false,
  };
  state.tasks.set(key, task);
  return [{ kind: 'launch', run: task }];
}

/** RUN_TASK_GROUP: a task for each, under their executor. */
export function runTaskGroup(
  state: AgentState,
  paths: SandboxPaths,
  given: {
    framework: FrameworkInfo;
    executor: ExecutorInfo;
    tasks: readonly TaskInfo[];
    launch_executor?: boolean;
    address: string;
  },
  context: Context,
): Effect[] {
  const { framework, executor, tasks, address, launch_executor: mayLaunch = true } = given;
  return runInExecutor(state, paths, { framework, executor, tasks, grouped: true, mayLaunch, address }, context);
}
