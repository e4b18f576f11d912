import { describeError } from '../../protocol/errors.ts';
import type { Clock } from '../clock.ts';
import type { CheckTiming } from './check-plan.ts';
import type { ProbeResult } from './verdict.ts';

/** How attempts are made. */
export interface Probe {
  /**
   * Resolves when an attempt may begin, with the function that lets the next one in. The wait does not count as time of the attempt.
   * Without it, an attempt begins when it is due.
   */
  turn?(): Promise<() => void>;
  /**
   * Makes one attempt, and calls `begun` when the next one may begin, at the latest when it is over. When the signal aborts, it ends
   * soon, whatever it began is over, and it throws the signal's reason.
   */
  attempt(signal: AbortSignal, begun: () => void): Promise<ProbeResult>;
}

export interface CheckerOptions {
  timing: CheckTiming;
  probe: Probe;
  clock: Clock;
  /** Takes what came of an attempt; false: there shall be no more. */
  take: (result: ProbeResult) => boolean;
}

/**
 * Makes attempt after attempt.
 *
 *     waiting ──due──► probing ──result or timeout──► waiting …          stopped, from anywhere
 *
 * INVARIANTS
 * - There is one attempt at a time: the next is due an interval after the end of the last.
 * - Nothing is taken after `stop`.
 */
export class Checker {
  readonly #options: CheckerOptions;
  #cancelWait: () => void = () => undefined;
  #attempt: AbortController | undefined;
  #stopped = false;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#wait(options.timing.delay);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWait();
    this.#attempt?.abort(new Error('The check was stopped'));
  }

  #wait(milliseconds: number): void {
    this.#cancelWait = this.#options.clock.after(milliseconds, () => void this.#probe());
  }

  /** Never rejects. */
  async #probe(): Promise<void> {
    const { probe, take, timing } = this.#options;
    const begun = (await probe.turn?.()) ?? (() => undefined);
    const result = await this.#attempted(begun);
    begun();
    if (result !== undefined && !this.#stopped && take(result) && !this.#stopped) this.#wait(timing.interval);
  }

  async #attempted(begun: () => void): Promise<ProbeResult | undefined> {
    if (this.#stopped) return undefined;
    const { timing, probe, clock } = this.#options;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const late = () => attempt.abort(new Error(`took longer than ${timing.timeout / 1000} s`));
    const cancel = Number.isFinite(timing.timeout) ? clock.after(timing.timeout, late) : () => undefined;
    try {
      return await probe.attempt(attempt.signal, begun);
    } catch (error) {
      return { type: 'FAILED', why: describeError(error) };
    } finally {
      cancel();
      this.#attempt = undefined;
    }
  }
}
