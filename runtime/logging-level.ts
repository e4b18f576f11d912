import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/**
 * The verbosity that operators may raise for a while (SET_LOGGING_LEVEL, `/logging/toggle`): 0 is what the flags say, from
 * 1 on debug messages are logged too.
 */
export class LoggingLevel {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #normal: string;
  #level = 0;
  #cancel = () => {};

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#normal = log.level;
  }

  get level(): number {
    return this.#level;
  }

  /** For so many seconds; a later call replaces an earlier one. */
  set(level: number, seconds: number): void {
    this.#cancel();
    this.#apply(level);
    this.#cancel = this.#clock.after(seconds * 1000, () => this.#apply(0));
  }

  stop(): void {
    this.#cancel();
    this.#apply(0);
  }

  #apply(level: number): void {
    this.#level = level;
    // A log that is turned off stays so.
    this.#log.level = level > 0 && this.#normal !== 'silent' ? 'debug' : this.#normal;
  }
}
