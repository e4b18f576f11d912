import type { Resource } from '../protocol/messages.ts';
import { toFixedPoint } from '../protocol/resources.ts';

/** Amounts of scalars by name, exact to a thousandth; none is zero unless it was given so. */
export type Quantities = ReadonlyMap<string, number>;

/** How much of each scalar there is, whoever it is reserved for. */
export function quantitiesOf(resources: Iterable<Resource>): Map<string, number> {
  const thousandths = new Map<string, number>();
  for (const { name, type, scalar } of resources) {
    if (type === 'SCALAR') thousandths.set(name, (thousandths.get(name) ?? 0) + toFixedPoint(scalar?.value ?? 0));
  }
  return new Map([...thousandths].map(([name, amount]) => [name, amount / 1000]));
}

export function addQuantities(left: Quantities, right: Quantities): Map<string, number> {
  const sum = new Map(left);
  for (const [name, amount] of right) {
    sum.set(name, (toFixedPoint(sum.get(name) ?? 0) + toFixedPoint(amount)) / 1000);
  }
  return sum;
}

/** What of `left` is more than in `right`; names of which there is no more are not in it. */
export function excessOver(left: Quantities, right: Quantities): Map<string, number> {
  const excess = [...left].map(([name, amount]): [string, number] => [
    name,
    (toFixedPoint(amount) - toFixedPoint(right.get(name) ?? 0)) / 1000,
  ]);
  return new Map(excess.filter(([, amount]) => amount > 0));
}

export function sortedQuantities(quantities: Quantities): [string, number][] {
  return [...quantities].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** `cpus:0.4; mem:128`. */
export function formatQuantities(quantities: Quantities): string {
  return sortedQuantities(quantities)
    .map(([name, amount]) => `${name}:${amount}`)
    .join('; ');
}
