import type { Clock } from '../../runtime/clock.ts';
import type { CallRate } from './rate-limit-table.ts';

/** A call whose turn it is or not. One of the two functions is called, once. */
export interface ThrottledCall {
  /** What it holds while it waits. */
  readonly bytes: number;
  takeUp(): void;
  /** It is not taken up any more: why, and the HTTP status that says so. */
  drop(reason: string, status: 429 | 503): void;
}

/** Bytes of calls that may wait at the most, whatever their number. */
const mostBytes = 64 * 1024 * 1024;

/**
 * A queue that lets a call through each so many milliseconds, in the order in which they came. Those that come more seldom
 * do not wait.
 *
 * INVARIANT: what waits is bounded in bytes, and in number where there is a capacity.
 */
export class Throttle {
  readonly #rate: CallRate;
  readonly #clock: Clock;
  #waiting: ThrottledCall[] = [];
  #bytes = 0;
  /** When the next call may be taken up: milliseconds since the epoch. */
  #nextAt = 0;
  #cancel: (() => void) | undefined;

  constructor(rate: CallRate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** The call is taken up at once, when its turn comes, or never, as too many wait. */
  pass(call: ThrottledCall): void {
    const now = this.#clock.now();
    if (this.#waiting.length === 0 && now >= this.#nextAt) {
      this.#nextAt = now + this.#interval;
      call.takeUp();
      return;
    }
    const full = this.#fullness(call);
    if (full === undefined) {
      this.#bytes += call.bytes;
      this.#waiting.push(call);
      this.#wake();
    } else {
      call.drop(full, 429);
    }
  }

  stop(): void {
    this.#cancel?.();
    for (const call of this.#waiting.splice(0)) call.drop('the master stops', 503);
    this.#bytes = 0;
  }

  #fullness({ bytes }: ThrottledCall): string | undefined {
    const { capacity } = this.#rate;
    if (capacity !== undefined && this.#waiting.length >= capacity) return `capacity(${capacity}) exceeded`;
    return this.#bytes + bytes > mostBytes ? `calls of more than ${mostBytes} bytes wait` : undefined;
  }

  get #interval(): number {
    return 1000 / this.#rate.qps;
  }

  #wake(): void {
    this.#cancel ??= this.#clock.after(Math.ceil(this.#nextAt - this.#clock.now()), () => {
      this.#cancel = undefined;
      this.#runDue();
    });
  }

  #runDue(): void {
    const now = this.#clock.now();
    const due = this.#waiting.slice(0, Math.max(0, Math.floor((now - this.#nextAt) / this.#interval) + 1));
    this.#waiting = this.#waiting.slice(due.length);
    this.#nextAt += due.length * this.#interval;
    for (const call of due) {
      this.#bytes -= call.bytes;
      call.takeUp();
    }
    if (this.#waiting.length > 0) this.#wake();
  }
}
