import type { TaskState } from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import type { SimulatedAgent } from './simulated-agent.ts';
import type { ContainerEnd } from './simulated-engine.ts';
import type { Witness } from './tally.ts';

interface TaskLife {
  readonly framework: string;
  /** Whether its scheduler asked for its end. */
  killed: boolean;
  started: boolean;
  /** Whether the disk that knew of it is lost. */
  burnt: boolean;
  /** Whether the agent stopped it, for whatever reason. */
  stopping: boolean;
  /** Undefined while it runs. */
  end: ContainerEnd | undefined;
  /** The terminal updates that its scheduler heard, by uuid; of those that the master made, by state. */
  readonly told: Map<string, TaskState>;
  last: TaskState | undefined;
}

export interface AuditOptions {
  /** Who is told TASK_LOST where others are told that a task is unreachable, and then perhaps that it is not. */
  isUnaware(framework: string): boolean;
  /** Whose tasks end with it. */
  leaves(framework: string): boolean;
  elapsed(): number;
}

/** What a scheduler may hear last of a task that nobody knows. */
const forgotten: ReadonlySet<TaskState> = new Set(['TASK_UNREACHABLE', 'TASK_UNKNOWN', 'TASK_LOST']);

/**
 * Compares what schedulers are told of their tasks with what really happens to them:
 * none runs twice, none is stopped that nobody wanted to end, none is told to be over while it runs or to be finished when it was not,
 * and each comes to exactly one end.
 */
export class Audit implements Witness {
  readonly violations: string[] = [];
  readonly #options: AuditOptions;
  readonly #tasks = new Map<string, TaskLife>();

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  get tasks(): number {
    return this.#tasks.size;
  }

  launched(framework: string, task: string): void {
    this.#tasks.set(task, {
      framework,
      killed: false,
      started: false,
      burnt: false,
      stopping: false,
      end: undefined,
      told: new Map(),
      last: undefined,
    });
  }

  killed(task: string): void {
    const life = this.#tasks.get(task);
    if (life !== undefined) life.killed = true;
  }

  started(task: string): void {
    const life = this.#life(task);
    if (life.started) this.#violation(task, 'was started again');
    const over = [...life.told.values()].find((state) => this.#isEnd(life, state));
    if (over !== undefined) this.#violation(task, `is started after its scheduler was told ${over}`);
    life.started = true;
  }

  stopping(task: string, emptied: boolean): void {
    const life = this.#life(task);
    life.stopping = true;
    if (!life.killed && !emptied && !this.#options.leaves(life.framework))
      this.#violation(task, 'is stopped without a cause');
  }

  ended(task: string, how: ContainerEnd): void {
    this.#life(task).end = how;
  }

  burnt(task: string): void {
    this.#life(task).burnt = true;
  }

  heard(_: string, task: string, state: TaskState, uuid: string | undefined): void {
    const life = this.#life(task);
    const before = life.last;
    life.last = state;
    if (state === 'TASK_UNKNOWN' && life.started && life.end === undefined)
      this.#violation(task, 'runs, and is told to be unknown');
    if (!this.#isEnd(life, state)) {
      if (life.told.size > 0 && !isTerminal(state))
        this.#violation(task, `is told ${state} after ${[...life.told.values()]}`);
      return;
    }
    if (life.started && life.end === undefined)
      this.#violation(task, `is told ${state} while it runs, after ${before}`);
    // One that is being stopped may end by itself before that.
    if (life.started && !life.stopping && (life.end === 'by itself') !== (state === 'TASK_FINISHED'))
      this.#violation(task, `is told ${state}, and its container ${life.end}`);
    life.told.set(uuid ?? state, state);
    const uuids = [...life.told.keys()].filter((key) => !key.startsWith('TASK_'));
    if (uuids.length > 1) this.#violation(task, `is told several ends: ${[...life.told.values()]}`);
  }

  /** When all is over: what was to come to an end has come to one, and nothing is left. */
  settle(agents: readonly SimulatedAgent[]): void {
    for (const [id, life] of this.#tasks) {
      if (this.#options.leaves(life.framework)) continue;
      const states = new Set(life.told.values());
      const isLost = life.last === 'TASK_LOST' && this.#options.isUnaware(life.framework);
      // What never arrived, nobody knows; nor what burnt.
      const isForgotten = (!life.started || life.burnt) && life.last !== undefined && forgotten.has(life.last);
      if (states.size !== 1 && !isForgotten && !isLost)
        this.#violation(id, `came to the ends ${[...states]}, and is ${life.last} at last`);
    }
    for (const agent of agents) {
      for (const { key, state } of agent.tasks)
        this.violations.push(`${agent.id} still holds ${key}, which is ${state}`);
      for (const { task, state } of agent.containers)
        this.violations.push(`${agent.id} still has a container of ${task}, ${state}`);
    }
  }

  /** Of a task that nobody hears of any more there is nothing to be lost. */
  #isEnd({ framework }: TaskLife, state: TaskState): boolean {
    return isTerminal(state) && !(state === 'TASK_LOST' && this.#options.isUnaware(framework));
  }

  #life(task: string): TaskLife {
    const life = this.#tasks.get(task);
    if (life === undefined) throw new Error(`${task} was never launched`);
    return life;
  }

  #violation(task: string, what: string): void {
    this.violations.push(`${this.#options.elapsed()} s: ${task} ${what}`);
  }
}
