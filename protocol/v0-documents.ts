import type {
  Attribute,
  CommandInfo,
  ContainerStatus,
  ExecutorInfo,
  Labels,
  Resource,
  Task,
  TaskStatus,
} from './messages.ts';
import { formatValue, summarize } from './resource-text.ts';
import { normalize, type Resources, reservationRole, toEndpointForm } from './resources.ts';
import { double, embed } from './v0-json.ts';

/**
 * Pieces of the unversioned endpoints that master and agent show alike, with the old (v0) names: what is called agent
 * elsewhere is a slave here. To be written by writeV0. Source: Mesos' /state.
 */
export type Document = Record<string, unknown>;

/** `disk, mem, gpus, cpus` always, then what else there is; ranges as `[1-2, 5-6]`, sets as `{a, b}`. */
export function summaryDocument(resources: Resources): Document {
  return doubles(summarize(resources));
}

/** The same object with its numbers as doubles. */
export function doubles(values: Record<string, unknown>): Document {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? double(value) : value]),
  );
}

/** `reserved_resources` and its like: role → what `show` makes of the resources reserved to it. */
export function byReservation(total: Resources, show: (resources: Resource[]) => unknown): Document {
  const roles = new Set(total.map(reservationRole).filter((role) => role !== '*'));
  return Object.fromEntries(
    [...roles].map((role) => [role, show(total.filter((resource) => reservationRole(resource) === role))]),
  );
}

export function unreserved(total: Resources): Resource[] {
  return total.filter((resource) => reservationRole(resource) === '*');
}

/** The `…_full` lists. */
export function fullDocument(resources: Resources): unknown[] {
  return resources.map((resource) => embed('Resource', toEndpointForm(resource)));
}

export function attributesDocument(attributes: readonly Attribute[]): Document {
  return Object.fromEntries(
    attributes.map((attribute) => [
      attribute.name,
      attribute.type === 'SCALAR' ? double(attribute.scalar?.value ?? 0) : formatValue(attribute),
    ]),
  );
}

/** Labels are a bare list here. */
export function labelsDocument(labels: Labels | undefined): unknown {
  return labels && (labels.labels ?? []);
}

/** No limit is a word: JSON has no such number. */
function limitsDocument(limits: { [name: string]: { value: number } }): Document {
  const shown = ({ value }: { value: number }) => (Number.isFinite(value) ? value : String(value));
  return doubles(Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, shown(limit)])));
}

/** `role`: that its resources are allocated to. */
export function taskDocument(task: Task, role: string): Document {
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: task.executor_id?.value ?? '',
    slave_id: task.agent_id.value,
    state: task.state,
    resources: summaryDocument(normalize(task.resources ?? [])),
    limits: task.limits && limitsDocument(task.limits),
    role,
    statuses: (task.statuses ?? []).map(statusDocument),
    user: task.user,
    labels: labelsDocument(task.labels),
    discovery: task.discovery && embed('DiscoveryInfo', task.discovery),
    container: task.container && embed('ContainerInfo', task.container),
    health_check: task.health_check && embed('HealthCheck', task.health_check),
  };
}

/** Message and reason are mesita's own additions: what `ps` and people want to know. */
function statusDocument(status: TaskStatus): Document {
  return {
    state: status.state,
    timestamp: double(status.timestamp ?? 0),
    message: status.message,
    reason: status.reason?.replaceAll('AGENT', 'SLAVE'),
    labels: labelsDocument(status.labels),
    container_status: status.container_status && containerStatusDocument(status.container_status),
    healthy: status.healthy,
  };
}

function containerStatusDocument(status: ContainerStatus): Document {
  return {
    container_id: status.container_id && embed('ContainerID', status.container_id),
    network_infos: status.network_infos?.map((info) => embed('NetworkInfo', info)),
    cgroup_info: status.cgroup_info && embed('CgroupInfo', status.cgroup_info),
  };
}

export function executorDocument(executor: ExecutorInfo, framework: string, role: string | undefined): Document {
  return {
    executor_id: executor.executor_id.value,
    name: executor.name ?? '',
    framework_id: executor.framework_id?.value ?? framework,
    command: commandDocument(executor.command ?? {}),
    resources: summaryDocument(normalize(executor.resources ?? [])),
    role,
    labels: labelsDocument(executor.labels),
    type: executor.type,
  };
}

function commandDocument(command: CommandInfo): Document {
  return {
    shell: command.shell,
    value: command.value,
    argv: command.arguments ?? [],
    environment: command.environment && embed('Environment', command.environment),
    uris: (command.uris ?? []).map(({ value, executable }) => ({ value, executable: executable ?? false })),
  };
}
