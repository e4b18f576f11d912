import type { ContainerStatus, ResourceStatistics } from '../../protocol/messages.ts';
import { scalarOf } from '../../protocol/resources.ts';
import type { Document } from '../../protocol/v0-documents.ts';
import { double } from '../../protocol/v0-json.ts';
import type { ContainerUsage } from '../engine/engine.ts';
import { resourcesOf } from '../executor-tasks.ts';
import type { Run } from '../state.ts';
import { executorOf } from '../task-message.ts';

const megabyte = 1024 * 1024;

/** A running container and what it uses; without statistics where the engine had none to tell. */
export interface MeasuredContainer {
  run: Run;
  statistics: ResourceStatistics | undefined;
}

/** `cpuQuota`: whether the agent limits CPU time. `now`: milliseconds since the epoch. */
export function statisticsOf(run: Run, usage: ContainerUsage, cpuQuota: boolean, now: number): ResourceStatistics {
  const { cpus, mem } = limitsOf(run);
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

/** Cores and MB. */
function limitsOf(run: Run): { cpus: number; mem: number } {
  const resources = resourcesOf(run);
  const limits = run.kind === 'executor' ? undefined : run.info.limits;
  return {
    cpus: limits?.cpus?.value ?? scalarOf(resources, 'cpus'),
    mem: limits?.mem?.value ?? scalarOf(resources, 'mem'),
  };
}

export function containerStatus({ containerId, addresses }: Run): ContainerStatus {
  const ip_addresses = addresses.map(({ protocol, address }) => ({ protocol, ip_address: address }));
  return { container_id: { value: containerId }, network_infos: [{ ip_addresses }] };
}

/** One entry of `/containers`. */
export function containerDocument({ run, statistics }: MeasuredContainer): Document {
  const { executor_id, executor_name, framework_id, source } = executorNames(run);
  return {
    container_id: run.containerId,
    executor_id,
    executor_name,
    framework_id,
    source,
    statistics: statistics && statisticsDocument(statistics),
    status: containerStatus(run),
  };
}

/** `/monitor/statistics`. */
export function monitorDocument(containers: readonly MeasuredContainer[]): Document[] {
  return containers.flatMap(({ run, statistics }) =>
    statistics === undefined ? [] : [{ ...executorNames(run), statistics: statisticsDocument(statistics) }],
  );
}

function executorNames(run: Run): Record<'executor_id' | 'executor_name' | 'framework_id' | 'source', string> {
  const { executor_id, name = '', framework_id, source = '' } = executorOf(run);
  return { executor_id: executor_id.value, executor_name: name, framework_id: framework_id?.value ?? '', source };
}

/** Alphabetically; times and limits of CPU are doubles, bytes and counts are not. */
function statisticsDocument(statistics: ResourceStatistics): Document {
  const entries = Object.entries(statistics).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, /^cpus_|^timestamp$/.test(name) ? double(Number(value)) : value]),
  );
}
