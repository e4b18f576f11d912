import { loadScenario } from '../../simulator/main.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { SimulatedLife } from '../support/simulated-life.ts';

export interface SimulatedChaosOptions {
  seed: number;
  /** Of the size of the scenario `chaos`, which has 2,000 agents. */
  scale: number;
  /** Seconds of virtual time in which things break. */
  seconds: number;
}

export interface SimulatedChaosOutcome {
  readonly agents: number;
  readonly tasks: number;
  readonly faults: number;
  readonly violations: readonly string[];
}

// Seconds of virtual time between two looks at what is given and what runs.
const look = 10;

/** The scenario `chaos` of that size, audited. Throws when something is overcommitted. The same options are the same run. */
export function simulateChaos({ seed, scale, seconds }: SimulatedChaosOptions): SimulatedChaosOutcome {
  const whole = loadScenario('chaos');
  const scaled = <Group extends { count: number }>(group: Group) => ({
    ...group,
    count: Math.ceil(group.count * scale),
  });
  const scenario: Scenario = {
    ...whole,
    until: seconds,
    agents: whole.agents.map(scaled),
    frameworks: whole.frameworks.map(scaled),
    // In a shorter time all kinds of faults have their turn, too.
    faults: whole.faults.map((fault) => ({ ...fault, at: (fault.at * seconds) / whole.until })),
  };
  const life = new SimulatedLife(scenario, seed);
  life.live(look);
  const { agents, faults } = life.simulation;
  life.audit.settle(agents);
  const { tasks, violations } = life.audit;
  return { agents: agents.length, tasks, faults, violations };
}
