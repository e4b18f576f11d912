import type { Resource, ValueRange } from './messages.ts';
import { formatResource } from './resource-text.ts';
import { toFixedPoint } from './resources.ts';
import { invalidRole } from './roles.ts';

// Beyond this, thousandths are not exact any more.
const largestScalar = Number.MAX_SAFE_INTEGER / 1000;

/** The first thing wrong with a list of resources, in Mesos' words; undefined when nothing is. */
export function invalidResources(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    const reason = invalidResource(resource);
    if (reason !== undefined) return `Resource '${formatResource(resource)}' is invalid: ${reason}`;
  }
  return undefined;
}

function invalidResource(resource: Resource): string | undefined {
  if (resource.name === '') return 'Empty resource name';
  return invalidValue(resource) ?? invalidDisk(resource) ?? invalidReservations(resource);
}

function invalidValue(resource: Resource): string | undefined {
  const { type, scalar, ranges, set } = resource;
  if (type === 'SCALAR') {
    if (scalar === undefined || ranges !== undefined || set !== undefined) return 'Invalid scalar resource';
    const value = scalar.value;
    // Exactly zero is taken, and counts as absent; what merely rounds to zero is a mistake of the caller.
    if (value < 0 || Number.isNaN(value) || (value !== 0 && toFixedPoint(value) === 0)) {
      return 'Invalid scalar resource: value <= 0';
    }
    return value <= largestScalar ? undefined : 'Invalid scalar resource';
  }
  if (type === 'RANGES') {
    if (scalar !== undefined || ranges === undefined || set !== undefined) return 'Invalid ranges resource';
    return invalidRanges(ranges.range ?? []);
  }
  if (type === 'SET') {
    if (scalar !== undefined || ranges !== undefined || set === undefined) return 'Invalid set resource';
    const items = set.item ?? [];
    return new Set(items).size === items.length ? undefined : 'Invalid set resource: duplicated elements';
  }
  return 'Unsupported resource type';
}

function invalidRanges(ranges: readonly ValueRange[]): string | undefined {
  // Numbers beyond 2^53 come as bigints from the codecs.
  const isExact = ({ begin, end }: ValueRange) => Number.isSafeInteger(begin) && Number.isSafeInteger(end);
  if (!ranges.every(isExact)) return 'Invalid ranges resource: value is too large';
  if (ranges.some(({ begin, end }) => begin > end)) return 'Invalid ranges resource: begin > end';
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin);
  const overlap = sorted.some((range, index) => index > 0 && range.begin <= (sorted[index - 1]?.end ?? -1));
  return overlap ? 'Invalid ranges resource: overlapping ranges' : undefined;
}

function invalidDisk({ name, disk }: Resource): string | undefined {
  if (disk === undefined) return undefined;
  if (name !== 'disk') return `DiskInfo should not be set for ${name} resource`;
  const { source } = disk;
  if (source?.type === 'UNKNOWN') return "Unsupported 'DiskInfo.Source.Type' in DiskInfo";
  if (source?.type !== 'PATH' && source?.path !== undefined)
    return "'DiskInfo.Source.path' must be set to PATH type alone";
  if (source?.type !== 'MOUNT' && source?.mount !== undefined) {
    return "'DiskInfo.Source.mount' must be set to MOUNT type alone";
  }
  return undefined;
}

function invalidReservations(resource: Resource): string | undefined {
  const { role, reservation, reservations = [] } = resource;
  if (reservations.length === 0) {
    if (role !== undefined && invalidRole(role) !== undefined) return invalidRole(role);
    return reservation !== undefined && (role ?? '*') === '*'
      ? 'Invalid reservation: role "*" cannot be dynamically reserved'
      : undefined;
  }
  for (const [index, entry] of reservations.entries()) {
    if (entry.type === undefined) return 'Invalid reservation: type is missing';
    if (entry.role === undefined || entry.role === '*') return 'Invalid reservation: role is missing';
    if (invalidRole(entry.role) !== undefined) return invalidRole(entry.role);
    if (index > 0 && entry.type !== 'DYNAMIC')
      return 'Invalid refined reservation: a refined reservation must be DYNAMIC';
    const parent = reservations[index - 1]?.role;
    if (parent !== undefined && !entry.role.startsWith(`${parent}/`)) {
      return `Invalid refined reservation: role '${entry.role}' is not a refinement of '${parent}'`;
    }
  }
  return undefined;
}
