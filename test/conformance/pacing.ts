import type { HttpAnswer } from './http-answer.ts';
import type { Subject } from './subject.ts';

/** Milliseconds for something to come that is due: as many whatever the speed. */
const patience = 5_000;
/** The same for what is known not to come. */
const brief = 100;
/** So often what comes is waited for in vain; then it is waited for briefly. */
const disappointments = 6;
/** Milliseconds of real time between two looks at a stream that is quiet. */
export const glance = 20;

/** How far a replay is in its recording, and how long it waits. All times are of the subject's clock. */
export class Pacing {
  readonly #subject: Subject;
  /** Where in the recording it stands, and since when. */
  #recorded: number;
  #passed: number;
  #disappointments = 0;

  constructor(subject: Subject, recorded: number) {
    this.#subject = subject;
    this.#recorded = recorded;
    this.#passed = subject.clock.now();
  }

  now(): number {
    return this.#subject.clock.now();
  }

  /** What was recorded then has happened. */
  pass(recorded: number): void {
    this.#recorded = Math.max(this.#recorded, recorded);
    this.#passed = this.now();
  }

  /** When something is due, from now on, that was recorded then. */
  due(recorded: number): number {
    return this.now() + Math.max(0, recorded - this.#recorded);
  }

  /** As long after what was before as in the recording. */
  async pauseUntil(recorded: number): Promise<void> {
    await this.pause(this.#passed + recorded - this.#recorded - this.now());
  }

  async pause(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return;
    await new Promise<void>((resolve) => void this.#subject.clock.after(milliseconds, resolve));
  }

  /** How long to wait for what is due; in vain, if it is known not to come. */
  patience(inVain = false): number {
    return this.ofReal(inVain || this.#disappointments >= disappointments ? brief : patience);
  }

  /** So many milliseconds, whatever the speed. */
  ofReal(milliseconds: number): number {
    return milliseconds * this.#subject.speed;
  }

  /** What was due did not come. */
  disappoint(): void {
    this.#disappointments++;
  }

  async settle(answer: HttpAnswer, isDone: () => boolean): Promise<void> {
    for (const deadline = this.now() + this.patience(); !isDone() && this.now() < deadline; )
      await answer.change(glance);
    if (!isDone()) this.disappoint();
  }
}
