import type { Clock } from '../../runtime/clock.ts';

/** The most real milliseconds that count for one turn of the event loop. */
const longestTurn = 2;

/**
 * Time that runs `speed` times faster than the machine's, but stands still while this process gets no turn: on a busy
 * machine nothing in it comes late by this clock. It goes on in small steps, with a turn of the event loop between two.
 */
export class ElasticClock implements Clock {
  readonly #speed: number;
  readonly #timers = new Set<{ due: number; callback: () => void }>();
  #now = Date.now();
  #turn = performance.now();
  #ticking: NodeJS.Timeout;

  constructor(speed: number) {
    this.#speed = speed;
    this.#ticking = setTimeout(() => this.#tick(), 1);
  }

  now(): number {
    return Math.floor(this.#now);
  }

  after(milliseconds: number, callback: () => void): () => void {
    if (milliseconds <= 0) {
      const turn = setImmediate(callback);
      return () => clearImmediate(turn);
    }
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Time ends: no timer fires any more. */
  stop(): void {
    clearTimeout(this.#ticking);
    this.#timers.clear();
  }

  #tick(): void {
    const turn = performance.now();
    this.#now += Math.min(turn - this.#turn, longestTurn) * this.#speed;
    this.#turn = turn;
    this.#ticking = setTimeout(() => this.#tick(), 1);
    const due = [...this.#timers].filter(({ due }) => due <= this.#now);
    for (const timer of due.sort((one, other) => one.due - other.due)) {
      if (this.#timers.delete(timer)) timer.callback();
    }
  }
}
