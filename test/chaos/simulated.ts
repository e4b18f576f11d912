import { parseArgs } from 'node:util';
import { loadScenario } from '../../simulator/main.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { SimulatedLife } from '../support/simulated-life.ts';

export interface SimulatedChaosOptions {
  seed: number;
  /** Of the size of the scenario `chaos`, which has 500 agents. */
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

const shown = 20;

/** `npm run chaos -- --simulated`: its exit status. */
export function runSimulated(args: readonly string[], say: (line: string) => void): number {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { simulated: { type: 'boolean' }, seed: text, scale: text, seconds: text },
  });
  const options = {
    seed: Number(values.seed ?? Math.floor(Math.random() * 1_000_000)),
    scale: Number(values.scale ?? 1),
    seconds: Number(values.seconds ?? 1800),
  };
  if (Object.values(options).some((value) => !(value > 0)))
    throw new Error('--seed, --scale and --seconds are numbers');
  const { seed, scale, seconds } = options;
  say(`npm run chaos -- --simulated --seed=${seed} --scale=${scale} --seconds=${seconds}`);
  const { agents, tasks, faults, violations } = simulateChaos(options);
  for (const violation of violations.slice(0, shown)) say(violation);
  say(`${agents} agents, ${tasks} tasks, ${faults} faults: ${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
}

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
