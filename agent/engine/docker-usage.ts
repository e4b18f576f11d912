import type { ContainerUsage } from './engine.ts';

const megabyte = 1024 * 1024;

/** The part of the engine's statistics that is read here; an engine leaves out what its kernel does not have. */
export interface DockerStats {
  read?: string;
  cpu_stats?: { cpu_usage?: { total_usage?: number; usage_in_usermode?: number; usage_in_kernelmode?: number } };
  memory_stats?: { usage?: number; max_usage?: number; stats?: Record<string, number> };
  pids_stats?: { current?: number };
}

/** Undefined when the engine had nothing to read, as of a container that does not run. */
export function containerUsage(stats: DockerStats): ContainerUsage | undefined {
  const { usage, max_usage: peak, stats: details } = stats.memory_stats ?? {};
  const cpu = stats.cpu_stats?.cpu_usage;
  if (usage === undefined || cpu === undefined) return undefined;
  // The page cache that the kernel would give back at once; cgroup v1 and v2 name it differently.
  const cache = details?.total_inactive_file ?? details?.inactive_file ?? 0;
  const pids = stats.pids_stats?.current;
  return {
    cpuUserSeconds: (cpu.usage_in_usermode ?? cpu.total_usage ?? 0) / 1e9,
    cpuSystemSeconds: (cpu.usage_in_kernelmode ?? 0) / 1e9,
    mem: Math.max(0, usage - cache) / megabyte,
    ...(peak !== undefined && { memPeak: peak / megabyte }),
    ...(pids !== undefined && { pids }),
  };
}
