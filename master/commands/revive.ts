import type { SchedulerCallRevive } from '../../protocol/messages.ts';
import { allocateSoon, type Effect, log } from '../effects.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { clearInverseFilters } from './inverse-offers.ts';

/** REVIVE: offers for the roles again, whatever was refused or suppressed before. */
export function revive(state: MasterState, framework: Framework, call: SchedulerCallRevive | undefined): Effect[] {
  const roles = call?.roles ?? [];
  const stranger = unknownRole(framework, roles);
  if (stranger !== undefined) return [log('REVIVE dropped: not a role of the framework', { role: stranger }, 'warn')];
  for (const role of roles.length === 0 ? rolesOf(framework.info) : roles) {
    if (framework.suppressedRoles.delete(role)) state.ledger.unsuppressed(framework.id, role);
  }
  state.allocator.revive(framework.id, roles);
  clearInverseFilters(state, framework.id);
  return [allocateSoon];
}

export function unknownRole(framework: Framework, roles: readonly string[]): string | undefined {
  const known = rolesOf(framework.info);
  return roles.find((role) => !known.includes(role));
}
