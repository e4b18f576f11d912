import { asTaskId } from '../../protocol/ids.ts';
import type {
  ExecutorInfo,
  OfferOperation,
  Resource,
  Task,
  TaskInfo,
  TaskStatusReason,
} from '../../protocol/messages.ts';
import { normalize } from '../../protocol/resources.ts';
import { refuseTask } from '../commands/statuses.ts';
import { announce, type Effect, log, sendToAgent } from '../effects.ts';
import { type MasterState, taskKey } from '../state.ts';
import { allocated, type Basket, take } from './basket.ts';
import { withHealthCheckType } from './check-validation.ts';
import { groupDemand, invalidGroup } from './group-validation.ts';
import { demandOf, invalidTask } from './task-validation.ts';

/** LAUNCH: each task by itself; one that is invalid does not keep the others. */
export function launch(state: MasterState, basket: Basket, operation: OfferOperation, now: number): Effect[] {
  const tasks = operation.launch?.task_infos ?? [];
  return tasks.flatMap((given) => {
    const task = completed(given, basket);
    const wrong = invalidTask(task, basket);
    if (wrong !== undefined) return refuseTasks(basket, [task], invalidTaskReason, wrong, now);
    take(state, basket, demandOf(task, basket));
    const launched = task.executor && { launch_executor: keepExecutor(basket, task.executor) };
    return [
      sendToAgent(basket.agent.id, { type: 'RUN_TASK', framework: basket.framework.info, task, ...launched }),
      ...keepTask(basket, task, task.executor),
    ];
  });
}

/** LAUNCH_GROUP: all of the tasks, or none. */
export function launchGroup(state: MasterState, basket: Basket, operation: OfferOperation, now: number): Effect[] {
  const group = operation.launch_group;
  if (group === undefined) return [];
  const given = group.task_group.tasks ?? [];
  const executor = completedExecutor(group.executor, basket);
  const tasks = given.map((task) => withAllocations(task, basket));
  const wrong = invalidGroup(tasks, executor, basket);
  if (wrong !== undefined) return refuseTasks(basket, tasks, invalidGroupReason, wrong, now);
  if (tasks.length === 0) return [log('LAUNCH_GROUP without tasks', { framework: basket.framework.id }, 'warn')];
  take(state, basket, groupDemand(tasks, executor, basket));
  const launch_executor = keepExecutor(basket, executor);
  const sent = { framework: basket.framework.info, executor, tasks, launch_executor };
  return [
    sendToAgent(basket.agent.id, { type: 'RUN_TASK_GROUP', ...sent }),
    ...tasks.flatMap((task) => keepTask(basket, task, executor)),
  ];
}

export const invalidTaskReason = 'REASON_TASK_INVALID';
export const invalidGroupReason = 'REASON_TASK_GROUP_INVALID';

export function refuseTasks(
  { framework }: Basket,
  tasks: readonly TaskInfo[],
  reason: TaskStatusReason,
  message: string,
  now: number,
): Effect[] {
  return tasks.map((task) => refuseTask(framework.id, task, { state: 'TASK_ERROR', reason, message }, now));
}

/** A task with what schedulers may leave out. */
function completed(given: TaskInfo, basket: Basket): TaskInfo {
  const task = withHealthCheckType(withAllocations(given, basket));
  return task.executor === undefined ? task : { ...task, executor: withFramework(task.executor, basket) };
}

function withAllocations(task: TaskInfo, { role }: Basket): TaskInfo {
  const resources = normalized(task.resources ?? [], role);
  if (task.executor === undefined) return { ...task, resources };
  const { executor } = task;
  return { ...task, resources, executor: { ...executor, resources: normalized(executor.resources ?? [], role) } };
}

function completedExecutor(executor: ExecutorInfo, basket: Basket): ExecutorInfo {
  return { ...executor, resources: normalized(executor.resources ?? [], basket.role) };
}

function withFramework(executor: ExecutorInfo, { framework }: Basket): ExecutorInfo {
  return executor.framework_id === undefined ? { ...executor, framework_id: { value: framework.id } } : executor;
}

/** Whether it is a new one, for which resources are set aside. */
function keepExecutor({ agent, framework }: Basket, executor: ExecutorInfo): boolean {
  const key = taskKey(framework.id, executor.executor_id.value);
  if (agent.executors.has(key)) return false;
  agent.executors.set(key, executor);
  return true;
}

function keepTask(basket: Basket, info: TaskInfo, executor: ExecutorInfo | undefined): Effect[] {
  const { framework, agent } = basket;
  const task = newTask(basket, info, executor);
  framework.tasks.set(asTaskId(info.task_id.value), task);
  agent.tasks.set(taskKey(framework.id, info.task_id.value), task);
  return [
    announce({ type: 'TASK_ADDED', task }),
    log('task launched', { framework: framework.id, task: info.task_id.value, agent: agent.id }),
  ];
}

/** Post-refinement, allocated; amounts that are written in several pieces are one, unless they are allocated to several roles. */
function normalized(resources: readonly Resource[], role: string): Resource[] {
  const byRole = Map.groupBy(resources, ({ allocation_info }) => allocation_info?.role ?? role);
  return [...byRole].flatMap(([own, group]) => normalize(group).map((resource) => allocated(resource, own)));
}

function newTask({ framework, agent }: Basket, info: TaskInfo, executor: ExecutorInfo | undefined): Task {
  const { labels, discovery, container, health_check, kill_policy, limits } = info;
  const user = info.command?.user ?? executor?.command?.user;
  return {
    name: info.name,
    task_id: info.task_id,
    framework_id: { value: framework.id },
    ...(executor && { executor_id: executor.executor_id }),
    agent_id: { value: agent.id },
    state: 'TASK_STAGING',
    resources: info.resources,
    statuses: [],
    ...(labels && { labels }),
    ...(discovery && { discovery }),
    ...(container && { container }),
    ...(health_check && { health_check }),
    ...(kill_policy && { kill_policy }),
    ...(user === undefined ? {} : { user }),
    ...(limits && { limits }),
  };
}
