import type { OfferOperation, OfferOperationReserve, Resource } from './messages.ts';
import { formatResources } from './resource-text.ts';
import { add, contains, normalize, type Resources, subtract, toFixedPoint, toPostRefinement } from './resources.ts';

/** What an operation takes, and what it makes of it; both in normal form, and of the same amounts. */
export interface Conversion {
  consumed: Resource[];
  converted: Resource[];
}

/** The conversion that an operation stands for; undefined for those that convert nothing by themselves (launches, disks of providers). */
export function conversionOf(operation: OfferOperation): Conversion | undefined {
  const { reserve, unreserve, create, destroy, grow_volume, shrink_volume } = operation;
  if (operation.type === 'RESERVE' && reserve !== undefined) return reserving(reserve);
  if (operation.type === 'UNRESERVE' && unreserve !== undefined) return unreserving(unreserve.resources ?? []);
  if (operation.type === 'CREATE' && create !== undefined) return inverse(destroying(create.volumes ?? []));
  if (operation.type === 'DESTROY' && destroy !== undefined) return destroying(destroy.volumes ?? []);
  if (operation.type === 'GROW_VOLUME' && grow_volume !== undefined) {
    return growing(grow_volume.volume, grow_volume.addition);
  }
  if (operation.type === 'SHRINK_VOLUME' && shrink_volume !== undefined) {
    return shrinking(shrink_volume.volume, shrink_volume.subtract.value);
  }
  return undefined;
}

/**
 * Whether the result of an operation is there for the operations after it in the same call. Source: Mesos' speculative
 * operations.
 */
export function isSpeculative(operation: OfferOperation): boolean {
  const { type } = operation;
  return type === 'RESERVE' || type === 'UNRESERVE' || type === 'CREATE' || type === 'DESTROY';
}

/** `resources` after a conversion, or in Mesos' words why they cannot be converted. `role`: that of the allocation, for the words. */
export function convert(
  resources: Resources,
  { consumed, converted }: Conversion,
  role?: string,
): { value: Resource[] } | { error: string } {
  if (contains(resources, consumed)) return { value: add(subtract(resources, consumed), converted) };
  return { error: `${formatResources(resources, role)} does not contain ${formatResources(consumed, role)}` };
}

/** Without its last reservation. */
export function popReservation(resource: Resource): Resource {
  const { reservations = [], ...rest } = toPostRefinement(resource);
  return reservations.length <= 1 ? rest : { ...rest, reservations: reservations.slice(0, -1) };
}

/** The disk that a persistent volume was made of. */
export function withoutVolume(volume: Resource): Resource {
  const { disk, shared: _shared, ...rest } = volume;
  return disk?.source === undefined ? rest : { ...rest, disk: { source: disk.source } };
}

/** `source`: what is reserved for others until then. */
function reserving({ source = [], resources = [] }: OfferOperationReserve): Conversion {
  if (source.length > 0) return { consumed: normalize(source), converted: normalize(resources) };
  return inverse(unreserving(resources));
}

function unreserving(resources: readonly Resource[]): Conversion {
  return { consumed: normalize(resources), converted: normalize(resources.map(popReservation)) };
}

function destroying(volumes: readonly Resource[]): Conversion {
  return { consumed: normalize(volumes), converted: normalize(volumes.map(withoutVolume)) };
}

function growing(volume: Resource, addition: Resource): Conversion {
  const size = thousandthsOf(volume) + thousandthsOf(addition);
  const consumed = [...normalize([volume]), ...normalize([addition])];
  return { consumed, converted: normalize([sized(volume, size)]) };
}

function shrinking(volume: Resource, megabytes: number): Conversion {
  const freed = toFixedPoint(megabytes);
  const rest = sized(volume, thousandthsOf(volume) - freed);
  return { consumed: normalize([volume]), converted: normalize([rest, sized(withoutVolume(volume), freed)]) };
}

function inverse({ consumed, converted }: Conversion): Conversion {
  return { consumed: converted, converted: consumed };
}

function thousandthsOf(resource: Resource): number {
  return toFixedPoint(resource.scalar?.value ?? 0);
}

function sized(resource: Resource, thousandths: number): Resource {
  return { ...resource, scalar: { value: thousandths / 1000 } };
}
