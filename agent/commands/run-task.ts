import { asContainerId } from '../../protocol/ids.ts';
import type { FrameworkInfo, TaskInfo } from '../../protocol/messages.ts';
import { retire } from '../completed-tasks.ts';
import { type Effect, log } from '../effects.ts';
import type { SandboxPaths } from '../sandbox-paths.ts';
import { type AgentState, type TaskRecord, taskKey } from '../state.ts';
import { type Context, isAcknowledged } from '../status-updates.ts';

/** RUN_TASK: a new task. One that is there already is a repetition and passed over, unless that is over for its scheduler. */
export function runTask(
  state: AgentState,
  paths: SandboxPaths,
  given: { framework: FrameworkInfo; task: TaskInfo; address: string },
  { ids }: Context,
): Effect[] {
  const { framework, task: info } = given;
  const frameworkId = framework.id?.value ?? '';
  const key = taskKey(frameworkId, info.task_id.value);
  const earlier = state.tasks.get(key);
  if (earlier !== undefined) {
    if (!isAcknowledged(earlier)) return [log('task is there already', { task: key }, 'warn')];
    retire(state, earlier);
  }
  const containerId = asContainerId(ids.uuid());
  const task: TaskRecord = {
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
    statuses: [],
    addresses: [{ protocol: 'IPv4', address: given.address }],
    released: false,
    orphaned: false,
  };
  state.tasks.set(key, task);
  return [{ kind: 'launch', task }];
}
