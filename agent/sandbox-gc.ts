import { randomUUID } from 'node:crypto';
import { utimesSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { allowedAge, dueForRemoval, type GcPolicy, type GcSchedule } from './gc-schedule.ts';
import type { SandboxPaths } from './sandbox-paths.ts';

export interface SandboxGcOptions {
  workDirectory: string;
  policy: GcPolicy;
  /** Seconds between two looks at the disk. */
  interval: number;
  clock: Clock;
  log: Log;
  /** Part of the disk in use, 0 to 1; for tests. */
  diskUsage?: () => Promise<number>;
}

/**
 * Removes what is left of executors and tasks that are over, by age, and the sooner the less room there is.
 *
 * INVARIANT: a directory that is in use, or has one in it that is, is never removed: `keep` takes it off the schedule, and waits for a
 * removal that has begun. A removal begins with a rename, so that a directory is there whole or not at all.
 */
export class SandboxGc {
  /** Paths that were removed, or could not be. */
  readonly removals = { succeeded: 0, failed: 0 };
  /** Seconds, as of the last look at the disk. */
  maxAllowedAge: number;
  readonly #options: SandboxGcOptions;
  readonly #schedule: GcSchedule = new Map();
  /** By directory: the sandboxes in it, or itself, that are used. */
  readonly #inUse = new Map<string, Set<string>>();
  #leaving: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: SandboxGcOptions) {
    this.#options = options;
    this.maxAllowedAge = options.policy.delay;
  }

  get pending(): number {
    return this.#schedule.size;
  }

  /** Begins to look at the disk; returns what stops it. What an earlier run had begun to remove goes now. */
  start(): () => void {
    rm(this.#trash, { recursive: true, force: true }).catch((error: unknown) => this.#warn(this.#trash, error));
    this.#wait();
    return () => {
      this.#stopped = true;
      this.#cancel();
    };
  }

  /** A sandbox is going to be used: neither it nor what it is in is removed. Resolves when it is safe. */
  async keep(sandbox: string): Promise<void> {
    for (const path of this.#lineage(sandbox)) {
      const users = this.#inUse.get(path) ?? new Set();
      this.#inUse.set(path, users.add(sandbox));
      this.#schedule.delete(path);
    }
    await this.#leaving;
  }

  /** A sandbox is over, and so is what it is in when nothing else there is used. One that was never kept is passed over. */
  async release(sandbox: string): Promise<void> {
    const now = this.#options.clock.now();
    const over = this.#lineage(sandbox).filter((path) => {
      const users = this.#inUse.get(path);
      return users?.delete(sandbox) === true && users.size === 0;
    });
    for (const path of over) {
      this.#inUse.delete(path);
      this.#schedule.set(path, now + this.#options.policy.delay * 1000);
    }
    // For the agent's next start, which knows nothing but what is on the disk.
    for (const path of over) touch(path, now / 1000);
  }

  /** Puts on the schedule what is on the disk and not in use: by when it was last changed. */
  async recover(paths: SandboxPaths): Promise<void> {
    for (const path of await directories(this.#standalone)) await this.#schedulePast(path, await newest(path, 1));
    const others = (await directories(dirname(paths.slave))).filter((path) => path !== paths.slave);
    for (const path of others) await this.#schedulePast(path, await newest(path, 5));
    for (const framework of await directories(join(paths.slave, 'frameworks'))) {
      let last = 0;
      for (const executor of await directories(join(framework, 'executors'))) {
        let latest = 0;
        for (const run of await directories(join(executor, 'runs'))) {
          const changed = await newest(run, 1);
          await this.#schedulePast(run, changed);
          latest = Math.max(latest, changed);
        }
        await this.#schedulePast(executor, latest);
        last = Math.max(last, latest);
      }
      await this.#schedulePast(framework, last);
    }
  }

  /** Looks at the disk, and removes what has to go. */
  async collect(): Promise<void> {
    const { policy, clock } = this.#options;
    this.maxAllowedAge = allowedAge(policy, await this.#usage());
    for (const path of dueForRemoval(this.#schedule, policy, this.maxAllowedAge, clock.now())) {
      if (this.#stopped) return;
      // It may have come into use while others were removed.
      if (!this.#schedule.delete(path)) continue;
      await this.#remove(path);
    }
  }

  /** A sandbox, its executor's directory and its framework's: …/frameworks/F/executors/E/runs/C. Of a standalone container, itself. */
  #lineage(sandbox: string): string[] {
    if (dirname(sandbox) === this.#standalone) return [sandbox];
    if (basename(dirname(sandbox)) !== 'runs') return [];
    const executor = dirname(dirname(sandbox));
    return [sandbox, executor, dirname(dirname(executor))];
  }

  get #standalone(): string {
    return join(this.#options.workDirectory, 'containers');
  }

  get #trash(): string {
    return join(this.#options.workDirectory, 'gc');
  }

  async #remove(path: string): Promise<void> {
    const away = join(this.#trash, randomUUID());
    const moved = mkdir(this.#trash, { recursive: true }).then(() => rename(path, away));
    this.#leaving = moved.catch(() => undefined);
    try {
      await moved;
      await rm(away, { recursive: true, force: true });
      this.removals.succeeded++;
    } catch (error) {
      // Gone with the directory that it was in.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.removals.succeeded++;
      else {
        this.removals.failed++;
        this.#warn(path, error);
      }
    }
  }

  /** Milliseconds since the epoch. */
  async #schedulePast(path: string, changed: number): Promise<void> {
    if (this.#inUse.has(path) || this.#schedule.has(path)) return;
    this.#schedule.set(path, changed + this.#options.policy.delay * 1000);
  }

  async #usage(): Promise<number> {
    const { diskUsage, workDirectory } = this.#options;
    if (diskUsage !== undefined) return diskUsage();
    const { blocks, bfree } = await statfs(workDirectory);
    return blocks === 0 ? 0 : (blocks - bfree) / blocks;
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.after(this.#options.interval * 1000, () => {
      this.collect()
        .finally(() => this.#wait())
        .catch((error: unknown) => this.#warn(this.#options.workDirectory, error));
    });
  }

  #warn(path: string, error: unknown): void {
    this.#options.log.warn({ path, error: describeError(error) }, 'what is over cannot be removed');
  }
}

/** `time`: seconds. */
function touch(path: string, time: number): void {
  try {
    utimesSync(path, time, time);
  } catch {
    // It is gone.
  }
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

/** Milliseconds since the epoch: when a directory, or what is in it down to so many levels, was last changed. */
async function newest(path: string, depth: number): Promise<number> {
  const status = await lstat(path).catch(() => undefined);
  if (status === undefined) return 0;
  if (depth === 0 || !status.isDirectory()) return status.mtimeMs;
  const names = await readdir(path).catch(() => []);
  let last = status.mtimeMs;
  for (const name of names) last = Math.max(last, await newest(join(path, name), depth - 1));
  return last;
}
