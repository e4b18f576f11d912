import { type Effect, log } from '../effects.ts';
import { count } from '../metrics.ts';
import { absent, record, unreachable } from '../registry/entries.ts';
import type { MasterState } from '../state.ts';
import { tellFailure } from './remove-agent.ts';

/**
 * Agents that did not come back to a new master in time are unreachable, no faster than `--agent_removal_rate_limit` says. Their tasks are not
 * known, and so nothing is said of these. Where they are too many, it is the master that has a problem: it ends.
 */
export function giveUpMissingAgents(state: MasterState, now: number): Effect[] {
  const { recovery, settings, removalPace } = state;
  if (recovery.agents.size === 0 || now < recovery.until) return [];
  const share = recovery.agents.size / recovery.total;
  if (share > settings.recoveryRemovalLimit) {
    const message = `${recovery.agents.size} of ${recovery.total} agents did not come back, and at most ${percent(settings.recoveryRemovalLimit)} may be given up`;
    return [{ kind: 'giveUp', code: 'MESITA_AGENTS_MISSING', message }];
  }
  const effects: Effect[] = [];
  for (const [id, { agent }] of recovery.agents) {
    if (!removalPace.permits(now)) break;
    recovery.agents.delete(id);
    state.unreachableAgents.set(id, { agent, since: now });
    count(state, 'master/recovery_slave_removals');
    count(state, 'master/slave_removals');
    count(state, 'master/slave_removals/reason_unhealthy');
    effects.push(
      record(absent('agents', id), unreachable(agent, now)),
      ...tellFailure(state, id),
      log('agent did not come back to this master: it is unreachable', { id, hostname: agent.info.hostname }, 'warn'),
    );
  }
  return effects;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/**
 * Until when offers wait for agents that the masters before had, in milliseconds since the epoch: what is guaranteed to roles would go to
 * others. Undefined: they do not.
 */
export function offersWaitUntil({ recovery, settings, electedAt }: MasterState, now: number): number | undefined {
  if (!recovery.offersWait) return undefined;
  const back = recovery.total - recovery.agents.size;
  const until = electedAt + settings.allocationRecoveryTimeout * 1000;
  return now < until && back < recovery.total * settings.allocationRecoveryShare ? until : undefined;
}
