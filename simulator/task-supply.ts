import type { Resource } from '../protocol/messages.ts';
import type { Random } from './random.ts';
import type { TaskStream } from './scenario.ts';
import { draw } from './spans.ts';

/** A task that waits for an offer. */
export interface WaitingTask {
  readonly stream: StreamSupply;
  readonly resources: readonly Resource[];
  /** Seconds that it runs. */
  readonly duration: number;
  /** Since when it waits, in milliseconds of the timeline; undefined: of an endless supply, it began to wait just now. */
  readonly since: number | undefined;
}

/** What one stream of tasks has waiting. Those of a stream are alike in size and wait in order. */
export class StreamSupply {
  readonly stream: TaskStream;
  readonly #waiting: WaitingTask[] = [];
  /** Of an endless stream, once it has begun. */
  #endless = false;
  #taken = 0;

  constructor(stream: TaskStream) {
    this.stream = stream;
  }

  /** Those that can be counted. */
  get waiting(): number {
    return this.#waiting.length - this.#taken;
  }

  /** Whether somebody waits. */
  get wants(): boolean {
    return this.#endless || this.waiting > 0;
  }

  begin(): void {
    this.#endless = true;
  }

  add(random: Random, now: number): void {
    this.#waiting.push(this.#task(random, now));
  }

  /** One that is to be run again waits like a new one. */
  repeat(task: WaitingTask, now: number): void {
    this.#waiting.push({ ...task, since: now });
  }

  /** The next one, which stays until it is taken. */
  next(random: Random): WaitingTask | undefined {
    return this.#waiting[this.#taken] ?? (this.#endless ? this.#task(random, undefined) : undefined);
  }

  take(): void {
    if (this.#waiting.length === this.#taken) return;
    this.#taken++;
    // Not one by one from the front of a list that may be long.
    if (this.#taken * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#taken);
      this.#taken = 0;
    }
  }

  #task(random: Random, since: number | undefined): WaitingTask {
    const { resources, duration } = this.stream;
    return { stream: this, resources, duration: draw(duration, random), since };
  }
}
