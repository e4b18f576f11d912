export interface BackoffOptions {
  /** Milliseconds: the upper end of the first wait. */
  initial: number;
  /** Milliseconds: the upper end that is never passed. */
  maximum: number;
}

/** Milliseconds to wait before attempt `attempt` (from 0): random in [0, initial · 2^attempt], capped, so that a crowd spreads out. */
export function backoff(attempt: number, options: BackoffOptions, random: () => number): number {
  const ceiling = Math.min(options.maximum, options.initial * 2 ** Math.min(attempt, 30));
  return random() * ceiling;
}
