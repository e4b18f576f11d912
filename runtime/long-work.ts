import { setImmediate } from 'node:timers/promises';

/** Milliseconds that work may go on for before others get their turn. */
const longestTurn = 4;

/** Bytes of requests on which work is to be done, or being done. */
const mostHeld = 256 * 1024 * 1024;

/**
 * Work that would hold up everybody else, done a few milliseconds at a time.
 *
 * INVARIANT: one piece of work after the other, and only so much of it, so that what large requests take in memory is bounded.
 */
export class LongWork {
  #last: Promise<unknown> = Promise.resolve();
  #held = 0;

  /** Whether work on so many bytes has to be refused, as too much waits. */
  isFull(bytes: number): boolean {
    return this.#held > 0 && this.#held + bytes > mostHeld;
  }

  /** `bytes`: what the work holds until it is done. Rejects with what the work throws. */
  run<Result>(work: Generator<void, Result>, bytes: number): Promise<Result> {
    this.#held += bytes;
    const result = this.#last
      .then(() => inTurns(work))
      .finally(() => {
        this.#held -= bytes;
      });
    // What came of it, which may be large, is not kept.
    this.#last = result.then(nothing, nothing);
    return result;
  }
}

const nothing = (): void => undefined;

async function inTurns<Result>(work: Generator<void, Result>): Promise<Result> {
  let until = performance.now() + longestTurn;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await setImmediate();
    until = performance.now() + longestTurn;
  }
}
