import { invalidId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { isPersistentVolume, reservationRole } from '../../protocol/resources.ts';

/** What is wrong with well-formed resources as something that a task uses or an operation makes, in Mesos' words. */
export function invalidUse(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    const reason = invalidGpus(resource) ?? invalidDiskInfo(resource);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function invalidGpus({ name, scalar }: Resource): string | undefined {
  return name === 'gpus' && !Number.isInteger(scalar?.value ?? 0)
    ? "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"
    : undefined;
}

function invalidDiskInfo(resource: Resource): string | undefined {
  const reason = invalidDisk(resource);
  return reason === undefined ? undefined : `Invalid DiskInfo: ${reason}`;
}

function invalidDisk(resource: Resource): string | undefined {
  const { disk, revocable, shared } = resource;
  if (shared !== undefined && !isPersistentVolume(resource)) return 'Only persistent volumes can be shared';
  if (disk === undefined) return undefined;
  const { persistence, volume, source } = disk;
  if (persistence === undefined) {
    if (volume !== undefined) return 'Non-persistent volume not supported';
    return source === undefined ? 'DiskInfo is set but empty' : undefined;
  }
  if (revocable !== undefined) return 'Persistent volumes cannot be created from revocable resources';
  if (reservationRole(resource) === '*') return 'Persistent volumes cannot be created from unreserved resources';
  if (volume === undefined) return "Expecting 'volume' to be set for persistent volume";
  if (volume.mode === 'RO') return 'Read-only persistent volume not supported';
  if (volume.host_path !== undefined) return "Expecting 'host_path' to be unset for persistent volume";
  const wrong = invalidId(persistence.id);
  return wrong === undefined ? undefined : `Persistence ID is invalid: ${wrong}`;
}

/** The role and persistence id of the first volume that is there twice. */
export function duplicateVolume(resources: readonly Resource[]): string | undefined {
  const seen = new Set<string>();
  for (const resource of resources) {
    const id = resource.disk?.persistence?.id;
    if (id === undefined) continue;
    const key = `${reservationRole(resource)}/${id}`;
    if (seen.has(key)) return id;
    seen.add(key);
  }
  return undefined;
}

/** The name of a resource that is there both revocable and not. */
export function mixedRevocable(resources: readonly Resource[]): string | undefined {
  const firm = new Set(resources.filter(({ revocable }) => revocable === undefined).map(({ name }) => name));
  return resources.find(({ name, revocable }) => revocable !== undefined && firm.has(name))?.name;
}
