import type { Resource, ResourceReservationInfo, ValueRange } from './messages.ts';
import { canonicalText } from './same-content.ts';

/**
 * Arithmetic on resources. Source: Mesos' resource model.
 *
 * INVARIANTS of a list that these functions return ("normal form"):
 * - post-refinement format: `reservations[]`, never `role` or `reservation`, never `allocation_info`;
 * - one entry for each identity (name, type, reservations, disk, revocable, shared, provider), none empty;
 * - what is whole (persistent volumes, mounts, devices, whatever is shared) never merges and never splits: it is there
 *   once for each copy, and is given and taken as a copy;
 * - scalars are multiples of 0.001, ranges are sorted, disjoint and not adjacent, sets have no duplicates.
 * Arguments are never changed.
 */
export type Resources = readonly Resource[];

/** Thousandths, rounded half away from zero: the fixed point in which scalars are compared and added. */
export function toFixedPoint(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value) * 1000);
}

const fromFixedPoint = (thousandths: number): number => thousandths / 1000;

/** Brings any list that passed validation into normal form. */
export function normalize(resources: Resources): Resource[] {
  return plainScalars(resources) ?? add([], resources.map(toPostRefinement));
}

/** A shorter way for what nearly all tasks have: some scalars of nobody in particular, each once. Undefined for anything else. */
function plainScalars(resources: Resources): Resource[] | undefined {
  const plain: Resource[] = [];
  for (const resource of resources) {
    const { name, scalar } = resource;
    const value = fromFixedPoint(toFixedPoint(scalar?.value ?? 0));
    if (!isPlain(resource) || !(value > 0) || plain.some((other) => other.name === name)) return undefined;
    plain.push({ name, type: 'SCALAR', scalar: { value } });
  }
  return plain;
}

function isPlain({ type, role, reservation, reservations, disk, revocable, shared, provider_id }: Resource): boolean {
  const isOfNobody = (role === undefined || role === '*') && reservation === undefined && reservations === undefined;
  const isOrdinary = disk === undefined && revocable === undefined && shared === undefined && provider_id === undefined;
  return type === 'SCALAR' && isOfNobody && isOrdinary;
}

export function add(left: Resources, right: Resources): Resource[] {
  const groups = new Map<string, Resource[]>();
  const wholes: Resource[] = [];
  for (const resource of [...left, ...right]) {
    if (isWhole(resource)) {
      const copy = total([resource]);
      if (copy !== undefined) wholes.push(copy);
      continue;
    }
    const key = identity(resource);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [resource]);
    else group.push(resource);
  }
  return [...[...groups.values()].flatMap((group) => total(group) ?? []), ...wholes];
}

/** What is in `left` and not in `right`; amounts never go below zero. */
export function subtract(left: Resources, right: Resources): Resource[] {
  const rest = [...left];
  const places = new Map(left.map((resource, index) => [identity(resource), index]));
  for (const resource of right) {
    const key = identity(resource);
    const place = isWhole(resource)
      ? rest.findLastIndex((own) => own !== gone && identity(own) === key)
      : places.get(key);
    const before = place === undefined ? undefined : rest[place];
    if (place === undefined || before === undefined || before === gone) continue;
    rest[place] = isWhole(resource) ? gone : (remainder(before, resource) ?? gone);
  }
  return rest.filter((resource) => resource !== gone);
}

/** Whether `whole` holds all of `part`. Both in normal form. */
export function contains(whole: Resources, part: Resources): boolean {
  const available = new Map(whole.map((resource) => [identity(resource), resource]));
  let copies: Map<string, number> | undefined;
  return part.every((resource) => {
    const key = identity(resource);
    if (isWhole(resource)) {
      copies ??= copiesOf(whole);
      const left = copies.get(key) ?? 0;
      copies.set(key, left - 1);
      return left > 0;
    }
    const held = available.get(key);
    return held !== undefined && holds(held, resource);
  });
}

export function isPersistentVolume(resource: Resource): boolean {
  return resource.disk?.persistence !== undefined;
}

/** Whether it never merges and never splits. */
export function isWhole(resource: Resource): boolean {
  const { disk, shared } = resource;
  if (disk === undefined) return shared !== undefined;
  const { persistence, source } = disk;
  const device =
    source?.type === 'MOUNT' || source?.type === 'BLOCK' || (source?.type === 'RAW' && source.id !== undefined);
  return shared !== undefined || persistence !== undefined || device;
}

/** The amount of a scalar over all its reservations; 0 when absent. */
export function scalarOf(resources: Resources, name: string): number {
  let total = 0;
  for (const resource of resources) {
    if (resource.name === name && resource.type === 'SCALAR') total += toFixedPoint(resource.scalar?.value ?? 0);
  }
  return fromFixedPoint(total);
}

/** All ranges of that name, e.g. `ports`. */
export function rangesOf(resources: Resources, name: string): ValueRange[] {
  return mergeRanges(
    resources.flatMap((resource) =>
      resource.name === name && resource.type === 'RANGES' ? (resource.ranges?.range ?? []) : [],
    ),
  );
}

export function inRanges(ranges: readonly ValueRange[], value: number): boolean {
  return ranges.some((range) => range.begin <= value && value <= range.end);
}

/** The role of the innermost reservation, `*` without one. Takes both formats. */
export function reservationRole(resource: Resource): string {
  const reservations = resource.reservations ?? [];
  return reservations.at(-1)?.role ?? resource.role ?? '*';
}

/** From either format to `reservations[]` alone. */
export function toPostRefinement(resource: Resource): Resource {
  const { role, reservation, allocation_info: _allocation, ...rest } = resource;
  if ((rest.reservations ?? []).length > 0 || role === undefined || role === '*') {
    return rest.reservations?.length === 0 ? without(rest, 'reservations') : rest;
  }
  const only: ResourceReservationInfo =
    reservation === undefined ? { type: 'STATIC', role } : { ...reservation, type: 'DYNAMIC', role };
  return { ...rest, reservations: [only] };
}

/** To `role` and `reservation`, for frameworks without RESERVATION_REFINEMENT. A refined reservation has no such form: undefined. */
export function toPreRefinement(resource: Resource): Resource | undefined {
  const { reservations = [], ...rest } = resource;
  if (reservations.length > 1) return undefined;
  const [only] = reservations;
  if (only === undefined) return { ...rest, role: '*' };
  const { type, role, ...reservation } = only;
  return type === 'DYNAMIC' ? { ...rest, role: role ?? '*', reservation } : { ...rest, role: role ?? '*' };
}

/** Both forms at once, as operator endpoints show resources. */
export function toEndpointForm(resource: Resource): Resource {
  const pre = toPreRefinement(resource);
  if (pre === undefined) return resource;
  return resource.reservations === undefined ? pre : { ...pre, reservations: resource.reservations };
}

// Stands in a list for what was taken out of it.
const gone: Resource = { name: '', type: 'SCALAR' };

/** What two resources must have in common to be added up; for what is whole, its size as well. */
export function identity(resource: Resource): string {
  const { name, type, reservations, disk, revocable, shared, provider_id } = resource;
  if (reservations === undefined && disk === undefined && revocable === undefined && shared === undefined) {
    if (provider_id === undefined) return `${name}/${type}`;
  }
  const size = isWhole(resource) ? valueText(resource) : '';
  return `${name}/${type}${canonicalText([reservations, disk, revocable, shared, provider_id])}${size}`;
}

function valueText(resource: Resource): string {
  if (resource.type === 'SCALAR') return String(toFixedPoint(resource.scalar?.value ?? 0));
  return canonicalText(resource.type === 'RANGES' ? mergeRanges(resource.ranges?.range ?? []) : resource.set?.item);
}

function copiesOf(resources: Resources): Map<string, number> {
  const copies = new Map<string, number>();
  for (const resource of resources) {
    if (isWhole(resource)) copies.set(identity(resource), (copies.get(identity(resource)) ?? 0) + 1);
  }
  return copies;
}

/** One entry for several of the same identity, whose ranges and items are merged once: those of a cluster are many. */
function total(group: readonly Resource[]): Resource | undefined {
  const [first] = group;
  if (first === undefined) return undefined;
  if (first.type === 'SCALAR') {
    return withScalar(
      first,
      group.reduce((sum, { scalar }) => sum + toFixedPoint(scalar?.value ?? 0), 0),
    );
  }
  if (first.type === 'RANGES') {
    return withRanges(first, mergeRanges(group.flatMap(({ ranges }) => ranges?.range ?? [])));
  }
  return withSet(first, [...new Set(group.flatMap(({ set }) => set?.item ?? []))]);
}

/** What is in `left` and not in `right`, which is of the same identity. */
function remainder(left: Resource, right: Resource): Resource | undefined {
  if (left.type === 'SCALAR') {
    return withScalar(left, toFixedPoint(left.scalar?.value ?? 0) - toFixedPoint(right.scalar?.value ?? 0));
  }
  if (left.type === 'RANGES') {
    return withRanges(left, subtractRanges(left.ranges?.range ?? [], mergeRanges(right.ranges?.range ?? [])));
  }
  const taken = new Set(right.set?.item);
  return withSet(
    left,
    (left.set?.item ?? []).filter((item) => !taken.has(item)),
  );
}

function holds(held: Resource, part: Resource): boolean {
  if (held.type === 'SCALAR') return toFixedPoint(held.scalar?.value ?? 0) >= toFixedPoint(part.scalar?.value ?? 0);
  if (held.type === 'RANGES') {
    const own = held.ranges?.range ?? [];
    return mergeRanges(part.ranges?.range ?? []).every((wanted) => {
      const range = own[placeOf(own, wanted.begin)];
      return range !== undefined && range.begin <= wanted.begin && wanted.end <= range.end;
    });
  }
  const items = new Set(held.set?.item);
  return (part.set?.item ?? []).every((item) => items.has(item));
}

function withScalar(resource: Resource, thousandths: number): Resource | undefined {
  return thousandths <= 0 ? undefined : { ...resource, scalar: { value: fromFixedPoint(thousandths) } };
}

function withRanges(resource: Resource, range: ValueRange[]): Resource | undefined {
  return range.length === 0 ? undefined : { ...resource, ranges: { range } };
}

function withSet(resource: Resource, item: string[]): Resource | undefined {
  return item.length === 0 ? undefined : { ...resource, set: { item } };
}

function mergeRanges(ranges: readonly ValueRange[]): ValueRange[] {
  const merged: ValueRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.begin - b.begin)) {
    const last = merged.at(-1);
    if (last !== undefined && range.begin <= last.end + 1) last.end = Math.max(last.end, range.end);
    else merged.push({ ...range });
  }
  return merged;
}

/** Both sorted and disjoint. Untouched ranges are kept as they are, since there may be very many. */
function subtractRanges(own: readonly ValueRange[], taken: readonly ValueRange[]): ValueRange[] {
  const rest = [...own];
  for (const hole of taken) {
    const first = placeOf(rest, hole.begin);
    let next = first;
    const pieces: ValueRange[] = [];
    for (let range = rest[next]; range !== undefined && range.begin <= hole.end; range = rest[++next]) {
      if (range.begin < hole.begin) pieces.push({ begin: range.begin, end: hole.begin - 1 });
      if (hole.end < range.end) pieces.push({ begin: hole.end + 1, end: range.end });
    }
    rest.splice(first, next - first, ...pieces);
  }
  return rest;
}

/** Where the first range is that ends at `value` or after it. */
function placeOf(ranges: readonly ValueRange[], value: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.end ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function without(resource: Resource, name: 'reservations'): Resource {
  const { [name]: _dropped, ...rest } = resource;
  return rest;
}
