import si from 'systeminformation';
import type { Resource } from '../../protocol/messages.ts';
import { type HostContext, scalar } from './fact.ts';

const megabyte = 1024 * 1024;

/** `disk` in MB: the work directory's file system but 5 GB, or half of less than 10 GB. Source: Mesos' detection. */
export async function disk({ workDirectory }: HostContext): Promise<Resource[]> {
  const systems = await si.fsSize();
  const holding = systems
    .filter(({ mount }) => workDirectory === mount || workDirectory.startsWith(mount === '/' ? '/' : `${mount}/`))
    .sort((a, b) => b.mount.length - a.mount.length)[0];
  const size = (holding?.size ?? 10 * 1024 * megabyte) / megabyte;
  return scalar('disk', Math.floor(size >= 10 * 1024 ? size - 5 * 1024 : size / 2));
}
