import type { AgentId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { normalize, reservationRole } from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { allocateSoon, type Effect, log } from '../effects.ts';
import { formatQuantities, quantitiesOf } from '../quantities.ts';
import type { MasterState } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { factsOf } from './register-agent.ts';

/** OVERSUBSCRIBED: an agent may be given so much more, as revocable resources. Offers of what it had of them before are rescinded, as Mesos does. */
export function oversubscribe(state: MasterState, id: AgentId, resources: readonly Resource[], now: number): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined) return [];
  const wrong =
    invalidResources(resources) ?? (resources.every(isOversubscribed) ? undefined : 'not revocable, or reserved');
  if (wrong !== undefined) return [log('oversubscribed resources dropped', { agent: id, reason: wrong }, 'warn')];
  const revocable = normalize(resources);
  if (sameContent(normalize(agent.total.filter(isRevocable)), revocable)) return [];
  const rescinded = [...agent.offers]
    .filter((offer) => state.offers.get(offer)?.resources.some(isRevocable))
    .flatMap((offer) => rescindOffer(state, offer, 'OVERSUBSCRIPTION', now));
  agent.total = normalize([...agent.total.filter((resource) => !isRevocable(resource)), ...revocable]);
  state.allocator.updateAgent(id, agent.total, factsOf(agent));
  const amounts = formatQuantities(quantitiesOf(revocable));
  return [...rescinded, log('revocable resources changed', { agent: id, amounts }), allocateSoon];
}

function isRevocable({ revocable }: Resource): boolean {
  return revocable !== undefined;
}

function isOversubscribed(resource: Resource): boolean {
  return isRevocable(resource) && resource.type === 'SCALAR' && reservationRole(resource) === '*';
}
