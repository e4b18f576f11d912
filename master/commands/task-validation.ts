import { asTaskId, invalidId } from '../../protocol/ids.ts';
import type { CommandInfo, ContainerInfo, Resource, TaskInfo, Volume } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { contains, normalize, toFixedPoint } from '../../protocol/resources.ts';
import type { Agent, Framework, MasterState } from '../state.ts';

interface Launch {
  state: MasterState;
  framework: Framework;
  agent: Agent;
  /** The role of the offers. */
  role: string;
  /** Normal form: what earlier operations of the call left. */
  remaining: readonly Resource[];
}

/** The first thing wrong with a task of a LAUNCH operation, in Mesos' words and order; undefined when it may run. */
export function invalidTask(task: TaskInfo, launch: Launch): string | undefined {
  return (
    invalidId(task.task_id.value) ??
    duplicateTask(task, launch.framework) ??
    wrongAgent(task, launch.agent) ??
    invalidTimes(task) ??
    invalidMakeup(task) ??
    (task.command === undefined ? undefined : invalidCommand(task.command)) ??
    (task.container === undefined ? undefined : invalidContainer(task.container)) ??
    invalidLimits(task) ??
    invalidDemand(task, launch)
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

function invalidMakeup(task: TaskInfo): string | undefined {
  if ((task.command === undefined) === (task.executor === undefined)) {
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  }
  if (task.executor !== undefined) {
    return 'Executors are not run by this master yet; launch a task with a command';
  }
  if (task.health_check !== undefined || task.check !== undefined) {
    return 'Checks are not run by this master yet; launch the task without check and health_check';
  }
  return undefined;
}

function invalidCommand(command: CommandInfo): string | undefined {
  for (const { name, type = 'VALUE', value, secret } of command.environment?.variables ?? []) {
    const prefix = `Task's \`CommandInfo\` is invalid: Environment variable '${name}'`;
    if (type === 'VALUE' && value === undefined) return `${prefix} of type 'VALUE' must have a value set`;
    if (type === 'SECRET' && secret === undefined) return `${prefix} of type 'SECRET' must have a secret set`;
    if (type === 'UNKNOWN') return `${prefix} of type 'UNKNOWN' is not allowed`;
  }
  return undefined;
}

function invalidContainer(container: ContainerInfo): string | undefined {
  const prefix = "Task's `ContainerInfo` is invalid:";
  if (container.type === 'DOCKER' && container.docker === undefined) {
    return `${prefix} DockerInfo 'docker' is not set for DOCKER typed ContainerInfo`;
  }
  if ((container.docker?.parameters ?? []).some((parameter) => parameter.key === 'name')) {
    return `${prefix} Parameter in DockerInfo must not be 'name'`;
  }
  for (const volume of container.volumes ?? []) {
    const reason = invalidVolume(volume);
    if (reason !== undefined) return `${prefix} Invalid volume: ${reason}`;
  }
  return undefined;
}

function invalidVolume(volume: Volume): string | undefined {
  const given = [volume.host_path, volume.image, volume.source].filter((source) => source !== undefined).length;
  if (given !== 1) return "Only one of them should be set: 'host_path', 'image' and 'source'";
  if (volume.source?.type === 'DOCKER_VOLUME' && volume.source.docker_volume === undefined) {
    return "'source.docker_volume' is not set for DOCKER_VOLUME volume";
  }
  return undefined;
}

function invalidLimits(task: TaskInfo): string | undefined {
  for (const [name, limit] of Object.entries(task.limits ?? {})) {
    if (name !== 'cpus' && name !== 'mem') return "Only cpus and mem may be included in a task's resource limits";
    const requested = (task.resources ?? []).find((resource) => resource.name === name)?.scalar?.value;
    const label = name === 'cpus' ? 'cpu' : 'memory';
    if (requested === undefined) return `A ${label} limit was specified without a ${label} request`;
    if (toFixedPoint(limit.value) < toFixedPoint(requested)) {
      return `The ${label} limit must be greater than or equal to the ${label} request`;
    }
  }
  return undefined;
}

function invalidDemand(task: TaskInfo, launch: Launch): string | undefined {
  const demand = normalize(task.resources ?? []);
  if ((task.resources ?? []).length === 0 || demand.length === 0) return 'Task uses no resources';
  const gpus = demand.find((resource) => resource.name === 'gpus')?.scalar?.value ?? 0;
  if (!Number.isInteger(gpus)) {
    return "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer";
  }
  const roles = new Set((task.resources ?? []).map((resource) => allocationRoleOf(resource) ?? launch.role));
  const [role = launch.role] = roles;
  if (roles.size > 1) return 'The resources have multiple allocation roles';
  if (role === launch.role && contains(launch.remaining, demand)) return undefined;
  const [asked, available] = [formatResources(demand, role), formatResources(launch.remaining, launch.role)];
  return `Total resources ${asked} required by task and its executor is more than available ${available}`;
}

/** The role that a scheduler named; most name none. */
export function allocationRoleOf(resource: Resource): string | undefined {
  return resource.allocation_info?.role;
}
