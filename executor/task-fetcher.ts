import { join } from 'node:path';
import type { CommandInfoURI } from '../protocol/messages.ts';
import { createFetcher, type Fetcher } from '../runtime/fetcher/fetcher.ts';
import type { Account } from './task-command.ts';

const megabyte = 1024 * 1024;
const limits = {
  stallTimeoutSeconds: 60,
  resumePauseSeconds: 0.5,
  /** Of files that tasks with `cache` share, bytes in all. */
  cacheBytes: 256 * megabyte,
  maxBytes: 16 * 1024 * megabyte,
  maxEntries: 1_000_000,
  maxExtractedBytes: 16 * 1024 * megabyte,
};

/** Fetches the URIs of tasks as an agent does: http, https and files of the executor's own container. */
export class TaskFetcher {
  readonly #directory: string;
  #fetcher: Fetcher | undefined;

  /** `sandbox`: the executor's. */
  constructor(sandbox: string) {
    this.#directory = join(sandbox, '.fetch');
  }

  /** All of them into a directory, or none. Throws as `Fetcher.fetch`. */
  async fetch(
    uris: readonly CommandInfoURI[],
    { directory, owner }: { directory: string; owner: Account | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    this.#fetcher ??= createFetcher({ directory: this.#directory, ...limits });
    const wanted = uris.map(({ value, executable, extract, cache, output_file }) => ({
      value,
      ...(executable !== undefined && { executable }),
      ...(extract !== undefined && { extract }),
      ...(cache !== undefined && { cache }),
      ...(output_file !== undefined && { output_file }),
    }));
    await this.#fetcher.fetch(wanted, { sandbox: directory, ...(owner && { owner }) }, { signal });
  }

  async close(): Promise<void> {
    await this.#fetcher?.close();
  }
}
