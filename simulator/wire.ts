import type { Timeline } from './timeline.ts';

/** `up`: towards the master. */
export type Direction = 'up' | 'down';

/** What lies between two machines, one after another of whose connections may use it. What is sent in a direction that is blocked waits. */
export class Path {
  readonly #waiting: Record<Direction, (() => void)[]> = { up: [], down: [] };
  readonly #blocks: Record<Direction, number> = { up: 0, down: 0 };

  isOpen(direction: Direction): boolean {
    return this.#blocks[direction] === 0;
  }

  block(direction: Direction): void {
    this.#blocks[direction]++;
  }

  /** Once for each `block`. What waits arrives in its order. */
  unblock(direction: Direction): void {
    this.#blocks[direction]--;
    if (this.isOpen(direction)) for (const arrive of this.#waiting[direction].splice(0)) arrive();
  }

  pass(direction: Direction, arrive: () => void): void {
    if (this.isOpen(direction)) arrive();
    else this.#waiting[direction].push(arrive);
  }
}

/** One connection: what is sent arrives in order after its latency, or never once the wire is cut. */
export class Wire {
  readonly path: Path;
  readonly #timeline: Timeline;
  readonly #latencyMs: number;
  #cut = false;

  /** `latency`: seconds. */
  constructor(timeline: Timeline, latency: number, path = new Path()) {
    this.path = path;
    this.#timeline = timeline;
    this.#latencyMs = latency * 1000;
  }

  /** Whether what is sent now arrives before long. */
  carries(direction: Direction): boolean {
    return !this.#cut && this.path.isOpen(direction);
  }

  /** What is under way is lost. Neither end notices by that alone. */
  cut(): void {
    this.#cut = true;
  }

  send(direction: Direction, arrive: () => void): void {
    if (this.#cut) return;
    this.#deliver(direction, () => {
      if (!this.#cut) arrive();
    });
  }

  /** The process at one end is no more: what is under way is lost, and the other end notices when it hears of it. */
  reset(direction: Direction, notice: () => void): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#deliver(direction, notice);
  }

  #deliver(direction: Direction, arrive: () => void): void {
    this.#timeline.after(this.#latencyMs, () => this.path.pass(direction, arrive));
  }
}
