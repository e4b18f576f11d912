import type { FrameworkId, OfferId } from '../../protocol/ids.ts';
import { allocateSoon, type Effect, sendEvent } from '../effects.ts';
import type { OfferEnd, RescindReason } from '../ledger.ts';
import type { Framework, MasterState, OfferRecord } from '../state.ts';

/** Takes an offer out of the books without giving its resources back: the caller decides what becomes of them. */
export function takeOffer(state: MasterState, id: OfferId, end: OfferEnd, now: number): OfferRecord | undefined {
  const offer = state.offers.get(id);
  if (offer === undefined) return undefined;
  state.offers.delete(id);
  state.frameworks.get(offer.framework)?.offers.delete(id);
  state.agents.get(offer.agent)?.offers.delete(id);
  state.ledger.ended(offer, end, now);
  return offer;
}

/** Takes an offer back without telling the framework. */
export function discardOffer(state: MasterState, id: OfferId, end: OfferEnd, now: number): void {
  const offer = takeOffer(state, id, end, now);
  if (offer === undefined) return;
  state.allocator.recover(offer, end.kind === 'DECLINED' ? end : undefined, now);
}

/** A framework gives an offer back. Mesos lets it be another's, whom it concerns more: that one is told. */
export function giveBackOffer(state: MasterState, by: Framework, id: OfferId, end: OfferEnd, now: number): Effect[] {
  const owner = state.offers.get(id)?.framework;
  discardOffer(state, id, end, now);
  return owner === undefined || owner === by.id ? [] : [rescinded(owner, id)];
}

/** Takes an offer back and says so to its framework. */
export function rescindOffer(
  state: MasterState,
  id: OfferId,
  reason: RescindReason | 'TIMED_OUT',
  now: number,
): Effect[] {
  const offer = state.offers.get(id);
  if (offer === undefined) return [];
  discardOffer(state, id, reason === 'TIMED_OUT' ? { kind: reason } : { kind: 'RESCINDED', reason }, now);
  return [rescinded(offer.framework, id), allocateSoon];
}

function rescinded(framework: FrameworkId, id: OfferId): Effect {
  return sendEvent(framework, { type: 'RESCIND', rescind: { offer_id: { value: id } } });
}

const defaultRefuseSeconds = 5;
const longestRefuseSeconds = 365 * 86_400;

/** Filters.refuse_seconds as it takes effect. */
export function refuseSeconds(filters: { refuse_seconds?: number | undefined } | undefined): number {
  const asked = filters?.refuse_seconds ?? defaultRefuseSeconds;
  if (Number.isNaN(asked) || asked < 0) return defaultRefuseSeconds;
  return Math.min(asked, longestRefuseSeconds);
}
