import type { Timeline } from './timeline.ts';

/** What the master's work takes of virtual time. */
export interface Processor {
  /** Does the work when its turn comes: one after the other, in the order in which they came. */
  run(work: () => void): void;
  /** Called during work: lets something leave the master when the work is done. */
  depart(departure: () => void): void;
}

/** Work takes no time. */
export const instantly: Processor = {
  run: (work) => work(),
  depart: (departure) => departure(),
};

/** Work takes the time that it really takes; meanwhile what comes has to wait, and nothing leaves before the work is done. */
export class MeasuredProcessor implements Processor {
  readonly #timeline: Timeline;
  readonly #time: () => number;
  readonly #asking: number;
  /** Milliseconds that were taken off pieces of work which seemed to take less than that. */
  #surplus = 0;
  #waiting: (() => void)[] = [];
  /** How many of `#waiting` are done: a long list is slow to take from at its front. */
  #done = 0;
  #departures: (() => void)[] = [];
  #isBusy = false;
  /** Milliseconds of work so far, and the most of one piece since `resetLongest`. */
  total = 0;
  longest = 0;

  /** `time`: milliseconds that this thread has worked; `asking`: how many of them it takes to ask for it, which are not work. */
  constructor(timeline: Timeline, time: () => number, asking = 0) {
    this.#timeline = timeline;
    this.#time = time;
    this.#asking = asking;
  }

  run(work: () => void): void {
    this.#waiting.push(work);
    if (!this.#isBusy) this.#next();
  }

  depart(departure: () => void): void {
    this.#departures.push(departure);
  }

  resetLongest(): void {
    this.longest = 0;
  }

  #next(): void {
    const work = this.#waiting[this.#done++];
    if (work === undefined) {
      this.#waiting = [];
      this.#done = 0;
      return;
    }
    this.#isBusy = true;
    const began = this.#time();
    work();
    const rest = this.#time() - began - this.#asking - this.#surplus;
    const took = Math.max(0, rest);
    this.#surplus = took - rest;
    this.total += took;
    this.longest = Math.max(this.longest, took);
    this.#timeline.after(took, () => {
      const departures = this.#departures;
      this.#departures = [];
      for (const departure of departures) departure();
      this.#isBusy = false;
      this.#next();
    });
  }
}
