import { parseDuration } from '../protocol/duration.ts';

/** So many agents in so many seconds. */
export interface RemovalRate {
  readonly agents: number;
  readonly seconds: number;
}

/** The value of `--agent_removal_rate_limit`, e.g. `1/10mins`. */
export function parseRemovalRate(text: string): { value: RemovalRate } | { error: string } {
  const [, number = '', time = ''] = /^(\d+)\/(.+)$/.exec(text.trim()) ?? [];
  const agents = Number(number);
  const seconds = parseDuration(time);
  if (!(agents > 0) || seconds === undefined || seconds <= 0) {
    return { error: 'expected a number of agents and a duration, such as 1/10mins' };
  }
  return { value: { agents, seconds } };
}

/** Milliseconds between looks at who is silent, at the most: what became due meanwhile is made up for. */
const lookMs = 1_000;

/** Lets so many agents be given up in a time, evenly; those that come more seldom do not wait. */
export class RemovalPace {
  readonly #intervalMs: number;
  /** Milliseconds since the epoch. */
  #nextAt = 0;

  /** Undefined: as many as there are. */
  constructor(rate: RemovalRate | undefined) {
    this.#intervalMs = rate === undefined ? 0 : (rate.seconds * 1000) / rate.agents;
  }

  /** Whether one more may be given up at this moment; it counts as given up then. */
  permits(now: number): boolean {
    if (now < this.#nextAt) return false;
    const goesOn = this.#nextAt >= now - lookMs;
    this.#nextAt = (goesOn ? this.#nextAt : now) + this.#intervalMs;
    return true;
  }
}
