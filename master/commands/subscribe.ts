import { asFrameworkId, type FrameworkId, invalidId } from '../../protocol/ids.ts';
import type { FrameworkInfo, SchedulerCallSubscribe } from '../../protocol/messages.ts';
import { invalidRole } from '../../protocol/roles.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import { allocateSoon, announce, type Effect, log, sendEvent } from '../effects.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { discardOffer } from './offers.ts';

export const heartbeatIntervalSeconds = 15;

export type Subscription =
  | { refusal: string }
  /** `before` concerns the subscription that is replaced, `after` the new one. */
  | { framework: FrameworkId; before: Effect[]; after: Effect[] };

/** SUBSCRIBE: a new framework, one that comes back, or one that fails over. */
export function subscribe(state: MasterState, call: SchedulerCallSubscribe, now: number): Subscription {
  const info = call.framework_info;
  const suppressed = call.suppressed_roles ?? [];
  const refusal = invalidFramework(info) ?? invalidSuppression(info, suppressed) ?? removedBefore(state, info);
  if (refusal !== undefined) return { refusal };
  const id = asFrameworkId(
    info.id?.value || `${state.master.id}-${String(state.counters.framework++).padStart(4, '0')}`,
  );
  const known = state.frameworks.get(id);
  if (known !== undefined && known.info.principal !== info.principal) {
    return { refusal: "Changing framework's principal is not allowed." };
  }
  const before = known === undefined ? [] : replaceSubscription(state, known, now);
  const framework = known ?? newFramework(state, id, info, suppressed, now);
  framework.info = known === undefined || known.recovered ? { ...info, id: { value: id } } : renewed(known.info, info);
  framework.connected = true;
  framework.recovered = false;
  framework.reregisteredAt = now;
  framework.removeAt = undefined;
  state.allocator.updateFramework(id, framework.info, suppressed);
  state.allocator.activateFramework(id);
  const news = announce({ type: known === undefined ? 'FRAMEWORK_ADDED' : 'FRAMEWORK_UPDATED', framework });
  return {
    framework: id,
    before,
    after: [...greet(state, id), news, log('framework subscribed', { id, name: info.name })],
  };
}

function greet(state: MasterState, id: FrameworkId): Effect[] {
  return [
    sendEvent(id, {
      type: 'SUBSCRIBED',
      subscribed: {
        framework_id: { value: id },
        heartbeat_interval_seconds: heartbeatIntervalSeconds,
        master_info: state.master,
      },
    }),
    // Line readers handle a record when the next one's length arrives, so one follows at once.
    sendEvent(id, { type: 'HEARTBEAT' }),
    allocateSoon,
  ];
}

function newFramework(
  state: MasterState,
  id: FrameworkId,
  info: FrameworkInfo,
  suppressed: string[],
  now: number,
): Framework {
  const framework = emptyFramework(id, info, now);
  state.frameworks.set(id, framework);
  state.allocator.addFramework(id, info, suppressed);
  return framework;
}

export function emptyFramework(id: FrameworkId, info: FrameworkInfo, now: number): Framework {
  return {
    id,
    info,
    connected: false,
    recovered: false,
    registeredAt: now,
    reregisteredAt: now,
    unregisteredAt: undefined,
    removeAt: undefined,
    offers: new Set(),
    tasks: new Map(),
    unreachableTasks: new Map(),
    completedTasks: [],
    counters: new Map(),
  };
}

function replaceSubscription(state: MasterState, framework: Framework, now: number): Effect[] {
  for (const offer of framework.offers) discardOffer(state, offer, now);
  state.allocator.deactivateFramework(framework.id);
  if (!framework.connected) return [];
  return [
    sendEvent(framework.id, { type: 'ERROR', error: { message: 'Framework failed over' } }),
    { kind: 'endSubscription', framework: framework.id },
  ];
}

/** User and checkpoint stay what they were when the framework was first seen. */
function renewed(before: FrameworkInfo, info: FrameworkInfo): FrameworkInfo {
  const { checkpoint: _ignored, ...rest } = info;
  const { id, user, checkpoint } = before;
  return { ...rest, id, user, ...(checkpoint === undefined ? {} : { checkpoint }) };
}

function removedBefore(state: MasterState, info: FrameworkInfo): string | undefined {
  const id = info.id?.value;
  return id !== undefined && state.completedFrameworks.has(asFrameworkId(id))
    ? 'Framework has been removed'
    : undefined;
}

/** The first thing wrong with a FrameworkInfo, in Mesos' words and order. */
export function invalidFramework(info: FrameworkInfo): string | undefined {
  const id = info.id?.value;
  return (
    invalidRoles(info) ??
    (id === undefined || id === '' ? undefined : invalidId(id)) ??
    invalidFailoverTimeout(info.failover_timeout ?? 0)
  );
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
  const duplicates = [...new Set(roles.filter((role, index) => roles.indexOf(role) !== index))];
  if (duplicates.length > 0) return `'FrameworkInfo.roles' contains duplicate items: { ${duplicates.join(', ')} }`;
  for (const role of rolesOf(info)) {
    const reason = invalidRole(role);
    if (reason === undefined) continue;
    return multiRole
      ? `'FrameworkInfo.roles' contains invalid role: ${reason}`
      : `'FrameworkInfo.role' is not a valid role: ${reason}`;
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

function invalidSuppression(info: FrameworkInfo, suppressed: string[]): string | undefined {
  const roles = rolesOf(info);
  const strangers = [...new Set(suppressed.filter((role) => !roles.includes(role)))];
  if (strangers.length === 0) return undefined;
  return `Suppressed roles { ${strangers.join(', ')} } are not contained in the set of roles`;
}
