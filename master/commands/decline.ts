import { asOfferId } from '../../protocol/ids.ts';
import type { SchedulerCallDecline } from '../../protocol/messages.ts';
import type { Effect } from '../effects.ts';
import type { MasterState } from '../state.ts';
import { discardOffer, refuseSeconds } from './offers.ts';

/** DECLINE: offers that are gone already are passed over. */
export function decline(state: MasterState, call: SchedulerCallDecline, now: number): Effect[] {
  const seconds = refuseSeconds(call.filters);
  for (const id of call.offer_ids ?? []) discardOffer(state, asOfferId(id.value), now, seconds);
  // The next offers come with the next batch: a framework that declines at once must not keep the master busy.
  return [];
}
