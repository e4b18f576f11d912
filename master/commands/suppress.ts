import type { SchedulerCallSuppress } from '../../protocol/messages.ts';
import { type Effect, log } from '../effects.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { unknownRole } from './revive.ts';

/** SUPPRESS: no more offers for the roles. Offers that are out stay valid. */
export function suppress(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallSuppress | undefined,
  now: number,
): Effect[] {
  const roles = call?.roles ?? [];
  const stranger = unknownRole(framework, roles);
  if (stranger !== undefined) return [log('SUPPRESS dropped: not a role of the framework', { role: stranger }, 'warn')];
  for (const role of roles.length === 0 ? rolesOf(framework.info) : roles) {
    if (!framework.suppressedRoles.has(role)) state.ledger.suppressed(framework.id, role, now);
    framework.suppressedRoles.add(role);
  }
  state.allocator.suppress(framework.id, roles);
  return [];
}
