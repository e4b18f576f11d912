import type { QuotaQuotaConfig, QuotaQuotaInfo, Resource } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { reservationRole, toFixedPoint } from '../../protocol/resources.ts';
import { invalidRole } from '../../protocol/roles.ts';
import type { Quota } from '../allocator/standing.ts';
import { consumption, isWithin, roleShares } from '../documents/roles.ts';
import { allocateSoon, type Effect, log } from '../effects.ts';
import { addQuantities, excessOver, formatQuantities, type Quantities, quantitiesOf } from '../quantities.ts';
import { absent, quota as quotaEntry, record } from '../registry/entries.ts';
import type { MasterState, OfferRecord } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { isKnownRole } from './weights.ts';

type Outcome = { refusal: 'badRequest' | 'conflict'; text: string } | { effects: Effect[] };

const badRequest = (text: string): Outcome => ({ refusal: 'badRequest', text });

// Beyond this, thousandths are not exact any more.
const largest = Number.MAX_SAFE_INTEGER / 1000;

/**
 * UPDATE_QUOTA: all or none. Unless it is forced, guarantees must fit into the cluster, and nobody may hold more than his limit
 * already. Offers that a new limit does not allow, or that others have of what is guaranteed now, are rescinded.
 */
export function updateQuotas(
  state: MasterState,
  call: { force?: boolean | undefined; quota_configs?: QuotaQuotaConfig[] | undefined },
  now: number,
): Outcome {
  const configs = call.quota_configs ?? [];
  for (const config of configs) {
    const wrong = invalidConfig(state, config);
    if (wrong !== undefined) return badRequest(wrong);
  }
  const changed = new Map(configs.map((config) => [config.role, quotaOf(config)]));
  const consumed = consumption(roleShares(state));
  if (call.force !== true) {
    const wrong = beyondLimit(consumed, changed) ?? beyondCluster(state, changed);
    if (wrong !== undefined) return badRequest(`Invalid QuotaConfig: ${wrong} (use 'force' flag to bypass this check)`);
  }
  return { effects: [...changed].flatMap(([role, quota]) => apply(state, role, quota, consumed, now)) };
}

/** SET_QUOTA, of old: guarantees that are limits too, for a role that has no quota. */
export function setQuota(
  state: MasterState,
  { force, role = '', guarantee = [] }: QuotaQuotaInfo & { force?: boolean | undefined },
  now: number,
): Outcome {
  const wrong = invalidInfo(state, role, guarantee);
  if (wrong !== undefined) return badRequest(`Failed to validate set quota request: ${wrong}`);
  const amounts = quantitiesOf(guarantee);
  const quota: Quota = { guarantees: withoutZeros(amounts), limits: amounts };
  if (force !== true && beyondCluster(state, new Map([[role, quota]])) !== undefined) {
    const text =
      'Heuristic capacity check for set quota request failed: Not enough available cluster capacity to reasonably satisfy quota request; the force flag can be used to override this check';
    return { refusal: 'conflict', text };
  }
  return { effects: apply(state, role, quota, consumption(roleShares(state)), now) };
}

/** REMOVE_QUOTA, of old. `what` begins the refusal: what was asked for, and where. */
export function removeQuota(state: MasterState, role: string, what = 'Failed to remove quota'): Outcome {
  if (!state.quotas.has(role)) return badRequest(`${what}: Role '${role}' has no quota set`);
  state.quotas.delete(role);
  state.allocator.setQuota(role, undefined);
  return { effects: [record(absent('quotas', role)), allocateSoon, log('quota removed', { role })] };
}

/** What counts against the quota of each role; offers do not. */
type Consumed = ReadonlyMap<string, readonly Resource[]>;

function apply(state: MasterState, role: string, quota: Quota, consumed: Consumed, now: number): Effect[] {
  const held = quantitiesOf(consumed.get(role) ?? []);
  state.quotas.set(role, quota);
  state.allocator.setQuota(role, isNothing(quota) ? undefined : quota);
  const { guarantees, limits } = quota;
  const fields = { role, guarantees: formatQuantities(guarantees), limits: formatQuantities(limits) };
  return [
    record(quotaEntry(role, quota)),
    ...rescindBeyond(state, role, limits, held, now),
    ...rescindFor(state, role, guarantees, held, now),
    allocateSoon,
    log('quota updated', fields),
  ];
}

function isNothing({ guarantees, limits }: Quota): boolean {
  return guarantees.size === 0 && limits.size === 0;
}

function quotaOf({ guarantees = {}, limits = {} }: QuotaQuotaConfig): Quota {
  const amounts = (scalars: Record<string, { value: number }>) =>
    new Map(Object.entries(scalars).map(([name, { value }]) => [name, toFixedPoint(value) / 1000]));
  return { guarantees: withoutZeros(amounts(guarantees)), limits: amounts(limits) };
}

function withoutZeros(amounts: Quantities): Map<string, number> {
  return new Map([...amounts].filter(([, amount]) => amount !== 0));
}

function invalidConfig(
  state: MasterState,
  { role, guarantees = {}, limits = {} }: QuotaQuotaConfig,
): string | undefined {
  const wrong = invalidRole(role);
  if (wrong !== undefined) return `Invalid QuotaConfig: Invalid 'QuotaConfig.role': ${wrong}`;
  if (role.includes('/')) return `Updating quota on nested role '${role}' is not supported yet`;
  if (!isKnownRole(state, role)) return `Invalid QuotaConfig: Unknown role '${role}'`;
  for (const [member, amounts] of Object.entries({ guarantees, limits })) {
    for (const [name, { value }] of Object.entries(amounts)) {
      if (name === '') return `Invalid QuotaConfig: Invalid 'QuotaConfig.${member}': Empty resource name`;
      if (value >= 0 && value <= largest) continue;
      return `Invalid QuotaConfig: Invalid 'QuotaConfig.${member}': '${name}: ${value}' is negative, or no such amount`;
    }
  }
  const tooMuch = Object.entries(guarantees).some(([name, { value }]) => value > (limits[name]?.value ?? value));
  return tooMuch
    ? `Invalid QuotaConfig: 'QuotaConfig.guarantees' ${show(guarantees)} is not contained within the 'QuotaConfig.limits' ${show(limits)}`
    : undefined;
}

/** `{ cpus: 2 }`. */
function show(amounts: Record<string, { value: number }>): string {
  const entries = Object.entries(amounts).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{ ${entries.map(([name, { value }]) => `${name}: ${value}`).join(', ')} }`;
}

function invalidInfo(state: MasterState, role: string, guarantee: readonly Resource[]): string | undefined {
  const wrong = invalidRole(role);
  if (wrong !== undefined) return `QuotaInfo with invalid role: ${wrong}`;
  if (role === '*') return "QuotaInfo must not specify the default '*' role";
  if (guarantee.length === 0) return "QuotaInfo with empty 'guarantee'";
  const names = new Set<string>();
  for (const resource of guarantee) {
    const invalid = invalidResources([resource]);
    if (invalid !== undefined) return `QuotaInfo with invalid resource: ${invalid}`;
    const unfit = invalidGuarantee(resource);
    if (unfit !== undefined) return unfit;
    if (names.has(resource.name)) return `QuotaInfo contains duplicate resource name '${resource.name}'`;
    names.add(resource.name);
  }
  if (role.includes('/')) return `Setting quota on nested role '${role}' is not supported yet`;
  if (!isKnownRole(state, role)) return `Unknown role '${role}'`;
  const known = state.quotas.get(role);
  return known === undefined || isNothing(known)
    ? undefined
    : `Cannot set quota for role '${role}' which already has quota`;
}

function invalidGuarantee(resource: Resource): string | undefined {
  if (reservationRole(resource) !== '*') return 'QuotaInfo must not contain any ReservationInfo';
  if (resource.disk !== undefined) return 'QuotaInfo must not contain DiskInfo';
  if (resource.revocable !== undefined) return 'QuotaInfo must not contain RevocableInfo';
  return resource.type === 'SCALAR' ? undefined : 'QuotaInfo must not include non-scalar resources';
}

function beyondLimit(held: Consumed, changed: ReadonlyMap<string, Quota>): string | undefined {
  for (const [role, { limits }] of changed) {
    const consumed = quantitiesOf(held.get(role) ?? []);
    if (!exceeds(consumed, limits)) continue;
    return `Role '${role}' is already consuming '${formatQuantities(consumed)}'; this is more than the requested limits '${formatQuantities(limits)}'`;
  }
  return undefined;
}

function beyondCluster(state: MasterState, changed: ReadonlyMap<string, Quota>): string | undefined {
  const total = [...new Map([...state.quotas, ...changed]).values()]
    .map(({ guarantees }) => guarantees)
    .reduce<Quantities>(addQuantities, new Map());
  const capacity = quantitiesOf(
    [...state.agents.values()].flatMap((agent) => agent.total).filter(({ revocable }) => revocable === undefined),
  );
  return excessOver(total, capacity).size === 0
    ? undefined
    : `total quota guarantees '${formatQuantities(total)}' exceed cluster capacity '${formatQuantities(capacity)}'`;
}

/** What is not limited is in no excess. */
function exceeds(amounts: Quantities, limits: Quantities): boolean {
  return [...excessOver(amounts, limits).keys()].some((name) => limits.has(name));
}

/** Takes back offers of a role with which it would hold more than its limit. */
function rescindBeyond(
  state: MasterState,
  role: string,
  limits: Quantities,
  consumed: Quantities,
  now: number,
): Effect[] {
  if (limits.size === 0) return [];
  const own = [...state.offers.values()].filter((offer) => isWithin(offer.role, role));
  return own.flatMap((offer) => {
    const held = quantitiesOf(own.filter(({ id }) => state.offers.has(id)).flatMap(unreserved));
    const excess = excessOver(addQuantities(consumed, held), limits);
    const counts = [...quantitiesOf(unreserved(offer)).keys()].some((name) => limits.has(name) && excess.has(name));
    return counts ? rescindOffer(state, offer.id, 'QUOTA', now) : [];
  });
}

/** Takes back offers of others until what comes free is as much as a role lacks of its guarantee. */
function rescindFor(
  state: MasterState,
  role: string,
  guarantees: Quantities,
  consumed: Quantities,
  now: number,
): Effect[] {
  if (guarantees.size === 0) return [];
  const [own, others] = [true, false].map((wanted) =>
    [...state.offers.values()].filter((offer) => isWithin(offer.role, role) === wanted),
  );
  let lacking = excessOver(guarantees, addQuantities(consumed, quantitiesOf((own ?? []).flatMap(unreserved))));
  return (others ?? []).flatMap((offer) => {
    const freed = quantitiesOf(unreserved(offer));
    if (![...lacking.keys()].some((name) => freed.has(name))) return [];
    lacking = excessOver(lacking, freed);
    return rescindOffer(state, offer.id, 'QUOTA', now);
  });
}

function unreserved({ resources }: OfferRecord): Resource[] {
  return resources.filter((resource) => reservationRole(resource) === '*' && resource.revocable === undefined);
}
