import type { Effect } from '../effects.ts';
import { sendToAgent } from '../effects.ts';
import type { MasterState } from '../state.ts';
import { settleDrains } from './drain.ts';
import { rescindInverseOffer } from './inverse-offers.ts';
import { rescindOffer } from './offers.ts';
import { preempt } from './preempt.ts';
import { giveUpMissingAgents } from './recovered-agents.ts';
import { removeFramework } from './remove-framework.ts';
import { giveUpSilentAgents } from './silent-agents.ts';

/** What time alone brings about: frameworks that did not come back, agents that are silent, offers that nobody answers, roles that wait too long for what is guaranteed to them. */
export function expire(state: MasterState, now: number): Effect[] {
  const { offerTimeout } = state.settings;
  // Not pushed one list into another as arguments: a framework or an agent may have a hundred thousand tasks.
  return [
    [...state.frameworks.values()]
      .filter(({ removeAt }) => removeAt !== undefined && removeAt <= now)
      .flatMap((framework) => removeFramework(state, framework, now)),
    giveUpSilentAgents(state, now),
    giveUpMissingAgents(state, now),
    offerTimeout === undefined ? [] : expireOffers(state, offerTimeout, now),
    settleDrains(state, now),
    preempt(state, now),
  ].flat();
}

function expireOffers(state: MasterState, seconds: number, now: number): Effect[] {
  const isOver = ({ offeredAt }: { offeredAt: number }) => now - offeredAt >= seconds * 1000;
  return [
    ...[...state.offers.values()].filter(isOver).flatMap(({ id }) => rescindOffer(state, id, 'TIMED_OUT', now)),
    ...[...state.inverseOffers.values()].filter(isOver).flatMap(({ id }) => rescindInverseOffer(state, id)),
  ];
}

export function pingAgents(state: MasterState): Effect[] {
  return [...state.agents.values()]
    .filter((agent) => agent.connected)
    .map((agent) => sendToAgent(agent.id, { type: 'PING' }));
}
