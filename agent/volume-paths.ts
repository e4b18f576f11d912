import { join } from 'node:path';
import type { Resource } from '../protocol/messages.ts';
import { reservationRole } from '../protocol/resources.ts';

/**
 * Where a persistent volume is on the host; undefined for what is none. As in Mesos:
 *
 *     <work_dir>/volumes/roles/<role>/<persistence id>     slashes of the role written as spaces
 *     <root>/volumes/roles/<role>/<persistence id>         on a PATH disk
 *     <root>                                               on a MOUNT disk
 */
export function volumePath(workDirectory: string, volume: Resource): string | undefined {
  const { persistence, source } = volume.disk ?? {};
  if (persistence === undefined) return undefined;
  if (source?.type === 'MOUNT' && source.mount?.root !== undefined) return source.mount.root;
  const role = reservationRole(volume).replaceAll('/', ' ');
  return join(source?.path?.root ?? workDirectory, 'volumes', 'roles', role, persistence.id);
}
