import { asContainerId } from '../../protocol/ids.ts';
import type { ExecutorInfo, FrameworkInfo, TaskInfo } from '../../protocol/messages.ts';
import { type Effect, log } from '../effects.ts';
import type { SandboxPaths } from '../sandbox-paths.ts';
import { type AgentState, type TaskRecord, taskKey } from '../state.ts';
import { type Context, makeRoom } from '../status-updates.ts';
import { launchFailed } from './container-events.ts';
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
  if (executor !== undefined && executor.type !== 'DEFAULT') {
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
  const lacking = unsupported(info);
  return lacking === undefined ? [{ kind: 'launch', run: task }] : refuse(task, lacking, context);
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
  const { framework, executor, tasks, address } = given;
  if (executor.type !== 'DEFAULT') {
    const mayLaunch = given.launch_executor ?? true;
    return runInExecutor(state, paths, { framework, executor, tasks, grouped: true, mayLaunch, address }, context);
  }
  return tasks.flatMap((task) => runTask(state, paths, { framework, task: { ...task, executor }, address }, context));
}

/** What a task asks for and this agent does not have yet. */
function unsupported({ executor }: TaskInfo): string | undefined {
  if (executor?.type === 'DEFAULT') return 'task groups are not run by this agent yet; launch the tasks one by one';
  return undefined;
}

function refuse(task: TaskRecord, lacking: string, context: Context): Effect[] {
  const failure = {
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: `Failed to launch container: ${lacking}`,
  } as const;
  const { executor } = task.info;
  const framework_id = task.framework.id?.value ?? '';
  const exited: Effect[] =
    executor === undefined
      ? []
      : [
          {
            kind: 'sendToMaster',
            message: { type: 'EXECUTOR_EXITED', framework_id, executor_id: executor.executor_id.value, status: 256 },
          },
        ];
  return [...exited, ...launchFailed(task, failure, context)];
}
