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
  /** The latest of each row. */
  readonly changes: Map<string, Change>;
  readonly held: (() => void)[];
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
  #next: Batch = { changes: new Map(), held: [] };
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
    for (const change of changes) this.#next.changes.set(`${change.table}/${change.key}`, change);
    this.#next.held.push(act);
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

  async #flow(): Promise<void> {
    let lost: Batch['changes'] = new Map();
    for (let failures = 0; this.#next.held.length > 0 || lost.size > 0; ) {
      const { changes, held } = this.#next;
      this.#next = { changes: new Map(), held: [] };
      const all = new Map([...lost, ...changes]);
      if (await this.#written([...all.values()], failures)) {
        lost = new Map();
        failures = 0;
        for (const act of held) this.#act(act);
      } else {
        failures++;
        lost = all;
        this.#next = { changes: this.#next.changes, held: [...held, ...this.#next.held] };
        await sleep(this.#options.clock, retryMs, this.#stopping.signal);
      }
      if (this.#stopping.signal.aborted) break;
    }
    this.#flowing = undefined;
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
