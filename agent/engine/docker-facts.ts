import type { EngineFacts } from './engine.ts';

const megabyte = 1024 * 1024;

/** Of the engine's long description of itself, what is read here. */
export interface EngineInfo {
  SystemTime?: string;
  CgroupVersion?: string;
  NCPU?: number;
  MemTotal?: number;
  OperatingSystem?: string;
  DockerRootDir?: string;
  LiveRestoreEnabled?: boolean;
  CpuCfsQuota?: boolean;
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  PidsLimit?: boolean;
}

export function engineFacts(info: EngineInfo, versions: { version: string; apiVersion: string }): EngineFacts {
  return {
    ...versions,
    cgroupVersion: info.CgroupVersion === '2' ? '2' : '1',
    cpus: info.NCPU ?? 0,
    mem: Math.floor((info.MemTotal ?? 0) / megabyte),
    operatingSystem: info.OperatingSystem ?? 'unknown',
    rootDirectory: info.DockerRootDir ?? 'unknown',
    survives: info.LiveRestoreEnabled ?? false,
    enforces: {
      cpuQuota: info.CpuCfsQuota ?? false,
      memory: info.MemoryLimit ?? false,
      swap: info.SwapLimit ?? false,
      pids: info.PidsLimit ?? false,
    },
  };
}
