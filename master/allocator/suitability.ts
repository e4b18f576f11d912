import { toFixedPoint } from '../../protocol/resources.ts';
import type { Client } from './client.ts';
import type { Host } from './host.ts';
import type { Minimum } from './minimum.ts';
import { isExcluded } from './offer-constraints.ts';
import type { Parcel } from './parcel.ts';
import { amountAt, type ScalarNames } from './quantities.ts';

/** A minimum as it is applied: alternatives of scalars with their least amounts. */
export type Needs = readonly (readonly { scalar: number; least: number }[])[];

export function needsOf(minimum: Minimum, names: ScalarNames): Needs;
export function needsOf(minimum: Minimum | undefined, names: ScalarNames): Needs | undefined;
export function needsOf(minimum: Minimum | undefined, names: ScalarNames): Needs | undefined {
  return minimum?.map((entry) =>
    [...entry].map(([name, amount]) => ({ scalar: names.numberOf(name), least: toFixedPoint(amount) })),
  );
}

/** Whether it is worth an offer. */
export function isWorth(parcel: Parcel, needs: Needs): boolean {
  if (parcel.needs !== needs) {
    parcel.needs = needs;
    parcel.isWorth = measure(parcel, needs);
  }
  return parcel.isWorth;
}

function measure(parcel: Parcel, needs: Needs): boolean {
  if (parcel.isEmpty) return false;
  if (needs.length === 0) return true;
  return needs.some((entry) => entry.every(({ scalar, least }) => amountAt(parcel.scalars, scalar) >= least));
}

/** What keeps a client from an agent whatever is free there; undefined: nothing. */
export function objection(
  client: Client,
  host: Host,
  filterGpus: boolean,
): 'GPU' | 'REGION' | 'CONSTRAINTS' | undefined {
  const { account } = client;
  if (host.hasGpus && filterGpus && !account.usesGpus) return 'GPU';
  if (host.isAway && !account.isRegionAware) return 'REGION';
  return isExcluded(account.constraints, client.role, host.facts) ? 'CONSTRAINTS' : undefined;
}
