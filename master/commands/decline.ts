import { asOfferId } from '../../protocol/ids.ts';
import type { SchedulerCallDecline } from '../../protocol/messages.ts';
import type { Effect } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { giveBackOffer, refuseSeconds } from './offers.ts';

/**
 * DECLINE: offers that are gone already are passed over. The next offers come with the next batch: a framework that
 * declines at once must not keep the master busy.
 */
export function decline(state: MasterState, framework: Framework, call: SchedulerCallDecline, now: number): Effect[] {
  const end = { kind: 'DECLINED', refuseSeconds: refuseSeconds(call.filters) } as const;
  return (call.offer_ids ?? []).flatMap((id) => giveBackOffer(state, framework, asOfferId(id.value), end, now));
}
