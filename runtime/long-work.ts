import { setImmediate } from 'node:timers/promises';

/** Milliseconds that work may go on for before others get their turn. */
const longestTurn = 4;

/**
 * Work that would hold up everybody else, done a few milliseconds at a time.
 *
 * INVARIANT: one piece of work after the other, so that what large requests take in memory is bounded.
 */
export class LongWork {
  #last: Promise<unknown> = Promise.resolve();

  /** Rejects with what the work throws. */
  run<Result>(work: Generator<void, Result>): Promise<Result> {
    const result = this.#last.then(() => inTurns(work));
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
