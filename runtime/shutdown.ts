import { describeError } from '../protocol/errors.ts';
import type { Log } from './log.ts';

type Releaser = () => void | Promise<void>;

/**
 * A stack of releasers: whatever starts registers here how it stops, where it starts.
 *
 * INVARIANTS
 * - Releasers run in the reverse order of their registration, one at a time, each at most once.
 * - A releaser that throws does not keep the others from running.
 * - What is registered after the stop began is released at once.
 */
export class Shutdown {
  readonly #releasers: { name: string; release: Releaser }[] = [];
  readonly #controller = new AbortController();
  readonly #log: Log;
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Aborted as soon as the stop begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  register(name: string, release: Releaser): void {
    this.#releasers.push({ name, release });
    if (this.#stopping !== undefined) this.#stopping = this.#stopping.then(() => this.#releaseAll());
  }

  /** Stops everything; the second call waits for the first. */
  stop(): Promise<void> {
    this.#controller.abort();
    this.#stopping ??= this.#releaseAll();
    return this.#stopping;
  }

  async #releaseAll(): Promise<void> {
    for (let entry = this.#releasers.pop(); entry !== undefined; entry = this.#releasers.pop()) {
      try {
        await entry.release();
      } catch (error) {
        this.#log.warn({ what: entry.name, error: describeError(error) }, 'could not stop cleanly');
      }
    }
  }
}
