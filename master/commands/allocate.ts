import { asOfferId, type FrameworkId } from '../../protocol/ids.ts';
import type { Offer } from '../../protocol/messages.ts';
import type { Allocation } from '../allocator/allocator.ts';
import { type Effect, sendEvent } from '../effects.ts';
import { offerMessage } from '../offer-messages.ts';
import type { MasterState } from '../state.ts';
import { makeInverseOffers } from './inverse-offers.ts';

// Agents that the allocator takes in one go. An offer takes longer to make than to decide on.
const agentsAtOnce = 64;

/**
 * Runs the allocator, for as long as it `goesOn`, and makes offers of what it decides: one OFFERS event a framework and slice.
 * Inverse offers go with the last ones of a cycle; until then the allocator is unfinished.
 */
export function allocate(
  state: MasterState,
  now: number,
  random: () => number,
  goesOn: () => boolean = () => true,
): Effect[] {
  const { allocator } = state;
  const byFramework = new Map<FrameworkId, Offer[]>();
  do {
    let left = agentsAtOnce;
    for (const allocation of allocator.allocate(now, random, () => --left > 0 && goesOn())) {
      const offers = byFramework.get(allocation.framework) ?? [];
      offers.push(makeOffer(state, allocation, now));
      byFramework.set(allocation.framework, offers);
    }
  } while (allocator.unfinished && goesOn());
  return [
    ...[...byFramework].map(([framework, offers]) => sendEvent(framework, { type: 'OFFERS', offers: { offers } })),
    ...(allocator.unfinished ? [] : makeInverseOffers(state, now)),
  ];
}

function makeOffer(state: MasterState, allocation: Allocation, now: number): Offer {
  const framework = state.frameworks.get(allocation.framework);
  const agent = state.agents.get(allocation.agent);
  if (framework === undefined || agent === undefined) throw new Error('an allocation to or from nobody');
  const id = asOfferId(`${state.master.id}-O${state.counters.offer++}`);
  const offer = { id, offeredAt: now, ...allocation };
  state.offers.set(id, offer);
  framework.offers.add(id);
  agent.offers.add(id);
  return offerMessage(offer, agent, framework.info);
}
