import { FetchProblem } from './uri-source.ts';

/**
 * Aborts its signal when a step of a download takes longer than it may, or when the outer signal is aborted.
 * Time that we spend ourselves (a slow disk) is not counted: the watch is armed around waiting alone.
 */
export class StallWatch {
  readonly signal: AbortSignal;
  readonly #seconds: number;
  readonly #stalled = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number, outer: AbortSignal) {
    this.#seconds = seconds;
    this.signal = AbortSignal.any([outer, this.#stalled.signal]);
  }

  arm(bytesSoFar: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stalled.abort(
        new FetchProblem(
          `nothing came for ${this.#seconds} seconds, after ${bytesSoFar} bytes`,
          'Check that the server is well and the network between it and the agent’s host; then try again.',
        ),
      );
    }, this.#seconds * 1000);
  }

  /** Gives up for another reason than time. */
  fail(problem: FetchProblem): void {
    this.#stalled.abort(problem);
  }

  disarm(): void {
    clearTimeout(this.#timer);
  }
}
