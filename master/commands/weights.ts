import type { WeightInfo } from '../../protocol/messages.ts';
import { invalidRole } from '../../protocol/roles.ts';
import { isWithin } from '../documents/roles.ts';
import { allocateSoon, type Effect, log } from '../effects.ts';
import { record, weight as weightEntry } from '../registry/entries.ts';
import { type MasterState, rolesOf } from '../state.ts';
import { rescindOffer } from './offers.ts';

/** UPDATE_WEIGHTS: all or none. Every offer is made anew when a weight of a role changes that frameworks are in. */
export function updateWeights(
  state: MasterState,
  infos: readonly WeightInfo[],
  now: number,
): { refusal: string } | { effects: Effect[] } {
  for (const info of infos) {
    const refusal = invalidWeight(state, info);
    if (refusal !== undefined) return { refusal };
  }
  const changed = infos.filter(({ role = '', weight }) => (state.weights.get(role) ?? 1) !== weight);
  for (const { role = '', weight } of infos) {
    state.weights.set(role, weight);
    state.allocator.setWeight(role, weight);
  }
  if (infos.length === 0) return { effects: [] };
  const active = [...state.frameworks.values()].flatMap(({ info }) => rolesOf(info));
  const matters = changed.some(({ role = '' }) => active.some((other) => isWithin(other, role)));
  const rescinded = matters ? [...state.offers.keys()].flatMap((id) => rescindOffer(state, id, 'WEIGHTS', now)) : [];
  const weights = Object.fromEntries(infos.map(({ role = '', weight }) => [role, weight]));
  const kept = record(...infos.map(({ role = '', weight }) => weightEntry(role, weight)));
  return { effects: [kept, ...rescinded, allocateSoon, log('weights updated', { weights })] };
}

function invalidWeight(state: MasterState, { role = '', weight }: WeightInfo): string | undefined {
  const wrong = invalidRole(role);
  const failed = 'Failed to validate update weights request JSON';
  if (wrong !== undefined) return `${failed}: Invalid role '${role}': ${wrong}`;
  if (!isKnownRole(state, role)) return `${failed}: Unknown role '${role}'`;
  return weight > 0 && Number.isFinite(weight)
    ? undefined
    : `${failed} for role '${role}': Invalid weight '${weight}': Weights must be positive`;
}

/** Whether frameworks may have the role, where the operator lists those that they may have. */
export function isKnownRole({ settings: { roles } }: MasterState, role: string): boolean {
  return roles === undefined || role === '*' || roles.includes(role);
}
