import { asFrameworkId, invalidId } from '../../protocol/ids.ts';
import type { FrameworkInfo, SchedulerCallSubscribe } from '../../protocol/messages.ts';
import { invalidRole } from '../../protocol/roles.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import { compileConstraints } from '../allocator/offer-constraints.ts';
import { type MasterState, rolesOf } from '../state.ts';

/** The first thing wrong with a FrameworkInfo, in Mesos' words and order. */
export function invalidFramework(info: FrameworkInfo): string | undefined {
  const id = info.id?.value;
  return (
    invalidRoles(info) ??
    (id === undefined || id === '' ? undefined : invalidId(id)) ??
    invalidOfferFilters(info) ??
    invalidFailoverTimeout(info.failover_timeout ?? 0)
  );
}

/** Why this master, as it was set up and with what it remembers, does not take a framework that is valid in itself. */
export function unwelcomeFramework({ settings, completedFrameworks }: MasterState, info: FrameworkInfo) {
  const { roles, rootSubmissions } = settings;
  const strangers = roles === undefined ? [] : rolesOf(info).filter((role) => role !== '*' && !roles.includes(role));
  if (strangers.length > 0) return `Roles ${setOf(strangers)} are not present in the master's --roles`;
  if (info.user === 'root' && !rootSubmissions) {
    return "User 'root' is not allowed to run frameworks without --root_submissions set";
  }
  return completedFrameworks.has(asFrameworkId(info.id?.value ?? '')) ? 'Framework has been removed' : undefined;
}

/** What is wrong with the members of SUBSCRIBE and UPDATE_FRAMEWORK beside the FrameworkInfo. */
export function invalidDemand(call: SchedulerCallSubscribe): string | undefined {
  const roles = rolesOf(call.framework_info);
  const suppressed = (call.suppressed_roles ?? []).filter((role) => !roles.includes(role));
  if (suppressed.length > 0) return `Suppressed roles ${setOf(suppressed)} are not contained in the set of roles`;
  const constrained = Object.keys(call.offer_constraints?.role_constraints ?? {});
  const stranger = constrained.find((role) => !roles.includes(role));
  if (stranger !== undefined) {
    // Without a blank, as Mesos has it.
    return `Offer constraints specify \`role_constraints\` for a role '${stranger}'not contained in the set of roles`;
  }
  const compiled = compileConstraints(call.offer_constraints);
  return 'error' in compiled ? `Offer constraints are not valid: ${compiled.error}` : undefined;
}

export const changedPrincipal = "Changing framework's principal is not allowed.";

/** What a framework may not change of itself, ever. */
export function invalidChange(before: FrameworkInfo, after: FrameworkInfo): string | undefined {
  const unsupported = (field: string, from: unknown, to: unknown) =>
    `Updating 'FrameworkInfo.${field}' is unsupported; attempted to update from '${from}' to '${to}'`;
  if (before.principal !== after.principal) return changedPrincipal;
  if (before.user !== after.user) return unsupported('user', before.user, after.user);
  const [checkpointed, checkpoint] = [before.checkpoint ?? false, after.checkpoint ?? false];
  return checkpointed === checkpoint ? undefined : unsupported('checkpoint', checkpointed, checkpoint);
}

function invalidRoles(info: FrameworkInfo): string | undefined {
  const multiRole = hasCapability(info, 'MULTI_ROLE');
  if (multiRole && info.role !== undefined) {
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  }
  const roles = info.roles ?? [];
  if (!multiRole && roles.length > 0) {
    return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
  }
  const duplicates = roles.filter((role, index) => roles.indexOf(role) !== index);
  if (duplicates.length > 0) return `'FrameworkInfo.roles' contains duplicate items: ${setOf(duplicates)}`;
  for (const role of rolesOf(info)) {
    const reason = invalidRole(role);
    if (reason === undefined) continue;
    return multiRole
      ? `'FrameworkInfo.roles' contains invalid role: ${reason}`
      : `'FrameworkInfo.role' is not a valid role: ${reason}`;
  }
  return undefined;
}

/** Roles that are not the framework's, and a list without entries, are taken. */
function invalidOfferFilters(info: FrameworkInfo): string | undefined {
  for (const [role, filters] of Object.entries(info.offer_filters ?? {})) {
    for (const { quantities = {} } of filters.min_allocatable_resources?.quantities ?? []) {
      const amounts = Object.entries(quantities);
      if (amounts.length === 0) return `'FrameworkInfo.offer_filters' of role '${role}' has empty resource quantities`;
      const wrong = amounts.find(([, { value }]) => !Number.isFinite(value) || value < 0);
      if (wrong === undefined) continue;
      return `'FrameworkInfo.offer_filters' of role '${role}' has an invalid quantity for '${wrong[0]}': ${wrong[1].value}`;
    }
  }
  return undefined;
}

// What fits into the 64-bit count of nanoseconds in which Mesos keeps durations.
const longestTimeout = 2 ** 63 / 1e9;

function invalidFailoverTimeout(seconds: number): string | undefined {
  if (Math.abs(seconds) < longestTimeout) return undefined;
  const shown = Number.isFinite(seconds) ? seconds.toString() : Number.isNaN(seconds) ? 'nan' : 'inf';
  return `The framework failover_timeout (${shown}) is invalid`;
}

function setOf(names: readonly string[]): string {
  return `{ ${[...new Set(names)].join(', ')} }`;
}
