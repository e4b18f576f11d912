import type { Resource, ValueRange } from '../../protocol/messages.ts';
import { identity, isWhole, reservationRole, toFixedPoint } from '../../protocol/resources.ts';
import { type Amount, isRanges } from './amount.ts';
import { change, type Quantities, type ScalarNames } from './quantities.ts';

/** What resources have in common that add up. */
export interface Kind {
  /** The same for the same kind, even where the object is another. */
  readonly key: string;
  readonly name: string;
  readonly type: Resource['type'];
  /** One of that kind; for what is whole, a copy. */
  readonly sample: Resource;
  /** The scalar's number; -1 for ranges and sets. */
  readonly scalar: number;
  /** Thousandths for each unit of the amount: 1, or the size of a copy. */
  readonly unit: number;
  /** Counted in copies. */
  readonly whole: boolean;
  /** The role of the innermost reservation. */
  readonly reservation: string | undefined;
  readonly refined: boolean;
  readonly revocable: boolean;
  readonly shared: boolean;
  /** A scalar that is neither reserved, revocable nor shared: what guarantees and limits are about. */
  readonly open: boolean;
  /** Nothing is said of it but its name and how much there is. */
  readonly isPlain: boolean;
  /** Where it stands in an offer, as Mesos lists them: what is no amount, what is reserved, the rest. */
  readonly place: number;
}

export interface Lot {
  readonly kind: Kind;
  readonly amount: Amount;
}

export class Kinds {
  readonly #names: ScalarNames;
  /** Those without reservations, disks and so on, by name: few. The others are told apart by their keys, lest they pile up. */
  readonly #plain = new Map<string, Kind>();

  constructor(names: ScalarNames) {
    this.#names = names;
  }

  /** `resources` in normal form. */
  lotsOf(resources: readonly Resource[]): Lot[] {
    return resources.map((resource) => {
      const kind = this.#kindOf(resource);
      return { kind, amount: kind.whole ? 1 : amountOf(resource) };
    });
  }

  #kindOf(resource: Resource): Kind {
    if (!isPlain(resource)) return this.#newKind(resource);
    const known = this.#plain.get(resource.name);
    if (known?.type === resource.type) return known;
    const kind = this.#newKind(resource);
    this.#plain.set(resource.name, kind);
    return kind;
  }

  #newKind(resource: Resource): Kind {
    const { name, type } = resource;
    const whole = isWhole(resource);
    const scalar = type === 'SCALAR' ? this.#names.numberOf(name) : -1;
    const reservation = resource.reservations === undefined ? undefined : reservationRole(resource);
    const [revocable, shared] = [resource.revocable !== undefined, resource.shared !== undefined];
    const group = type !== 'SCALAR' ? 0 : reservation !== undefined ? 1 : 2;
    return {
      ...{ key: identity(resource), name, type, sample: resource, scalar, whole, reservation, revocable, shared },
      unit: whole && scalar >= 0 ? toFixedPoint(resource.scalar?.value ?? 0) : 1,
      refined: (resource.reservations?.length ?? 0) > 1,
      open: scalar >= 0 && reservation === undefined && !revocable && !shared,
      isPlain: isPlain(resource),
      place: group * 4 + (shared ? 2 : 0) + (whole ? 1 : 0),
    };
  }
}

function isPlain({ reservations, disk, revocable, shared, provider_id }: Resource): boolean {
  return (reservations ?? disk ?? revocable ?? shared ?? provider_id) === undefined;
}

export function isSameKind(left: Kind, right: Kind): boolean {
  return left === right || left.key === right.key;
}

/** Thousandths; 0 for ranges and sets. */
export function quantityOf(kind: Kind, amount: Amount): number {
  return kind.scalar >= 0 && typeof amount === 'number' ? amount * kind.unit : 0;
}

export function quantitiesOf(lots: readonly Lot[]): Quantities {
  const quantities: Quantities = [];
  for (const { kind, amount } of lots) {
    if (kind.scalar >= 0) change(quantities, kind.scalar, quantityOf(kind, amount));
  }
  return quantities;
}

/** A list in normal form; for what is whole, an entry for each copy. */
export function resourcesOf(lots: readonly Lot[]): Resource[] {
  const resources: Resource[] = [];
  for (const { kind, amount } of lots) {
    const { sample, name, type } = kind;
    if (kind.whole) for (let copy = 0; copy < Number(amount); copy++) resources.push(sample);
    // Most are plain, and there are many of them.
    else if (kind.isPlain && typeof amount === 'number')
      resources.push({ name, type, scalar: { value: amount / 1000 } });
    else resources.push({ ...sample, ...fieldsOf(amount) });
  }
  return resources;
}

function fieldsOf(amount: Amount): Pick<Resource, 'scalar' | 'ranges' | 'set'> {
  if (typeof amount === 'number') return { scalar: { value: amount / 1000 } };
  if (!isRanges(amount)) return { set: { item: [...amount] } };
  const range: ValueRange[] = [];
  for (let index = 0; index < amount.length; index += 2) {
    range.push({ begin: amount[index] ?? 0, end: amount[index + 1] ?? 0 });
  }
  return { ranges: { range } };
}

function amountOf(resource: Resource): Amount {
  if (resource.type === 'SCALAR') return toFixedPoint(resource.scalar?.value ?? 0);
  if (resource.type === 'SET') return new Set(resource.set?.item);
  const ranges: number[] = [];
  for (const { begin, end } of resource.ranges?.range ?? []) ranges.push(begin, end);
  return ranges;
}
