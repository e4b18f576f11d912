import type { ContainerRecord } from './state.ts';

/** Whoever waits for the end of a task's or an executor's container. */
export class ContainerEnds {
  readonly #waiting = new Map<ContainerRecord, PromiseWithResolvers<number>>();

  /** Resolves with the exit code of one that is not over yet; with 0 of one that never ran. */
  wait(container: ContainerRecord): Promise<number> {
    if (container.released) return Promise.resolve(0);
    const waiting = this.#waiting.get(container) ?? Promise.withResolvers<number>();
    this.#waiting.set(container, waiting);
    return waiting.promise;
  }

  /** It is over, and its output is where it belongs. What was told first counts. */
  tell(container: ContainerRecord, exitCode: number): void {
    this.#waiting.get(container)?.resolve(exitCode);
    this.#waiting.delete(container);
  }
}
