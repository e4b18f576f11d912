import { Ledger } from './ledger.ts';
import { newMaintenance } from './maintenance.ts';
import { newMetrics } from './metrics.ts';
import { Newcomers } from './newcomers.ts';
import { RemovalPace } from './removal-pace.ts';
import type { MasterState } from './state.ts';

/** A master that nobody has come to yet. */
export function freshState(given: Pick<MasterState, 'master' | 'startedAt' | 'settings' | 'allocator'>): MasterState {
  return {
    ...given,
    electedAt: given.startedAt,
    reign: undefined,
    frameworks: new Map(),
    completedFrameworks: new Map(),
    agents: new Map(),
    unreachableAgents: new Map(),
    goneAgents: new Map(),
    silentAgents: new Set(),
    recovery: { agents: new Map(), total: 0, until: given.startedAt, offersWait: false },
    newcomers: new Newcomers(),
    removalPace: new RemovalPace(given.settings.agentRemovalRate),
    maintenance: newMaintenance(),
    weights: new Map(),
    quotas: new Map(),
    shortages: new Map(),
    offers: new Map(),
    inverseOffers: new Map(),
    ledger: new Ledger(),
    counters: { framework: 0, agent: 0, offer: 0, operation: 0 },
    metrics: newMetrics(),
  };
}
