import type { Allocator } from '../master/allocator/allocator.ts';
import { Ledger } from '../master/ledger.ts';
import { newMaintenance } from '../master/maintenance.ts';
import { newMetrics } from '../master/metrics.ts';
import type { MasterState } from '../master/state.ts';
import { asMasterId } from '../protocol/ids.ts';
import type { MasterScenario } from './scenario.ts';

/** What is over is remembered as long as somebody may still ask, and no longer: there may be millions of tasks. */
const remembered = 100;

/** A master that has just started. `now`: milliseconds since the epoch. */
export function newMasterState(scenario: MasterScenario, allocator: Allocator, now: number): MasterState {
  return {
    master: { id: asMasterId('M'), ip: 16_777_343, port: 5050, hostname: 'master' },
    startedAt: now,
    settings: {
      agentPingTimeout: scenario.agentPingTimeout,
      maxCompletedFrameworks: remembered,
      maxCompletedTasksPerFramework: remembered,
      maxUnreachableTasksPerFramework: 1_000_000,
      maxLostAgents: 100_000,
      maxLostAgentAge: 14 * 86_400,
      rootSubmissions: true,
      roles: undefined,
      offerTimeout: scenario.offerTimeout,
      preemptionDelay: undefined,
    },
    allocator,
    frameworks: new Map(),
    completedFrameworks: new Map(),
    agents: new Map(),
    unreachableAgents: new Map(),
    goneAgents: new Map(),
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
