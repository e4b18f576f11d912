import assert from 'node:assert/strict';
import type { Resource } from '../../protocol/messages.ts';
import { toFixedPoint } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { Audit } from '../../simulator/audit.ts';
import { allocatorFor } from '../../simulator/main.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { Simulation } from '../../simulator/simulation.ts';
import { AuditedAllocator } from './audited-allocator.ts';
import { assertInvariants } from './master-invariants.ts';

// Seconds after the end of the scenario in which all that was begun comes to its end.
const settling = 3_600;

/** Lives through a scenario and some time after it, and checks after each event that nothing is overcommitted. */
export class SimulatedLife {
  readonly simulation: Simulation;
  readonly audit: Audit;
  /** That of the latest master. */
  #allocator: AuditedAllocator;

  constructor(scenario: Scenario, seed: number) {
    const newAllocator = () => new AuditedAllocator(allocatorFor(scenario.master));
    this.#allocator = newAllocator();
    const allocator = () => {
      this.#allocator = newAllocator();
      return this.#allocator;
    };
    const groupOf = (framework: string) => this.simulation.schedulers.find(({ name }) => name === framework)?.group;
    this.audit = new Audit({
      isUnaware: (framework) => groupOf(framework)?.partitionAware === false,
      leaves: (framework) => groupOf(framework)?.until !== undefined,
      elapsed: () => this.simulation.timeline.elapsed,
    });
    this.simulation = new Simulation({ scenario, seed, allocator, witness: this.audit });
  }

  /** `look`: seconds between two looks at what is given and what runs; undefined: after each event, and at the master's invariants too. */
  live(look?: number): void {
    const { scenario, schedulers } = this.simulation;
    this.#run(scenario.until, look);
    this.simulation.heal();
    for (const scheduler of schedulers) scheduler.windUp();
    this.#run(scenario.until + settling, look);
  }

  #run(until: number, look: number | undefined): void {
    const { timeline, master } = this.simulation;
    const check = () => {
      assertInvariants(master.state, this.#allocator);
      this.#assertFit();
    };
    if (look === undefined) timeline.run(until, check);
    while (timeline.elapsed < until) {
      timeline.run(Math.min(until, timeline.elapsed + (look ?? until)));
      this.#assertFit();
    }
    check();
  }

  /** Each task that somebody still cares about has come to exactly one end, and nothing is left. */
  assertEnds(): void {
    this.audit.settle(this.simulation.agents);
    assert.deepEqual(this.audit.violations, []);
  }

  /** Nothing is overcommitted. */
  #assertFit(): void {
    const { master, agents } = this.simulation;
    for (const agent of master.state.agents.values()) {
      const tasks = [...agent.tasks.values()].filter(({ state }) => !isTerminal(state));
      const offers = [...agent.offers].map((id) => master.state.offers.get(id));
      assertFits([...tasks, ...offers], agent.total, `what the master has given of ${agent.id}`);
    }
    for (const agent of agents) {
      // As in Mesos, what a framework had that is torn down is given to others while its tasks still end.
      const running = [...agent.tasks].filter(({ phase, orphaned }) => phase !== 'ended' && !orphaned);
      const total = agent.group.resources;
      assertFits(
        running.map(({ info }) => info),
        total,
        `what runs on ${agent.id}`,
      );
    }
  }
}

function assertFits(
  holders: readonly ({ resources?: readonly Resource[] | undefined } | undefined)[],
  total: readonly Resource[],
  what: string,
): void {
  const held = new Map<string, number>();
  for (const holder of holders) {
    for (const { name, scalar } of holder?.resources ?? []) {
      held.set(name, (held.get(name) ?? 0) + toFixedPoint(scalar?.value ?? 0));
    }
  }
  for (const [name, amount] of held) {
    const there = total.reduce((sum, one) => sum + (one.name === name ? toFixedPoint(one.scalar?.value ?? 0) : 0), 0);
    assert.ok(amount <= there, `${what} is ${amount / 1000} ${name}, and there are ${there / 1000}`);
  }
}
