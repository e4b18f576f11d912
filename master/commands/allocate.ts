import { asOfferId, type FrameworkId } from '../../protocol/ids.ts';
import type { Offer } from '../../protocol/messages.ts';
import { type Effect, sendEvent } from '../effects.ts';
import { offerMessage } from '../offer-messages.ts';
import type { MasterState } from '../state.ts';
import { makeInverseOffers } from './inverse-offers.ts';

/**
 * Runs the allocator, for as long as it `goesOn`, and makes offers of what it decides: one OFFERS event a framework and slice.
 * Inverse offers go with the last ones of a cycle; until then the allocator is unfinished.
 */
export function allocate(state: MasterState, now: number, random: () => number, goesOn?: () => boolean): Effect[] {
  const byFramework = new Map<FrameworkId, Offer[]>();
  for (const allocation of state.allocator.allocate(now, random, goesOn)) {
    const framework = state.frameworks.get(allocation.framework);
    const agent = state.agents.get(allocation.agent);
    if (framework === undefined || agent === undefined) throw new Error('an allocation to or from nobody');
    const id = asOfferId(`${state.master.id}-O${state.counters.offer++}`);
    const offer = { id, offeredAt: now, ...allocation };
    state.offers.set(id, offer);
    framework.offers.add(id);
    agent.offers.add(id);
    const offers = byFramework.get(framework.id) ?? [];
    offers.push(offerMessage(offer, agent, framework.info));
    byFramework.set(framework.id, offers);
  }
  return [
    ...[...byFramework].map(([framework, offers]) => sendEvent(framework, { type: 'OFFERS', offers: { offers } })),
    ...(state.allocator.unfinished ? [] : makeInverseOffers(state, now)),
  ];
}
