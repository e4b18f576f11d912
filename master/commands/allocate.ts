import { asFrameworkId, asOfferId, type OfferId } from '../../protocol/ids.ts';
import type { Offer } from '../../protocol/messages.ts';
import { add } from '../../protocol/resources.ts';
import type { Allocation } from '../allocator/allocator.ts';
import { type Effect, sendEvent } from '../effects.ts';
import { offerMessage } from '../offer-messages.ts';
import type { MasterState } from '../state.ts';
import { makeInverseOffers } from './inverse-offers.ts';
import { offersWaitUntil } from './recovered-agents.ts';

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
  if (offersWaitUntil(state, now) !== undefined) return [];
  const made = new Map<OfferId, Offer>();
  do {
    let left = agentsAtOnce;
    for (const allocation of allocator.allocate(now, random, () => --left > 0 && goesOn())) {
      const { id, message } = makeOffer(state, allocation, made, now);
      made.set(id, message);
    }
  } while (allocator.unfinished && goesOn());
  const byFramework = Map.groupBy(made.values(), ({ framework_id }) => asFrameworkId(framework_id.value));
  return [
    ...[...byFramework].map(([framework, offers]) => sendEvent(framework, { type: 'OFFERS', offers: { offers } })),
    ...(allocator.unfinished ? [] : makeInverseOffers(state, now)),
  ];
}

/** What a guarantee and then a fair share give of one agent is one offer, unless the first part is out already. */
function makeOffer(
  state: MasterState,
  allocation: Allocation,
  made: ReadonlyMap<OfferId, Offer>,
  now: number,
): { id: OfferId; message: Offer } {
  const framework = state.frameworks.get(allocation.framework);
  const agent = state.agents.get(allocation.agent);
  if (framework === undefined || agent === undefined) throw new Error('an allocation to or from nobody');
  const isPart = (id: OfferId) => {
    const offer = made.has(id) ? state.offers.get(id) : undefined;
    return offer?.framework === allocation.framework && offer.role === allocation.role;
  };
  const partial = [...agent.offers].find(isPart);
  const id = partial ?? asOfferId(`${state.master.id}-O${state.counters.offer++}`);
  const before = state.offers.get(id)?.resources ?? [];
  const resources = before.length === 0 ? allocation.resources : add(before, allocation.resources);
  const offer = { ...allocation, id, offeredAt: now, resources };
  state.offers.set(id, offer);
  framework.offers.add(id);
  agent.offers.add(id);
  return { id, message: offerMessage(offer, agent, framework.info) };
}
