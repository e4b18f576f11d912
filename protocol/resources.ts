import type { Resource, ResourceReservationInfo, ValueRange } from './messages.ts';

/**
 * Arithmetic on resources. Source: Mesos' resource model.
 *
 * INVARIANTS of a list that these functions return ("normal form"):
 * - post-refinement format: `reservations[]`, never `role` or `reservation`, never `allocation_info`;
 * - one entry for each identity (name, type, reservations, disk, revocable, shared, provider), none empty;
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
  return add([], resources.map(toPostRefinement));
}

export function add(left: Resources, right: Resources): Resource[] {
  const sum = new Map<string, Resource>();
  for (const resource of [...left, ...right]) {
    const key = identity(resource);
    const before = sum.get(key);
    const merged = before === undefined ? tidy(resource) : combine(before, resource, 'add');
    if (merged !== undefined) sum.set(key, merged);
  }
  return [...sum.values()];
}

/** What is in `left` and not in `right`; amounts never go below zero. */
export function subtract(left: Resources, right: Resources): Resource[] {
  const rest = new Map(left.map((resource) => [identity(resource), resource]));
  for (const resource of right) {
    const key = identity(resource);
    const before = rest.get(key);
    if (before === undefined) continue;
    const after = combine(before, resource, 'subtract');
    if (after === undefined) rest.delete(key);
    else rest.set(key, after);
  }
  return [...rest.values()];
}

/** Whether `whole` holds all of `part`. Both in normal form. */
export function contains(whole: Resources, part: Resources): boolean {
  const available = new Map(whole.map((resource) => [identity(resource), resource]));
  return part.every((resource) => {
    const held = available.get(identity(resource));
    return held !== undefined && holds(held, resource);
  });
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

function identity(resource: Resource): string {
  const { reservations, disk, revocable, shared, provider_id } = resource;
  const plain = reservations === undefined && disk === undefined && revocable === undefined && shared === undefined;
  if (plain && provider_id === undefined) return `${resource.name}/${resource.type}`;
  return JSON.stringify([resource.name, resource.type, reservations, disk, revocable, shared, provider_id]);
}

function tidy(resource: Resource): Resource | undefined {
  if (resource.type === 'SCALAR') return withScalar(resource, toFixedPoint(resource.scalar?.value ?? 0));
  if (resource.type === 'RANGES') return withRanges(resource, mergeRanges(resource.ranges?.range ?? []));
  return withSet(resource, [...new Set(resource.set?.item ?? [])]);
}

function combine(left: Resource, right: Resource, how: 'add' | 'subtract'): Resource | undefined {
  if (left.type === 'SCALAR') {
    const other = toFixedPoint(right.scalar?.value ?? 0);
    const base = toFixedPoint(left.scalar?.value ?? 0);
    return withScalar(left, how === 'add' ? base + other : base - other);
  }
  if (left.type === 'RANGES') {
    const own = left.ranges?.range ?? [];
    const other = right.ranges?.range ?? [];
    return withRanges(left, how === 'add' ? mergeRanges([...own, ...other]) : subtractRanges(own, mergeRanges(other)));
  }
  const own = left.set?.item ?? [];
  const other = right.set?.item ?? [];
  return withSet(left, how === 'add' ? [...new Set([...own, ...other])] : own.filter((item) => !other.includes(item)));
}

function holds(held: Resource, part: Resource): boolean {
  if (held.type === 'SCALAR') return toFixedPoint(held.scalar?.value ?? 0) >= toFixedPoint(part.scalar?.value ?? 0);
  if (held.type === 'RANGES') {
    const own = held.ranges?.range ?? [];
    return mergeRanges(part.ranges?.range ?? []).every((wanted) =>
      own.some((range) => range.begin <= wanted.begin && wanted.end <= range.end),
    );
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

function subtractRanges(own: readonly ValueRange[], taken: readonly ValueRange[]): ValueRange[] {
  let rest = own.map((range) => ({ ...range }));
  for (const hole of taken) {
    rest = rest.flatMap((range) => {
      if (hole.end < range.begin || hole.begin > range.end) return [range];
      const pieces: ValueRange[] = [];
      if (range.begin < hole.begin) pieces.push({ begin: range.begin, end: hole.begin - 1 });
      if (hole.end < range.end) pieces.push({ begin: hole.end + 1, end: range.end });
      return pieces;
    });
  }
  return rest;
}

function without(resource: Resource, name: 'reservations'): Resource {
  const { [name]: _dropped, ...rest } = resource;
  return rest;
}
