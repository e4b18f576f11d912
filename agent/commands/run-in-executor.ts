import { asContainerId } from '../../protocol/ids.ts';
import type { ExecutorInfo, FrameworkInfo, TaskInfo } from '../../protocol/messages.ts';
import { partitionState } from '../../protocol/task-state.ts';
import { type Effect, log } from '../effects.ts';
import { handOver } from '../executor-tasks.ts';
import { isPod } from '../pods.ts';
import { nestedSandbox, type SandboxPaths } from '../sandbox-paths.ts';
import { type AgentState, type ExecutorRecord, executorKey, type TaskRecord, taskKey } from '../state.ts';
import { type Context, makeRoom, report } from '../status-updates.ts';
import { launchGroups } from './pod.ts';

export interface ForExecutor {
  framework: FrameworkInfo;
  executor: ExecutorInfo;
  tasks: readonly TaskInfo[];
  /** Whether they came as a LAUNCH_GROUP. */
  grouped: boolean;
  /** False where the master counts on an executor that runs: it has not set aside resources for one. */
  mayLaunch: boolean;
  /** The agent's own IP. */
  address: string;
}

/**
 * RUN_TASK and RUN_TASK_GROUP with an executor: it is launched for the first task that names it, and told of tasks when it listens, in
 * order. A pod listens when its network is there.
 */
export function runInExecutor(state: AgentState, paths: SandboxPaths, given: ForExecutor, context: Context): Effect[] {
  const { framework, tasks, grouped } = given;
  const frameworkId = framework.id?.value ?? '';
  const fresh = tasks.filter((info) => makeRoom(state, taskKey(frameworkId, info.task_id.value)));
  if (fresh.length === 0) return [log('tasks are there already', { framework: frameworkId }, 'warn')];
  const key = executorKey(frameworkId, given.executor.executor_id.value);
  const running = state.executors.get(key);
  const executor = running ?? newExecutor(paths, given, key, context);
  const records = isPod(executor)
    ? newMembers(executor, framework, fresh, context)
    : fresh.map((info) => newTask(executor, framework, info));
  for (const record of records) state.tasks.set(record.key, record);
  if (running === undefined && !given.mayLaunch) {
    executor.phase = 'ended';
    return refuse(records, 'The executor that the master counts on is over', context);
  }
  if (executor.stage === 'terminating') return refuse(records, 'Executor terminating', context);
  executor.queued.push({ tasks: records, grouped });
  if (running !== undefined) {
    if (isPod(executor)) return launchGroups(executor, context);
    return [{ kind: 'updateContainer', executor }, ...handOver(executor)];
  }
  state.executors.set(key, executor);
  if (isPod(executor)) return [{ kind: 'launch', run: executor }];
  const seconds = state.settings.executorRegistrationTimeout;
  executor.registerBy = context.now + seconds * 1000;
  return [
    { kind: 'launch', run: executor },
    { kind: 'awaitExecutor', executor, until: 'registered', seconds },
  ];
}

function newExecutor(paths: SandboxPaths, given: ForExecutor, key: string, { ids }: Context): ExecutorRecord {
  const { framework, executor: info, address } = given;
  const framework_id = { value: framework.id?.value ?? '' };
  const containerId = asContainerId(ids.uuid());
  return {
    kind: 'executor',
    key,
    framework,
    info: { ...info, framework_id },
    containerId,
    containerName: `mesos-${containerId}`,
    sandbox: paths.run(framework_id.value, info.executor_id.value, containerId),
    phase: 'preparing',
    addresses: [{ protocol: 'IPv4', address }],
    released: false,
    stage: 'registering',
    connected: false,
    hadTasks: false,
    queued: [],
    launched: new Set(),
    completed: [],
    memoryGranted: 0,
    ending: undefined,
    orphaned: false,
  };
}

/** A task in the container of its executor. */
function newTask(executor: ExecutorRecord, framework: FrameworkInfo, info: TaskInfo): TaskRecord {
  const { containerId, containerName, sandbox } = executor;
  return {
    kind: 'task',
    key: taskKey(framework.id?.value ?? '', info.task_id.value),
    framework,
    info: { ...info, executor: executor.info },
    executor,
    containerId,
    containerName,
    sandbox,
    phase: 'running',
    state: 'TASK_STAGING',
    ending: undefined,
    queue: [],
    received: new Set(),
    statuses: [],
    addresses: executor.addresses,
    released: true,
    orphaned: false,
  };
}

/** The tasks of a group of a pod, each in a container of its own. */
function newMembers(
  pod: ExecutorRecord,
  framework: FrameworkInfo,
  infos: readonly TaskInfo[],
  { ids }: Context,
): TaskRecord[] {
  const group: TaskRecord[] = [];
  for (const info of infos) {
    const containerId = asContainerId(ids.uuid());
    group.push({
      ...newTask(pod, framework, info),
      group,
      containerId,
      containerName: `mesos-${containerId}`,
      sandbox: nestedSandbox(pod.sandbox, containerId),
      phase: 'preparing',
      released: false,
    });
  }
  return group;
}

function refuse(tasks: readonly TaskRecord[], message: string, context: Context): Effect[] {
  return tasks.flatMap((task) => {
    task.phase = 'ended';
    task.released = true;
    const state = partitionState(task.framework, 'TASK_DROPPED');
    return report(task, { state, message, source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' }, context);
  });
}
