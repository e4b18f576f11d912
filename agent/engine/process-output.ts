import { describeError } from '../../protocol/errors.ts';
import type { ProcessTable } from '../../runtime/process-table.ts';
import type { ProcessContainer } from './process-container.ts';
import { sendSignal } from './process-host.ts';
import { putAway, sizeOf } from './process-rotation.ts';
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
    const files = (['stdout', 'stderr'] as const).map((each) => this.#options.store.outputOf(container.spec, each));
    const large = files.filter((path) => sizeOf(path) >= output.maxSize);
    if (large.length === 0) return;
    container.rotation = this.#putAway(container, large, output.files).finally(() => {
      container.rotation = undefined;
    });
  }

  async #putAway({ mark }: ProcessContainer, paths: readonly string[], files: number): Promise<void> {
    const { table, warn } = this.#options;
    const pids = () => (table.members().get(mark) ?? []).map(({ pid }) => pid);
    for (const path of paths) {
      await putAway(path, files, { pids, signal: sendSignal }).catch((error: unknown) =>
        warn(`${path} cannot be put away: ${describeError(error)}`),
      );
    }
  }
}
