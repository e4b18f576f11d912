import { asAgentId, asFrameworkId, type FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo, SchedulerCallSubscribe } from '../../protocol/messages.ts';
import { sameContent } from '../../protocol/same-content.ts';
import type { Demand } from '../allocator/allocator.ts';
import { compileConstraints, noConstraints } from '../allocator/offer-constraints.ts';
import { allocateSoon, announce, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { count, countCall } from '../metrics.ts';
import { known as knownEntry, record } from '../registry/entries.ts';
import type { Framework, MasterState } from '../state.ts';
import { changedPrincipal, invalidDemand, invalidFramework, unwelcomeFramework } from './framework-validation.ts';
import { discardInverseOffer } from './inverse-offers.ts';
import { discardOffer } from './offers.ts';
import { claimOperations } from './operations.ts';

export const heartbeatIntervalSeconds = 15;

export type Subscription =
  | { refusal: string }
  /** `before` concerns the subscription that is replaced, `after` the new one. */
  | { framework: FrameworkId; before: Effect[]; after: Effect[] };

/** SUBSCRIBE: a new framework, one that comes back, or one that fails over. */
export function subscribe(state: MasterState, call: SchedulerCallSubscribe, now: number): Subscription {
  const info = call.framework_info;
  const refusal = invalidFramework(info) ?? unwelcomeFramework(state, info) ?? invalidDemand(call);
  if (refusal !== undefined) return { refusal };
  const id = asFrameworkId(
    info.id?.value || `${state.master.id}-${String(state.counters.framework++).padStart(4, '0')}`,
  );
  const known = state.frameworks.get(id);
  if (known !== undefined && known.info.principal !== info.principal) return { refusal: changedPrincipal };
  const before = known === undefined ? [] : replaceSubscription(state, known, now);
  const framework = known ?? newFramework(state, id, info, now);
  const renewal = known === undefined || known.recovered ? { ...info, id: { value: id } } : renewed(known.info, info);
  const isNews = known === undefined || !sameContent(known.info, renewal);
  framework.connected = true;
  if (framework.recovered) framework.registeredAt = now;
  framework.recovered = false;
  framework.reregisteredAt = now;
  framework.removeAt = undefined;
  count(state, `master/messages_${info.id?.value ? 'reregister' : 'register'}_framework`);
  countCall(state, framework, { type: 'SUBSCRIBE' });
  const told = setDemand(state, framework, { ...call, framework_info: renewal });
  state.allocator.activateFramework(id);
  const news = announce({ type: known === undefined ? 'FRAMEWORK_ADDED' : 'FRAMEWORK_UPDATED', framework });
  return {
    framework: id,
    before,
    after: [
      ...(isNews ? [record(knownEntry(framework))] : []),
      ...greet(state, id),
      ...told,
      news,
      log('framework subscribed', { id, name: info.name }),
    ],
  };
}

/** Replaces all that a framework says of itself and of the offers that it wants, and tells the agents that hold something of it. */
export function setDemand(state: MasterState, framework: Framework, call: SchedulerCallSubscribe): Effect[] {
  const { framework_info: info, suppressed_roles = [], offer_constraints } = call;
  const compiled = compileConstraints(offer_constraints);
  if ('error' in compiled) throw new Error(`offer constraints were not validated: ${compiled.error}`);
  framework.info = info;
  framework.suppressedRoles.clear();
  for (const role of suppressed_roles) framework.suppressedRoles.add(role);
  framework.offerConstraints = offer_constraints;
  state.allocator.updateFramework(framework.id, {
    info,
    suppressedRoles: suppressed_roles,
    constraints: compiled.value,
  });
  const agents = new Set([...framework.tasks.values()].map((task) => asAgentId(task.agent_id.value)));
  return [...agents].map((agent) => sendToAgent(agent, { type: 'UPDATE_FRAMEWORK', framework: info }));
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

function newFramework(state: MasterState, id: FrameworkId, info: FrameworkInfo, now: number): Framework {
  const framework = emptyFramework(id, info, now);
  state.frameworks.set(id, framework);
  // Under an id that is new nobody has operations, and there may be many agents to ask.
  if (info.id?.value) claimOperations(state, framework);
  state.allocator.addFramework(id, unlimited(info));
  return framework;
}

/** Offers for all roles and of all agents. */
export function unlimited(info: FrameworkInfo): Demand {
  return { info, suppressedRoles: [], constraints: noConstraints };
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
    inverseOffers: new Set(),
    suppressedRoles: new Set(),
    offerConstraints: undefined,
    tasks: new Map(),
    unreachableTasks: new Map(),
    completedTasks: [],
    operations: new Map(),
    counters: new Map(),
  };
}

function replaceSubscription(state: MasterState, framework: Framework, now: number): Effect[] {
  for (const offer of framework.offers) discardOffer(state, offer, { kind: 'RETURNED', reason: 'FAILED_OVER' }, now);
  for (const offer of framework.inverseOffers) discardInverseOffer(state, offer);
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
