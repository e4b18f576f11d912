import { readFile } from 'node:fs/promises';

/** Cores that the agent's own cgroup allows, whichever version; undefined without a limit. */
export async function cgroupCpus(): Promise<number | undefined> {
  const [quota, period] = (await read('/sys/fs/cgroup/cpu.max'))?.split(' ') ?? [
    await read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    await read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ];
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : undefined;
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
