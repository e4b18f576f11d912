import assert from 'node:assert/strict';
import type { Resource, TaskState } from '../../protocol/messages.ts';
import { toFixedPoint } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { allocatorFor } from '../../simulator/main.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { Simulation } from '../../simulator/simulation.ts';
import type { Witness } from '../../simulator/tally.ts';
import { AuditedAllocator } from './audited-allocator.ts';
import { assertInvariants } from './master-invariants.ts';

interface TaskLife {
  readonly framework: string;
  readonly ends: Set<TaskState>;
  last: TaskState | undefined;
}

// Seconds after the end of the scenario in which all that was begun comes to its end.
const settling = 1_200;

/** Lives through a scenario and some time after it, and checks after each event that nothing is overcommitted. */
export class SimulatedLife {
  readonly simulation: Simulation;
  readonly tasks = new Map<string, TaskLife>();
  readonly #allocator: AuditedAllocator;
  readonly #left: Set<string>;

  constructor(scenario: Scenario, seed: number) {
    this.#allocator = new AuditedAllocator(allocatorFor(scenario.master));
    const witness: Witness = {
      launched: (framework, task) => this.tasks.set(task, { framework, ends: new Set(), last: undefined }),
      heard: (_, task, state) => this.#heard(task, state),
    };
    this.simulation = new Simulation({ scenario, seed, allocator: this.#allocator, witness });
    const leaving = this.simulation.schedulers.filter(({ group }) => group.until !== undefined);
    this.#left = new Set(leaving.map(({ name }) => name));
  }

  live(): void {
    const { timeline, scenario, schedulers, agents } = this.simulation;
    const check = () => this.#check();
    timeline.run(scenario.until, check);
    for (const scheduler of schedulers) {
      scheduler.windUp();
      scheduler.comeBack();
    }
    for (const agent of agents) {
      agent.comeBack();
      agent.reconnect();
    }
    timeline.run(scenario.until + settling, check);
  }

  /** Each task that somebody still cares about has come to exactly one end. */
  assertEnds(): void {
    for (const [id, { framework, ends, last }] of this.tasks) {
      if (this.#left.has(framework)) continue;
      // What was said of it while its scheduler was away is not repeated; it asked, and nobody knows the task.
      const forgotten = ends.size === 0 && (last === 'TASK_UNKNOWN' || last === 'TASK_LOST');
      assert.ok(ends.size === 1 || forgotten, `${id} came to the ends ${[...ends].join(', ')}, and is ${last} at last`);
    }
    for (const agent of this.simulation.agents) {
      const open = [...agent.tasks].map(({ key, state }) => `${key} ${state}`);
      assert.deepEqual(open, [], `what ${agent.id} holds when all is over`);
    }
  }

  #heard(id: string, state: TaskState): void {
    const life = this.tasks.get(id);
    if (life === undefined) return;
    const awareness = this.simulation.schedulers.find(({ name }) => name === life.framework)?.group.partitionAware;
    // Who is not partition-aware hears that a task is lost, and then perhaps that it is not.
    if (state === 'TASK_LOST' && awareness === false) {
      life.last = state;
      return;
    }
    assert.ok(life.ends.size === 0 || isTerminal(state) || state === 'TASK_UNKNOWN', `${id} is ${state} after its end`);
    if (isTerminal(state)) life.ends.add(state);
    life.last = state;
  }

  #check(): void {
    const { master, agents } = this.simulation;
    assertInvariants(master.state, this.#allocator);
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
