import type { Allocator } from '../master/allocator/allocator.ts';
import { type End, inflict } from './mishaps.ts';
import { instantly, type Processor } from './processor.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedAgent } from './simulated-agent.ts';
import { SimulatedMaster } from './simulated-master.ts';
import { SimulatedScheduler } from './simulated-scheduler.ts';
import { Tally, type Witness } from './tally.ts';
import { Timeline } from './timeline.ts';

export interface SimulationOptions {
  scenario: Scenario;
  seed: number;
  /** One for each process that is the master. */
  allocator: () => Allocator;
  witness?: Witness;
  /** By default the master's work takes no virtual time. */
  processor?: (timeline: Timeline) => Processor;
}

/** A master with the agents and frameworks of a scenario on one timeline. */
export class Simulation {
  readonly scenario: Scenario;
  readonly timeline = new Timeline();
  readonly master: SimulatedMaster;
  readonly agents: readonly SimulatedAgent[];
  readonly schedulers: readonly SimulatedScheduler[];
  readonly tally = new Tally();
  readonly #ends: End[];
  #faults = 0;

  constructor({ scenario, seed, allocator, witness = {}, processor = () => instantly }: SimulationOptions) {
    const random = new Random(String(seed));
    const { latency, launch } = scenario;
    const shared = { timeline: this.timeline, latency };
    this.scenario = scenario;
    this.master = new SimulatedMaster({
      timeline: this.timeline,
      scenario: scenario.master,
      allocator,
      random: random.fork('master'),
      processor: processor(this.timeline),
    });
    const agentSurroundings = {
      ...shared,
      master: this.master,
      launch,
      random: random.fork('agents'),
      patience: scenario.master.agentPingTimeout,
      witness,
      keepsRuns: scenario.faults.some(({ kind }) => kind.startsWith('agent')),
    };
    this.agents = scenario.agents.flatMap((group, place) =>
      Array.from({ length: group.count }, (_, index) => {
        const agent = new SimulatedAgent(group, { place, index }, agentSurroundings);
        this.timeline.after(group.from * 1000, () => agent.start());
        return agent;
      }),
    );
    this.schedulers = scenario.frameworks.flatMap((group) =>
      Array.from({ length: group.count }, (_, index) => {
        const name = group.count === 1 ? group.name : `${group.name}-${index}`;
        const tally = this.tally.role(group.role);
        const surroundings = { ...shared, master: this.master, random: random.fork(name), tally, witness };
        const scheduler = new SimulatedScheduler(group, name, surroundings);
        this.timeline.after((group.from + group.apart * index) * 1000, () => scheduler.start());
        if (group.until !== undefined) this.timeline.after(group.until * 1000, () => scheduler.leave());
        return scheduler;
      }),
    );
    this.#ends = scenario.faults.map((fault, index) =>
      inflict(fault, scenario.until, this, this.timeline, random.fork(`fault ${index}`)),
    );
    this.master.configure(scenario.roles);
    this.master.start();
  }

  /** How often something has befallen somebody. */
  get faults(): number {
    return this.#faults;
  }

  struck(): void {
    this.#faults++;
  }

  /** Ends all that befell anybody. */
  heal(): void {
    for (const end of this.#ends) end();
  }
}
