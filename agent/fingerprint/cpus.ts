import si from 'systeminformation';
import type { Resource } from '../../protocol/messages.ts';
import { cgroupCpus } from './cgroup.ts';
import { type HostContext, scalar } from './fact.ts';

/** `cpus`: online processors, no more than the agent's own cgroup and the engine have. Source: Mesos' detection. */
export async function cpus({ engine }: HostContext): Promise<Resource[]> {
  const { cores } = await si.cpu();
  const bounds = [cores || 1, await cgroupCpus(), engine?.cpus].filter((bound) => bound !== undefined);
  return scalar('cpus', Math.min(...bounds));
}
