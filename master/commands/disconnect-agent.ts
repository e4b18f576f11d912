import type { AgentId } from '../../protocol/ids.ts';
import { type Effect, log } from '../effects.ts';
import type { MasterState } from '../state.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { rescindOffer } from './offers.ts';

/** The link broke: its offers are rescinded; its tasks go on, and it has until its ping timeout to come back. */
export function disconnectAgent(state: MasterState, id: AgentId, now: number): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined || !agent.connected) return [];
  agent.connected = false;
  agent.heardAt = now;
  state.allocator.deactivateAgent(id);
  const effects = [...agent.offers].flatMap((offer) => rescindOffer(state, offer, 'AGENT_DISCONNECTED', now));
  effects.push(...rescindInverseOffers(state, agent));
  return [...effects, log('agent disconnected', { id, hostname: agent.info.hostname }, 'warn')];
}
