import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { diskQuota } from './commands/disk-limit.ts';
import { runsOf } from './executor-tasks.ts';
import type { AgentState, Run } from './state.ts';

// Bytes of a block, whatever the file system's own are.
const block = 512;
const megabyte = 1024 * 1024;

export interface DiskWatchOptions {
  state: AgentState;
  /** Seconds between two looks at all sandboxes. */
  interval: number;
  clock: Clock;
  log: Log;
  /** In MB. */
  exceeded: (run: Run, sizes: { used: number; quota: number }) => void;
}

/** Looks, one after the other, at how much the sandboxes take of those who asked for some disk. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Returns what stops it. */
  start(): () => void {
    this.#wait();
    return () => {
      this.#stopped = true;
      this.#cancel();
    };
  }

  async look(): Promise<void> {
    const { state, exceeded } = this.#options;
    for (const run of runsOf(state)) {
      const quota = diskQuota(run);
      if (quota === undefined || run.phase !== 'running' || this.#stopped) continue;
      const used = (await bytesBelow(run.sandbox)) / megabyte;
      if (used > quota) exceeded(run, { used, quota });
    }
  }

  #wait(): void {
    if (this.#stopped) return;
    const { clock, interval, log } = this.#options;
    this.#cancel = clock.after(interval * 1000, () => {
      this.look()
        .finally(() => this.#wait())
        .catch((error: unknown) => log.warn({ error: describeError(error) }, 'sandboxes cannot be measured'));
    });
  }
}

/** What a directory takes on the disk: a file with several names once, links as themselves. What is gone meanwhile is nothing. */
export async function bytesBelow(directory: string): Promise<number> {
  const seen = new Set<number>();
  const waiting = [directory];
  let bytes = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const status = await lstat(path).catch(() => undefined);
    if (status === undefined || (status.nlink > 1 && !status.isDirectory() && seen.has(status.ino))) continue;
    seen.add(status.ino);
    bytes += status.blocks * block;
    if (!status.isDirectory()) continue;
    for (const name of await readdir(path).catch(() => [])) waiting.push(join(path, name));
  }
  return bytes;
}
