import type { Resource } from '../../protocol/messages.ts';
import { reservationRole, toFixedPoint } from '../../protocol/resources.ts';
import { quantitiesOf } from '../quantities.ts';
import type { Amounts } from './answer.ts';

/** The scalars of resources that a role could use; of what is revocable, nothing, and nothing of what is shared: that is never used up. */
export function amountsFor(resources: Iterable<Resource>, role: string): Amounts {
  return amountsOf([...resources].filter((resource) => resource.shared === undefined && isFor(resource, role)));
}

export function amountsOf(resources: Iterable<Resource>): Amounts {
  return shown(quantitiesOf([...resources].filter(({ revocable }) => revocable === undefined)));
}

/** What is nothing is left out. */
export function shown(quantities: ReadonlyMap<string, number>): Amounts {
  return Object.fromEntries([...quantities].filter(([, amount]) => amount > 0));
}

/** What of `wanted` there is not in `available`. */
export function lacking(wanted: Amounts, available: Amounts): Amounts {
  return minus(wanted, available);
}

export function minus(left: Amounts, right: Amounts): Amounts {
  return shown(
    new Map(
      Object.entries(left).map(([name, amount]) => [
        name,
        (toFixedPoint(amount) - toFixedPoint(right[name] ?? 0)) / 1000,
      ]),
    ),
  );
}

export function plus(left: Amounts, right: Amounts): Amounts {
  const sum = new Map(Object.entries(left));
  for (const [name, amount] of Object.entries(right))
    sum.set(name, (toFixedPoint(sum.get(name) ?? 0) + toFixedPoint(amount)) / 1000);
  return shown(sum);
}

export function isNone(amounts: Amounts): boolean {
  return Object.keys(amounts).length === 0;
}

/** How much of `wanted` is missing, as a sum of fractions: 0 when nothing is, the number of scalars when all is. */
export function distance(wanted: Amounts, lacks: Amounts): number {
  return Object.entries(lacks).reduce((sum, [name, amount]) => sum + amount / (wanted[name] ?? amount), 0);
}

/** Reserved for nobody, for the role, or for one above it. */
function isFor(resource: Resource, role: string): boolean {
  const owner = reservationRole(resource);
  return owner === '*' || owner === role || role.startsWith(`${owner}/`);
}
