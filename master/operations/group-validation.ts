import type { ExecutorInfo, Resource, TaskInfo } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { add, contains, normalize, type Resources, scalarOf } from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { availableTo, type Basket } from './basket.ts';
import { invalidExecutor, runningExecutor } from './executor-validation.ts';
import { invalidTaskItself, rolesOf } from './task-validation.ts';

const leastCpus = 0.01;
const leastMegabytes = 32;

/** The first thing wrong with a LAUNCH_GROUP operation, in Mesos' words and order; undefined when all of it may run. */
export function invalidGroup(tasks: readonly TaskInfo[], executor: ExecutorInfo, basket: Basket): string | undefined {
  const ids = new Set<string>();
  for (const task of tasks) {
    const id = task.task_id.value;
    const reason = ids.has(id) ? `Task has duplicate ID: ${id}` : invalidMember(task, executor, basket);
    if (reason !== undefined) return `Task '${id}' is invalid: ${reason}`;
    ids.add(id);
  }
  return (
    mixedSharing(tasks, executor, basket) ??
    invalidGroupExecutor(executor, basket) ??
    exceeding(groupDemand(tasks, executor, basket), [...tasks, executor], basket)
  );
}

/** What the launch of a group takes: the tasks' resources, and those of the executor unless that is there already. */
export function groupDemand(tasks: readonly TaskInfo[], executor: ExecutorInfo, basket: Basket): Resource[] {
  const own = normalize(tasks.flatMap(({ resources = [] }) => resources));
  return runningExecutor(basket, executor) === undefined ? add(own, normalize(executor.resources ?? [])) : own;
}

function invalidMember(task: TaskInfo, executor: ExecutorInfo, basket: Basket): string | undefined {
  return (
    invalidTaskItself(task, basket) ??
    (task.command === undefined && task.executor === undefined ? 'CommandInfo must be set' : undefined) ??
    invalidGroupContainer(task) ??
    (task.executor === undefined || sameContent(task.executor, executor)
      ? undefined
      : `The \`ExecutorInfo\` of task '${task.task_id.value}' is different from executor '${executor.executor_id.value}'`)
  );
}

function invalidGroupContainer({ container, health_check, check, limits }: TaskInfo): string | undefined {
  if (container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the task';
  if ((container?.network_infos ?? []).length > 0) {
    const types = [health_check?.type, check?.type];
    if (types.includes('HTTP'))
      return 'HTTP checks are not supported for nested containers not joining the network of their parent';
    if (types.includes('TCP'))
      return 'TCP checks are not supported for nested containers not joining the network of their parent';
  }
  if (Object.keys(limits ?? {}).length > 0 && container?.linux_info?.share_cgroups !== false) {
    return "Resource limits may only be set for tasks within a task group when 'share_cgroups' is set to 'false'";
  }
  return undefined;
}

/** All tasks under one executor share its cgroups, or none does. */
function mixedSharing(tasks: readonly TaskInfo[], executor: ExecutorInfo, basket: Basket): string | undefined {
  const sharing = new Set(tasks.map(({ container }) => container?.linux_info?.share_cgroups ?? true));
  if (runningExecutor(basket, executor) !== undefined) {
    for (const task of basket.agent.tasks.values()) {
      const isSibling =
        task.framework_id.value === basket.framework.id && task.executor_id?.value === executor.executor_id.value;
      if (isSibling) sharing.add(task.container?.linux_info?.share_cgroups ?? true);
    }
  }
  return sharing.size > 1
    ? "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor"
    : undefined;
}

function invalidGroupExecutor(executor: ExecutorInfo, basket: Basket): string | undefined {
  if (executor.type === undefined) return "'ExecutorInfo.type' must be set";
  const reason = invalidExecutor(executor, basket);
  if (reason !== undefined) return reason;
  const resources = normalize(executor.resources ?? []);
  const uses = `Executor '${executor.executor_id.value}' uses`;
  const [cpus, mem] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem')];
  if (cpus < leastCpus) return `${uses} less CPUs (${cpus || 'None'}) than the minimum required (${leastCpus})`;
  if (mem < leastMegabytes)
    return `${uses} less memory (${mem || 'None'}) than the minimum required (${leastMegabytes}MB)`;
  return scalarOf(resources, 'disk') === 0 ? `${uses} no disk` : undefined;
}

function exceeding(
  demand: Resources,
  launched: readonly { resources?: Resource[] | undefined }[],
  basket: Basket,
): string | undefined {
  const roles = rolesOf(launched.flatMap(({ resources = [] }) => resources));
  const [role = basket.role] = roles;
  if (roles.size > 1) return 'The resources of the task group and its executor have multiple allocation roles';
  if (role === basket.role && contains(availableTo(basket, demand), demand)) return undefined;
  const [asked, available] = [formatResources(demand, role), formatResources(basket.remaining, basket.role)];
  return `Total resources ${asked} required by task group and its executor are more than available ${available}`;
}
