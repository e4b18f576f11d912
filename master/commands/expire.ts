import type { Effect } from '../effects.ts';
import { sendToAgent } from '../effects.ts';
import type { MasterState } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { forgetLostAgents, markUnreachable } from './remove-agent.ts';
import { removeFramework } from './remove-framework.ts';

/** What time alone brings about: frameworks that did not come back, agents that are silent, offers that nobody answers. */
export function expire(state: MasterState, now: number): Effect[] {
  const effects: Effect[] = [];
  for (const framework of state.frameworks.values()) {
    if (framework.removeAt !== undefined && framework.removeAt <= now)
      effects.push(...removeFramework(state, framework, now));
  }
  const { agentPingTimeout, offerTimeout } = state.settings;
  for (const agent of state.agents.values()) {
    if (now - agent.heardAt >= agentPingTimeout * 1000) effects.push(...markUnreachable(state, agent.id, now));
  }
  forgetLostAgents(state, now);
  if (offerTimeout !== undefined) {
    for (const offer of state.offers.values()) {
      if (now - offer.offeredAt >= offerTimeout * 1000) effects.push(...rescindOffer(state, offer.id, now));
    }
  }
  return effects;
}

export function pingAgents(state: MasterState): Effect[] {
  return [...state.agents.values()]
    .filter((agent) => agent.connected)
    .map((agent) => sendToAgent(agent.id, { type: 'PING' }));
}
