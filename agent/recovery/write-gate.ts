import { describeError } from '../../protocol/errors.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Change } from '../../runtime/database.ts';
import type { Log } from '../../runtime/log.ts';

export interface WriteGateOptions {
  write: (changes: readonly Change[]) => Promise<void>;
  clock: Clock;
  log: Log;
}

interface Batch {
  kind: 'writes';
  /** The latest of each row. */
  readonly changes: Map<string, Change>;
  readonly held: (() => void)[];
}

interface Job {
  kind: 'job';
  run(): Promise<void>;
}

const retryMs = 1_000;

/**
 * What is decided is acted on when it is written down, and not before.
 *
 * INVARIANTS
 * - What passes goes in its order; where nothing is held and nothing is to be written, at once.
 * - One write is under way at the most; what is to be written meanwhile is the next one. A write that fails is tried again, with what came since.
 */
export class WriteGate {
  readonly #options: WriteGateOptions;
  readonly #stopping = new AbortController();
  readonly #waiting: (Batch | Job)[] = [];
  /** Until nothing is held any more. */
  #flowing: Promise<void> | undefined;

  constructor(options: WriteGateOptions) {
    this.#options = options;
  }

  /** Calls `act` when these changes, and all before them, are written. */
  pass(changes: readonly Change[], act: () => void): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#flowing === undefined && changes.length === 0) {
      act();
      return;
    }
    const batch = this.#lastBatch();
    for (const change of changes) batch.changes.set(`${change.table}/${change.key}`, change);
    batch.held.push(act);
    this.#flowing ??= this.#flow();
  }

  /** Runs a job in its turn: what comes after it waits until it is over. It must not wait for the gate. */
  run(job: () => Promise<void>): void {
    if (this.#stopping.signal.aborted) return;
    this.#waiting.push({ kind: 'job', run: job });
    this.#flowing ??= this.#flow();
  }

  /** Resolves when nothing is held. */
  async idle(): Promise<void> {
    while (this.#flowing !== undefined) await this.#flowing;
  }

  /** What is not written by now never will be, and nothing that it holds is done. */
  stop(): void {
    this.#stopping.abort();
  }

  #lastBatch(): Batch {
    const last = this.#waiting.at(-1);
    if (last?.kind === 'writes') return last;
    const batch: Batch = { kind: 'writes', changes: new Map(), held: [] };
    this.#waiting.push(batch);
    return batch;
  }

  async #flow(): Promise<void> {
    const { signal } = this.#stopping;
    for (let next = this.#waiting.shift(); next !== undefined && !signal.aborted; next = this.#waiting.shift()) {
      if (next.kind === 'job') await this.#work(next);
      else await this.#write(next);
    }
    this.#flowing = undefined;
  }

  async #work(job: Job): Promise<void> {
    try {
      await job.run();
    } catch (error) {
      this.#options.log.error({ error: describeError(error) }, 'an effect failed');
    }
  }

  async #write(batch: Batch): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !(await this.#written([...batch.changes.values()], failures)); failures++) {
      await sleep(this.#options.clock, retryMs, signal);
      if (signal.aborted) return;
      this.#join(batch);
    }
    for (const act of batch.held) if (!signal.aborted) this.#act(act);
  }

  /** What came since the batch goes with it. */
  #join(batch: Batch): void {
    const [next] = this.#waiting;
    if (next?.kind !== 'writes') return;
    this.#waiting.shift();
    for (const [row, change] of next.changes) batch.changes.set(row, change);
    batch.held.push(...next.held);
  }

  async #written(changes: readonly Change[], failures: number): Promise<boolean> {
    if (changes.length === 0) return true;
    const { write, log } = this.#options;
    try {
      await write(changes);
      if (failures > 0) log.warn({ failures }, 'what is to be kept is written again');
      return true;
    } catch (error) {
      if (failures === 0)
        log.error(
          { error: describeError(error) },
          'what is to be kept cannot be written: tasks go on, and nothing new begins until it can',
        );
      return false;
    }
  }

  /** A failure of one does not hold up the others. */
  #act(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.log.error({ error: describeError(error) }, 'an effect failed');
    }
  }
}
