import { amountAt, change, type Quantities, type ScalarNames } from './quantities.ts';
import type { RoleNode } from './role-tree.ts';
import type { Quota } from './standing.ts';

/** The quota of a role of the top level, and how far its guarantees are met. */
export class RoleQuota {
  readonly given: Quota;
  readonly guarantees: Quantities;
  /** By the scalar's number; what is not there is not limited. */
  readonly limits: ReadonlyMap<number, number>;
  /** What its guarantees lack. */
  readonly lacking: Quantities = [];

  constructor(given: Quota, names: ScalarNames) {
    this.given = given;
    this.guarantees = names.read(given.guarantees);
    const limits = names.read(given.limits);
    this.limits = new Map(
      [...given.limits.keys()].map((name) => [names.numberOf(name), limits[names.numberOf(name)] ?? 0]),
    );
  }

  get isMet(): boolean {
    for (const amount of this.lacking) if (amount > 0) return false;
    return true;
  }
}

/** What counts against a quota, in thousandths: what is allocated and not revocable, and what is reserved. */
export function consumedOf(top: RoleNode, scalar: number): number {
  return amountAt(top.unreserved, scalar) + amountAt(top.reserved, scalar);
}

/** What the limit of a role still leaves; Infinity without one. */
export function leftOf(top: RoleNode, scalar: number): number {
  const limit = top.quota?.limits.get(scalar);
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(0, limit - consumedOf(top, scalar));
}

/** All guarantees together: what they lack has to stay free for them. */
export class Guarantees {
  /** The sum of what all roles lack. */
  readonly required: Quantities = [];
  /** Roles whose guarantees lack something. */
  readonly unmet = new Set<RoleNode>();
  /** Roles with a quota. */
  readonly tops = new Set<RoleNode>();

  set(top: RoleNode, quota: RoleQuota | undefined): void {
    if (top.quota !== undefined)
      for (const [scalar, amount] of top.quota.lacking.entries()) change(this.required, scalar, -amount);
    this.unmet.delete(top);
    top.quota = quota;
    if (quota === undefined) this.tops.delete(top);
    else this.tops.add(top);
    if (quota !== undefined) for (const scalar of quota.guarantees.keys()) this.settle(top, scalar);
  }

  /** What a role consumes of a scalar has changed. */
  settle(top: RoleNode, scalar: number): void {
    const { quota } = top;
    if (quota === undefined) return;
    const guarantee = amountAt(quota.guarantees, scalar);
    if (guarantee === 0) return;
    const lacks = Math.max(0, guarantee - consumedOf(top, scalar));
    const before = amountAt(quota.lacking, scalar);
    if (lacks === before) return;
    change(quota.lacking, scalar, lacks - before);
    change(this.required, scalar, lacks - before);
    if (lacks > 0) this.unmet.add(top);
    else if (quota.isMet) this.unmet.delete(top);
  }
}
