import type { Timeline } from './timeline.ts';

/** One connection: what is sent arrives in order after its latency, or never once the wire is cut. */
export class Wire {
  readonly #timeline: Timeline;
  readonly #latencyMs: number;
  #cut = false;

  /** `latency`: seconds. */
  constructor(timeline: Timeline, latency: number) {
    this.#timeline = timeline;
    this.#latencyMs = latency * 1000;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** What is under way is lost. Neither end notices by that alone. */
  cut(): void {
    this.#cut = true;
  }

  send(arrive: () => void): void {
    if (this.#cut) return;
    this.#timeline.after(this.#latencyMs, () => {
      if (!this.#cut) arrive();
    });
  }
}
