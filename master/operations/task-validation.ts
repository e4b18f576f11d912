import { asTaskId, invalidId } from '../../protocol/ids.ts';
import type { Resource, TaskInfo } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { add, contains, normalize, toFixedPoint } from '../../protocol/resources.ts';
import type { Agent, Framework } from '../state.ts';
import { availableTo, type Basket } from './basket.ts';
import { invalidCheck, invalidHealthCheck } from './check-validation.ts';
import { invalidCommand, invalidContainer } from './command-validation.ts';
import { invalidExecutor, runningExecutor } from './executor-validation.ts';
import { duplicateVolume, invalidUse, mixedRevocable } from './resource-use.ts';

/** The first thing wrong with a task of a LAUNCH operation, in Mesos' words and order; undefined when it may run. */
export function invalidTask(task: TaskInfo, basket: Basket): string | undefined {
  return (
    invalidTaskItself(task, basket) ??
    invalidSharing(task) ??
    invalidMakeup(task) ??
    invalidOwnExecutor(task, basket) ??
    exceeding(task, basket)
  );
}

/** What is wrong with a task whatever it is launched with. */
export function invalidTaskItself(task: TaskInfo, { framework, agent }: Basket): string | undefined {
  return (
    invalidId(task.task_id.value) ??
    duplicateTask(task, framework) ??
    wrongAgent(task, agent) ??
    invalidTimes(task) ??
    invalidChecks(task) ??
    invalidResources(task) ??
    invalidTaskCommand(task) ??
    invalidTaskContainer(task) ??
    invalidLimits(task)
  );
}

function duplicateTask(task: TaskInfo, framework: Framework): string | undefined {
  const id = asTaskId(task.task_id.value);
  const taken = framework.tasks.has(id) || framework.unreachableTasks.has(id);
  return taken ? `Task has duplicate ID: ${id}` : undefined;
}

function wrongAgent(task: TaskInfo, agent: Agent): string | undefined {
  if (task.agent_id.value === agent.id) return undefined;
  return `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`;
}

function invalidTimes(task: TaskInfo): string | undefined {
  if ((task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0)
    return "Task's 'kill_policy.grace_period' must be non-negative";
  if ((task.max_completion_time?.nanoseconds ?? 0) < 0) return "Task's `max_completion_time` must be non-negative";
  return undefined;
}

function invalidChecks({ check, health_check }: TaskInfo): string | undefined {
  const wrong = check === undefined ? undefined : invalidCheck(check);
  if (wrong !== undefined) return `Task uses invalid check: ${wrong}`;
  const unhealthy = health_check === undefined ? undefined : invalidHealthCheck(health_check);
  return unhealthy === undefined ? undefined : `Task uses invalid health check: ${unhealthy}`;
}

function invalidResources({ resources = [] }: TaskInfo): string | undefined {
  if (normalize(resources).length === 0) return 'Task uses no resources';
  const reason = invalidUse(resources);
  if (reason !== undefined) return `Task uses invalid resources: ${reason}`;
  const twice = duplicateVolume(resources);
  if (twice !== undefined) return `Task uses duplicate persistence ID: Persistence ID '${twice}' is not unique`;
  if (rolesOf(resources).size > 1) return 'Invalid task resources: The resources have multiple allocation roles';
  const mixed = mixedRevocable(resources);
  return mixed === undefined
    ? undefined
    : `Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable '${mixed}' at the same time`;
}

function invalidTaskCommand({ command }: TaskInfo): string | undefined {
  const reason = command === undefined ? undefined : invalidCommand(command);
  return reason === undefined ? undefined : `Task's \`CommandInfo\` is invalid: ${reason}`;
}

function invalidTaskContainer({ container }: TaskInfo): string | undefined {
  const reason = container === undefined ? undefined : invalidContainer(container);
  return reason === undefined ? undefined : `Task's \`ContainerInfo\` is invalid: ${reason}`;
}

function invalidLimits(task: TaskInfo): string | undefined {
  for (const [name, limit] of Object.entries(task.limits ?? {})) {
    if (name !== 'cpus' && name !== 'mem') return "Only cpus and mem may be included in a task's resource limits";
    const requested = (task.resources ?? []).find((resource) => resource.name === name)?.scalar?.value;
    const label = name === 'cpus' ? 'cpu' : 'memory';
    if (requested === undefined) return `A ${label} limit was specified without a ${label} request`;
    if (!(toFixedPoint(limit.value) >= toFixedPoint(requested))) {
      return `The ${label} limit must be greater than or equal to the ${label} request`;
    }
  }
  return undefined;
}

function invalidSharing({ container }: TaskInfo): string | undefined {
  return container?.linux_info?.share_cgroups === false
    ? "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    : undefined;
}

function invalidMakeup({ command, executor }: TaskInfo): string | undefined {
  return (command === undefined) === (executor === undefined)
    ? 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present'
    : undefined;
}

function invalidOwnExecutor({ executor }: TaskInfo, basket: Basket): string | undefined {
  if (executor === undefined) return undefined;
  const reason = invalidExecutor(executor, basket);
  if (reason !== undefined) return reason;
  return executor.type === 'DEFAULT' ? "'DEFAULT' executor can only be used with a LAUNCH_GROUP operation" : undefined;
}

function exceeding(task: TaskInfo, basket: Basket): string | undefined {
  const roles = rolesOf([...(task.resources ?? []), ...(task.executor?.resources ?? [])]);
  const [role = basket.role] = roles;
  if (roles.size > 1) return 'The resources of the task and its executor have multiple allocation roles';
  const demand = demandOf(task, basket);
  if (role === basket.role && contains(availableTo(basket, demand), demand)) return undefined;
  const [asked, available] = [formatResources(demand, role), formatResources(basket.remaining, basket.role)];
  return `Total resources ${asked} required by task and its executor is more than available ${available}`;
}

/** What the launch of a task takes: its resources, and those of its executor unless that is there already. */
export function demandOf({ resources = [], executor }: TaskInfo, basket: Basket): Resource[] {
  const own = normalize(resources);
  if (executor === undefined || runningExecutor(basket, executor) !== undefined) return own;
  return add(own, normalize(executor.resources ?? []));
}

/** The roles that resources are allocated to; all of them say one. */
export function rolesOf(resources: readonly Resource[]): Set<string> {
  return new Set(resources.flatMap(({ allocation_info }) => allocation_info?.role ?? []));
}
