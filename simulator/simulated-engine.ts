import type { Timeline } from './timeline.ts';

/** How a container came to its end: by itself, because the agent stopped it, or with its machine. */
export type ContainerEnd = 'by itself' | 'stopped' | 'with its machine';

export interface SimulatedContainer {
  readonly name: string;
  /** The task that it was made for. */
  readonly task: string;
  state: 'created' | 'running' | 'exited';
  exitCode: number;
}

/** What really happens to containers, for whoever checks the run. */
export interface EngineWitness {
  started?(task: string): void;
  /** The agent is about to stop it. `emptied`: an operator wanted nothing to run there. */
  stopping?(task: string, emptied: boolean): void;
  ended?(task: string, how: ContainerEnd): void;
  /** What was written down of it is lost. */
  burnt?(task: string): void;
}

// What a process takes to end after SIGTERM.
const partingMs = 100;
const killedBySignal = 143;

/** The containers of one machine, each a timer. They outlive the agent's process, and end with the machine. */
export class SimulatedEngine {
  readonly #timeline: Timeline;
  readonly #witness: EngineWitness;
  readonly #containers = new Map<string, SimulatedContainer>();
  /** Told of each end; nobody while there is no agent. */
  listener: ((container: SimulatedContainer) => void) | undefined;

  constructor(timeline: Timeline, witness: EngineWitness) {
    this.#timeline = timeline;
    this.#witness = witness;
  }

  get containers(): Iterable<SimulatedContainer> {
    return this.#containers.values();
  }

  create(name: string, task: string): void {
    this.#containers.set(name, { name, task, state: 'created', exitCode: 0 });
  }

  start(name: string, seconds: number): void {
    const container = this.#containers.get(name);
    if (container?.state !== 'created') throw new Error(`there is no container ${name} to start`);
    container.state = 'running';
    this.#witness.started?.(container.task);
    this.#timeline.after(seconds * 1000, () => this.#end(container, 'by itself', 0));
  }

  stop(name: string, emptied: boolean): void {
    const container = this.#containers.get(name);
    if (container?.state !== 'running') return;
    this.#witness.stopping?.(container.task, emptied);
    this.#timeline.after(partingMs, () => this.#end(container, 'stopped', killedBySignal));
  }

  /** One that runs is killed. */
  remove(name: string, emptied: boolean): void {
    const container = this.#containers.get(name);
    if (container === undefined) return;
    this.#containers.delete(name);
    if (container.state !== 'running') return;
    this.#witness.stopping?.(container.task, emptied);
    this.#witness.ended?.(container.task, 'stopped');
  }

  powerOff(): void {
    for (const { state, task } of this.#containers.values())
      if (state === 'running') this.#witness.ended?.(task, 'with its machine');
    this.#containers.clear();
  }

  #end(container: SimulatedContainer, how: ContainerEnd, exitCode: number): void {
    if (container.state !== 'running' || this.#containers.get(container.name) !== container) return;
    container.state = 'exited';
    container.exitCode = exitCode;
    this.#witness.ended?.(container.task, how);
    this.listener?.(container);
  }
}
