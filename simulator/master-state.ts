import type { Allocator } from '../master/allocator/allocator.ts';
import { freshState } from '../master/fresh-state.ts';
import type { MasterState } from '../master/state.ts';
import { asMasterId } from '../protocol/ids.ts';
import type { MasterScenario } from './scenario.ts';

/** What is over is remembered as long as somebody may still ask, and no longer: there may be millions of tasks. */
const remembered = 100;

/** A master that has just started. `now`: milliseconds since the epoch. */
export function newMasterState(scenario: MasterScenario, allocator: Allocator, id: string, now: number): MasterState {
  return freshState({
    master: { id: asMasterId(id), ip: 16_777_343, port: 5050, hostname: 'master' },
    startedAt: now,
    settings: {
      agentPingTimeout: scenario.agentPingTimeout,
      agentRemovalRate: undefined,
      agentReregisterTimeout: 600,
      recoveryRemovalLimit: 1,
      allocationRecoveryShare: 0.8,
      allocationRecoveryTimeout: 600,
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
  });
}
