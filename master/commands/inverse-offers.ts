import { asFrameworkId, asOfferId, type FrameworkId, type OfferId } from '../../protocol/ids.ts';
import type {
  AllocatorInverseOfferStatusStatus,
  InverseOffer,
  SchedulerCallAcceptInverseOffers,
} from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Effect, sendEvent } from '../effects.ts';
import { answerKey, machineOf } from '../maintenance.ts';
import { inverseOfferMessage } from '../offer-messages.ts';
import type { Agent, Framework, MasterState } from '../state.ts';
import { refuseSeconds } from './offers.ts';

/**
 * Asks the frameworks that hold something of agents which are due for maintenance to free them: one INVERSE_OFFERS event a
 * framework, with an inverse offer for each such agent unless one is out or was answered a moment ago.
 */
export function makeInverseOffers(state: MasterState, now: number): Effect[] {
  if (state.maintenance.machines.size === 0) return [];
  const byFramework = new Map<FrameworkId, InverseOffer[]>();
  for (const agent of state.agents.values()) {
    const machine = machineOf(state.maintenance, agent);
    if (machine === undefined || !agent.connected) continue;
    for (const framework of holders(state, agent)) {
      const until = machine.filters.get(answerKey(agent.id, framework.id));
      if (!framework.connected || isAsked(state, agent, framework) || (until ?? 0) > now) continue;
      const id = asOfferId(`${state.master.id}-O${state.counters.offer++}`);
      const offer = { id, framework: framework.id, agent: agent.id, offeredAt: now };
      state.inverseOffers.set(id, offer);
      framework.inverseOffers.add(id);
      agent.inverseOffers.add(id);
      const offers = byFramework.get(framework.id) ?? [];
      const message = inverseOfferMessage(offer, agent);
      if (message !== undefined) offers.push(message);
      byFramework.set(framework.id, offers);
    }
  }
  return [...byFramework].map(([framework, inverse_offers]) =>
    sendEvent(framework, { type: 'INVERSE_OFFERS', inverse_offers: { inverse_offers } }),
  );
}

/** ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: the answer is kept for operators to see, and no other is asked for a while. */
export function answerInverseOffers(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallAcceptInverseOffers,
  status: AllocatorInverseOfferStatusStatus,
  now: number,
): Effect[] {
  const seconds = refuseSeconds(call.filters);
  for (const { value } of call.inverse_offer_ids ?? []) {
    const offer = state.inverseOffers.get(asOfferId(value));
    const agent = offer && state.agents.get(offer.agent);
    if (offer?.framework !== framework.id || agent === undefined) continue;
    const machine = machineOf(state.maintenance, agent);
    const key = answerKey(agent.id, framework.id);
    const timestamp = { nanoseconds: now * 1e6 };
    machine?.answers.set(key, { status, framework_id: { value: framework.id }, timestamp });
    machine?.filters.set(key, now + seconds * 1000);
    discardInverseOffer(state, offer.id);
  }
  return [];
}

/** Takes an inverse offer back without telling the framework. */
export function discardInverseOffer(state: MasterState, id: OfferId): void {
  const offer = state.inverseOffers.get(id);
  if (offer === undefined) return;
  state.inverseOffers.delete(id);
  state.frameworks.get(offer.framework)?.inverseOffers.delete(id);
  state.agents.get(offer.agent)?.inverseOffers.delete(id);
}

/** Takes back all inverse offers of an agent and says so to their frameworks. */
export function rescindInverseOffers(state: MasterState, agent: Agent): Effect[] {
  return [...agent.inverseOffers].flatMap((id) => rescindInverseOffer(state, id));
}

/** Takes an inverse offer back and says so to its framework, which may be asked again at once. */
export function rescindInverseOffer(state: MasterState, id: OfferId): Effect[] {
  const framework = state.inverseOffers.get(id)?.framework;
  discardInverseOffer(state, id);
  if (framework === undefined) return [];
  const rescind_inverse_offer = { inverse_offer_id: { value: id } };
  return [sendEvent(framework, { type: 'RESCIND_INVERSE_OFFER', rescind_inverse_offer })];
}

/** The framework may be asked again at once. */
export function clearInverseFilters(state: MasterState, framework: FrameworkId): void {
  for (const { filters } of state.maintenance.machines.values()) {
    for (const key of filters.keys()) if (key.endsWith(`/${framework}`)) filters.delete(key);
  }
}

/** Frameworks with tasks, executors or offers on an agent. */
function holders(state: MasterState, agent: Agent): Set<Framework> {
  const ids = new Set<FrameworkId>();
  for (const task of agent.tasks.values()) if (!isTerminal(task.state)) ids.add(asFrameworkId(task.framework_id.value));
  for (const { framework_id } of agent.executors.values()) ids.add(asFrameworkId(framework_id?.value ?? ''));
  for (const id of agent.offers) {
    const offer = state.offers.get(id);
    if (offer !== undefined) ids.add(offer.framework);
  }
  return new Set([...ids].flatMap((id) => state.frameworks.get(id) ?? []));
}

function isAsked(state: MasterState, agent: Agent, framework: Framework): boolean {
  return [...agent.inverseOffers].some((id) => state.inverseOffers.get(id)?.framework === framework.id);
}
