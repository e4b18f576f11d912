import { type Effect, log } from '../effects.ts';
import { count } from '../metrics.ts';
import type { Agent, MasterState } from '../state.ts';
import { markUnreachable } from './remove-agent.ts';

/**
 * Agents that were not heard of for the ping timeout are unreachable: at once, or one after the other where
 * `--agent_removal_rate_limit` says so. One that is heard of before it is its turn is not given up.
 */
export function giveUpSilentAgents(state: MasterState, now: number): Effect[] {
  const { silentAgents, settings, removalPace } = state;
  const isSilent = ({ heardAt }: Agent) => now - heardAt >= settings.agentPingTimeout * 1000;
  // Not pushed as arguments: an agent may have a hundred thousand tasks.
  const effects: Effect[][] = [];
  for (const agent of state.agents.values()) {
    if (silentAgents.has(agent.id) || !isSilent(agent)) continue;
    silentAgents.add(agent.id);
    count(state, 'master/slave_unreachable_scheduled');
  }
  for (const id of silentAgents) {
    const agent = state.agents.get(id);
    if (agent === undefined || !isSilent(agent)) {
      silentAgents.delete(id);
      count(state, 'master/slave_unreachable_canceled');
      if (agent !== undefined) effects.push([log('agent is heard of again', { id, hostname: agent.info.hostname })]);
    } else if (removalPace.permits(now)) {
      silentAgents.delete(id);
      count(state, 'master/slave_unreachable_completed');
      effects.push(markUnreachable(state, id, now));
    }
  }
  return effects.flat();
}

/**
 * The master itself stood still for so many milliseconds: nobody can be blamed for not having been heard, and nobody could
 * subscribe again.
 */
export function excuseSilence(state: MasterState, milliseconds: number): Effect[] {
  for (const agent of state.agents.values()) agent.heardAt += milliseconds;
  state.recovery.until += milliseconds;
  for (const framework of state.frameworks.values()) {
    if (framework.removeAt !== undefined) framework.removeAt += milliseconds;
  }
  return [log('the master stood still: agents and frameworks are given as much more time', { milliseconds }, 'warn')];
}
