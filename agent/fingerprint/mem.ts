import si from 'systeminformation';
import type { Resource } from '../../protocol/messages.ts';
import { type HostContext, scalar } from './fact.ts';

const megabyte = 1024 * 1024;

/** `mem` in MB: all but 1 GB, or half of less than 2 GB; within the agent's own cgroup and the engine. Source: Mesos' detection. */
export async function mem({ engine }: HostContext): Promise<Resource[]> {
  const { total } = await si.mem();
  const limit = process.constrainedMemory() / megabyte;
  const bounds = [total / megabyte, limit > 0 ? limit : undefined, engine?.mem].filter((bound) => bound !== undefined);
  const available = Math.min(...bounds);
  return scalar('mem', Math.floor(available >= 2048 ? available - 1024 : available / 2));
}
