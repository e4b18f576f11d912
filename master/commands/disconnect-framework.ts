import { type Effect, log } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { clearInverseFilters, discardInverseOffer } from './inverse-offers.ts';
import { discardOffer } from './offers.ts';
import { removeFramework } from './remove-framework.ts';

/** The subscription broke: no offers any more, and removal when `failover_timeout` is over (0: at once). */
export function disconnectFramework(state: MasterState, framework: Framework, now: number): Effect[] {
  for (const offer of framework.offers) discardOffer(state, offer, { kind: 'RETURNED', reason: 'DISCONNECTED' }, now);
  for (const offer of framework.inverseOffers) discardInverseOffer(state, offer);
  clearInverseFilters(state, framework.id);
  state.allocator.deactivateFramework(framework.id);
  framework.connected = false;
  const seconds = framework.info.failover_timeout ?? 0;
  if (seconds <= 0) return removeFramework(state, framework, now);
  framework.removeAt = now + seconds * 1000;
  return [log('framework disconnected', { id: framework.id, removedInSeconds: seconds }), { kind: 'allocateSoon' }];
}
