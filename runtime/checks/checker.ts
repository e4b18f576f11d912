import { describeError } from '../../protocol/errors.ts';
import type { Clock } from '../clock.ts';
import type { CheckTiming } from './check-plan.ts';
import type { ProbeResult } from './verdict.ts';

/** Makes one attempt. When the signal aborts, it ends soon, whatever it began is over, and it throws the signal's reason. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

export interface CheckerOptions {
  timing: CheckTiming;
  probe: Probe;
  clock: Clock;
  /** Takes what came of an attempt; false: there shall be no more. */
  take: (result: ProbeResult) => boolean;
  /** Runs an attempt when its turn has come; by default at once. Waiting for it does not count as time of the attempt. */
  admit?: (attempt: () => Promise<void>) => Promise<void>;
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
    const { admit = (attempt) => attempt(), take, timing } = this.#options;
    const attempt = new AbortController();
    this.#attempt = attempt;
    let result: ProbeResult = { type: 'SKIPPED', why: 'it was stopped before its turn' };
    await admit(async () => {
      if (!this.#stopped) result = await this.#outcome(attempt);
    });
    this.#attempt = undefined;
    if (!this.#stopped && take(result) && !this.#stopped) this.#wait(timing.interval);
  }

  async #outcome(attempt: AbortController): Promise<ProbeResult> {
    const { timing, probe, clock } = this.#options;
    const { timeout } = timing;
    const why = `took longer than ${timeout / 1000} s`;
    const cancel = Number.isFinite(timeout)
      ? clock.after(timeout, () => attempt.abort(new Error(why)))
      : () => undefined;
    try {
      return await probe(attempt.signal);
    } catch (error) {
      return { type: 'FAILED', why: describeError(error) };
    } finally {
      cancel();
    }
  }
}
