import type { Offer, OfferOperation, Resource } from '../../protocol/messages.ts';
import { conversionOf, convert } from '../../protocol/resource-operations.ts';
import { isPersistentVolume, normalize } from '../../protocol/resources.ts';

export type ConversionKind = 'RESERVE' | 'UNRESERVE' | 'CREATE' | 'CREATE shared' | 'DESTROY' | 'GROW' | 'SHRINK';

/** Operations on what an offer holds, each on what the one before it left; where there is nothing of its sort, one that is to be refused. */
export function conversionsOn(
  offer: Pick<Offer, 'resources'>,
  kinds: readonly ConversionKind[],
  role: string,
  firstVolume: number,
): { operations: OfferOperation[]; volumes: Resource[] } {
  let resources = normalize(offer.resources ?? []);
  const operations = kinds.map((kind, place) => {
    const operation = conversionOn(resources, kind, role, `v${firstVolume + place}`);
    const conversion = conversionOf(operation);
    const result = conversion === undefined ? undefined : convert(resources, conversion);
    if (result !== undefined && 'value' in result) resources = result.value;
    return operation;
  });
  return { operations, volumes: resources.filter(isPersistentVolume) };
}

function conversionOn(
  resources: readonly Resource[],
  kind: ConversionKind,
  role: string,
  volume: string,
): OfferOperation {
  const disk = resources.filter(({ name }) => name === 'disk');
  const free = disk.find(({ reservations }) => reservations === undefined) ?? megabytes(10);
  const own = disk.find((one) => one.reservations !== undefined && !isPersistentVolume(one)) ?? free;
  const made = disk.find(isPersistentVolume) ?? megabytes(10);
  switch (kind) {
    case 'RESERVE':
      return {
        type: 'RESERVE',
        reserve: { resources: [{ ...free, ...megabytes(10), reservations: [{ type: 'DYNAMIC', role }] }] },
      };
    case 'UNRESERVE':
      return { type: 'UNRESERVE', unreserve: { resources: [own] } };
    case 'CREATE':
      return { type: 'CREATE', create: { volumes: [asVolume(own, volume)] } };
    case 'CREATE shared':
      return { type: 'CREATE', create: { volumes: [{ ...asVolume(own, volume), shared: {} }] } };
    case 'DESTROY':
      return { type: 'DESTROY', destroy: { volumes: [made] } };
    case 'GROW':
      return { type: 'GROW_VOLUME', grow_volume: { volume: made, addition: own } };
    case 'SHRINK':
      return { type: 'SHRINK_VOLUME', shrink_volume: { volume: made, subtract: { value: 3 } } };
  }
}

function asVolume(resource: Resource, id: string): Resource {
  return { ...resource, disk: { persistence: { id }, volume: { mode: 'RW', container_path: 'data' } } };
}

function megabytes(value: number): Resource {
  return { name: 'disk', type: 'SCALAR', scalar: { value } };
}
