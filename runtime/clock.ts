/** Time as an argument: production passes `systemClock`, tests and the simulator a virtual one. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `milliseconds`, 0: when this turn of the event loop is over; returns the function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

// Node's timers fire at once beyond this many milliseconds.
const longestTimer = 2 ** 31 - 1;

// The part of the time that passes by which a wrong time of day is made up for.
const correction = 0.1;

/**
 * The time of day, but that it never jumps: when somebody sets the machine's clock, or the machine slept, timeouts are none the
 * shorter or longer for it. The difference is made up for slowly.
 *
 * @param wall Milliseconds since the epoch, as the machine has them.
 * @param steady Milliseconds since whenever, which nobody sets.
 */
export function steadyTime(wall: () => number, steady: () => number): () => number {
  let before = steady();
  let time = wall();
  return () => {
    const at = steady();
    const passed = at - before;
    before = at;
    const error = wall() - (time + passed);
    time += passed + Math.max(-correction * passed, Math.min(correction * passed, error));
    return Math.floor(time);
  };
}

export const systemClock: Clock = {
  now: steadyTime(
    () => Date.now(),
    () => performance.now(),
  ),
  after: (milliseconds, callback) => {
    if (milliseconds <= 0) {
      const turn = setImmediate(callback);
      return () => clearImmediate(turn);
    }
    const timer = setTimeout(callback, Math.min(milliseconds, longestTimer));
    return () => clearTimeout(timer);
  },
};

/** Waits; resolves early, without an error, when the signal aborts. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(milliseconds, finish);
    signal.addEventListener('abort', finish);
  });
}
