import type { ContainerStatus, ResourceStatistics } from '../../protocol/messages.ts';
import { normalize, scalarOf } from '../../protocol/resources.ts';
import type { Document } from '../../protocol/v0-documents.ts';
import { double } from '../../protocol/v0-json.ts';
import type { ContainerUsage } from '../engine/engine.ts';
import type { TaskRecord } from '../state.ts';
import { executorOf } from '../task-message.ts';

const megabyte = 1024 * 1024;

/** A running container and what it uses; without statistics where the engine had none to tell. */
export interface MeasuredContainer {
  task: TaskRecord;
  statistics: ResourceStatistics | undefined;
}

/** `cpuQuota`: whether the agent limits CPU time. `now`: milliseconds since the epoch. */
export function statisticsOf(
  { info }: TaskRecord,
  usage: ContainerUsage,
  cpuQuota: boolean,
  now: number,
): ResourceStatistics {
  const resources = normalize(info.resources ?? []);
  const cpus = info.limits?.cpus?.value ?? scalarOf(resources, 'cpus');
  const mem = info.limits?.mem?.value ?? scalarOf(resources, 'mem');
  return {
    timestamp: now / 1000,
    cpus_user_time_secs: usage.cpuUserSeconds,
    cpus_system_time_secs: usage.cpuSystemSeconds,
    ...(cpuQuota ? { cpus_limit: cpus } : {}),
    cpus_soft_limit: cpus,
    mem_limit_bytes: Math.round(mem * megabyte),
    mem_total_bytes: Math.round(usage.mem * megabyte),
    mem_rss_bytes: Math.round(usage.mem * megabyte),
    ...(usage.pids === undefined ? {} : { processes: usage.pids }),
  };
}

export function containerStatus({ containerId, addresses }: TaskRecord): ContainerStatus {
  const ip_addresses = addresses.map(({ protocol, address }) => ({ protocol, ip_address: address }));
  return { container_id: { value: containerId }, network_infos: [{ ip_addresses }] };
}

/** One entry of `/containers`. */
export function containerDocument({ task, statistics }: MeasuredContainer): Document {
  const { executor_id, executor_name, framework_id, source } = executorNames(task);
  return {
    container_id: task.containerId,
    executor_id,
    executor_name,
    framework_id,
    source,
    statistics: statistics && statisticsDocument(statistics),
    status: containerStatus(task),
  };
}

/** `/monitor/statistics`. */
export function monitorDocument(containers: readonly MeasuredContainer[]): Document[] {
  return containers.flatMap(({ task, statistics }) =>
    statistics === undefined ? [] : [{ ...executorNames(task), statistics: statisticsDocument(statistics) }],
  );
}

function executorNames(task: TaskRecord): Record<'executor_id' | 'executor_name' | 'framework_id' | 'source', string> {
  const { executor_id, name = '', framework_id } = executorOf(task);
  return {
    executor_id: executor_id.value,
    executor_name: name,
    framework_id: framework_id?.value ?? '',
    source: executor_id.value,
  };
}

/** Alphabetically; times and limits of CPU are doubles, bytes and counts are not. */
function statisticsDocument(statistics: ResourceStatistics): Document {
  const entries = Object.entries(statistics).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, /^cpus_|^timestamp$/.test(name) ? double(Number(value)) : value]),
  );
}
