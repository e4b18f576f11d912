import type { TaskState } from '../protocol/messages.ts';
import type { EngineWitness } from './simulated-engine.ts';

/** What became of the tasks of a role, as their schedulers heard it. */
export interface RoleTally {
  /** Seconds from wanting a task to hearing that it runs; not of endless supplies, whose tasks never waited. */
  readonly waits: number[];
  finished: number;
  /** Ended otherwise, or given up as unreachable; each was asked for again. */
  lost: number;
}

export class Tally {
  readonly #roles = new Map<string, RoleTally>();

  role(name: string): RoleTally {
    const known = this.#roles.get(name);
    if (known !== undefined) return known;
    const fresh = { waits: [], finished: 0, lost: 0 };
    this.#roles.set(name, fresh);
    return fresh;
  }
}

/** What schedulers hear and do, and what really happens on the machines, for whoever checks the run. */
export interface Witness extends EngineWitness {
  launched?(framework: string, task: string): void;
  heard?(framework: string, task: string, state: TaskState, uuid: string | undefined): void;
  /** A scheduler wants an end of a task. */
  killed?(task: string): void;
}
