import type { Clock } from '../runtime/clock.ts';

/** Where virtual time begins, in milliseconds since the epoch. */
export const beginning = 1_000_000_000_000;

interface Event {
  readonly at: number;
  /** Of two events at the same time the one comes first that was scheduled first. */
  readonly sequence: number;
  readonly action: () => void;
  cancelled: boolean;
}

/** A clock whose time jumps from one event to the next. What happens at the same time happens in the order in which it was scheduled. */
export class Timeline implements Clock {
  #now = beginning;
  #sequence = 0;
  #passed = 0;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];

  now(): number {
    return this.#now;
  }

  /** Seconds since the beginning. */
  get elapsed(): number {
    return (this.#now - beginning) / 1000;
  }

  /** How many events there have been. */
  get passed(): number {
    return this.#passed;
  }

  after(milliseconds: number, action: () => void): () => void {
    const event = { at: this.#now + Math.max(0, milliseconds), sequence: this.#sequence++, action, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Lets happen all that is due until so many seconds after the beginning, and calls back after each event. */
  run(until: number, afterEach?: () => void): void {
    const end = beginning + until * 1000;
    while (this.#next(end)) {
      this.#step();
      afterEach?.();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Whether an event is due by then. */
  #next(end: number): boolean {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) return false;
      if (!first.cancelled) return true;
      this.#pop();
    }
  }

  #step(): void {
    const event = this.#pop();
    if (event === undefined) return;
    this.#now = Math.max(this.#now, event.at);
    this.#passed++;
    event.action();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(last, child)) break;
      heap[place] = child;
      place = 2 * place + (child === left ? 1 : 2);
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}
