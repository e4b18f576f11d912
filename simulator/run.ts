import type { Sample } from './census.ts';
import { takeCensus } from './census.ts';
import type { Scenario } from './scenario.ts';
import type { Simulation } from './simulation.ts';
import type { RoleTally } from './tally.ts';

/** What came of a run; it follows from scenario and seed alone. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly seed: number;
  /** How many events there were. */
  readonly events: number;
  readonly roles: readonly RoleOutcome[];
  readonly samples: readonly Sample[];
}

export interface RoleOutcome {
  readonly role: string;
  readonly weight: number;
  /** Over all samples. */
  readonly meanShare: number;
  readonly frameworks: number;
  readonly finished: number;
  readonly lost: number;
  /** At the end. */
  readonly running: number;
  readonly waiting: number;
  /** Seconds from wanting a task until it runs, of tasks that ran; undefined where none of a counted supply did. */
  readonly waitMedian: number | undefined;
  readonly wait99: number | undefined;
}

const looks = 60;

/**
 * Runs to the end, and looks at the cluster from time to time: half-way between two batch allocations, as at that very moment all that
 * is free is in offers.
 */
export function run(simulation: Simulation, seed: number): Outcome {
  const { scenario, timeline, master, schedulers } = simulation;
  const roles = [...new Set(scenario.frameworks.map(({ role }) => role))];
  const samples: Sample[] = [];
  const step = scenario.sample ?? scenario.until / looks;
  for (let look = 1; look * step <= scenario.until + step / 1e6; look++) {
    timeline.run(look * step - scenario.master.allocationInterval / 2);
    samples.push(takeCensus(master.state, schedulers, roles, look * step));
  }
  timeline.run(scenario.until);
  return {
    scenario,
    seed,
    events: timeline.passed,
    roles: roles.map((role) => outcomeOf(role, simulation, samples)),
    samples,
  };
}

function outcomeOf(role: string, { scenario, tally, master }: Simulation, samples: readonly Sample[]): RoleOutcome {
  const { waits, finished, lost }: RoleTally = tally.role(role);
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  const last = samples.at(-1)?.roles.get(role);
  const shares = samples.map((sample) => sample.roles.get(role)?.share ?? 0);
  return {
    role,
    weight: master.state.weights.get(role) ?? 1,
    meanShare: shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length),
    frameworks: scenario.frameworks.reduce((sum, group) => sum + (group.role === role ? group.count : 0), 0),
    finished,
    lost,
    running: last?.running ?? 0,
    waiting: last?.waiting ?? 0,
    waitMedian: at(0.5),
    wait99: at(0.99),
  };
}
