import { describeError } from '../../protocol/errors.ts';
import type { ProcessTable } from '../../runtime/process-table.ts';
import type { ProcessContainer } from './process-container.ts';
import { sendSignal } from './process-host.ts';
import { finishPutAway, putAway, sizeOf, type Writers } from './process-rotation.ts';
import type { ProcessStore } from './process-store.ts';

export interface ProcessOutputOptions {
  store: ProcessStore;
  table: ProcessTable;
  warn(message: string): void;
}

/** The output that containers write into files of their spec's choice. */
export class ProcessOutput {
  readonly #options: ProcessOutputOptions;

  constructor(options: ProcessOutputOptions) {
    this.#options = options;
  }

  /** Puts away what has grown too large. */
  limit(container: ProcessContainer): void {
    const { output } = container.spec;
    if (output === undefined || output.maxSize === 0 || container.rotation !== undefined) return;
    const large = this.#filesOf(container).filter((path) => sizeOf(path) >= output.maxSize);
    if (large.length === 0) return;
    container.rotation = this.#putAway(container, large, output.files).finally(() => {
      container.rotation = undefined;
    });
  }

  /** Of a container that an earlier engine object left. */
  async resume(container: ProcessContainer): Promise<void> {
    const { output } = container.spec;
    if (output === undefined) return;
    container.rotation = this.#finish(container, output.files).finally(() => {
      container.rotation = undefined;
    });
    await container.rotation;
  }

  async #finish(container: ProcessContainer, files: number): Promise<void> {
    for (const path of this.#filesOf(container)) {
      await finishPutAway(path, files, this.#writersOf(container)).catch((error: unknown) =>
        this.#options.warn(`${path} cannot be put away: ${describeError(error)}`),
      );
    }
  }

  async #putAway(container: ProcessContainer, paths: readonly string[], files: number): Promise<void> {
    for (const path of paths) {
      await putAway(path, files, this.#writersOf(container)).catch((error: unknown) =>
        this.#options.warn(`${path} cannot be put away: ${describeError(error)}`),
      );
    }
  }

  #filesOf({ spec }: ProcessContainer): string[] {
    return (['stdout', 'stderr'] as const).map((each) => this.#options.store.outputOf(spec, each));
  }

  #writersOf({ mark }: ProcessContainer): Writers {
    const { table } = this.#options;
    return { pids: () => (table.members().get(mark) ?? []).map(({ pid }) => pid), signal: sendSignal };
  }
}
