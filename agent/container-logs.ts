import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describeError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Engine } from './engine/engine.ts';
import type { TaskRecord } from './state.ts';

// Short tasks are over by then, and their output is read once instead of being followed.
const followAfterMs = 250;
// How long the end of a task waits for an engine that does not hand out its output.
const patienceMs = 5_000;

interface Following {
  cancel: () => void;
  done: Promise<void> | undefined;
}

/** Brings containers' output into the files `stdout` and `stderr` of their sandboxes. */
export class ContainerLogs {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #following = new Map<string, Following>();
  readonly #stopping = new AbortController();

  constructor(options: { engine: Engine; clock: Clock; log: Log }) {
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** The container runs: its output is followed, unless it ends first. */
  started(task: TaskRecord): void {
    const following: Following = { cancel: () => undefined, done: undefined };
    following.cancel = this.#clock.after(followAfterMs, () => {
      following.done = this.#copy(task, true);
    });
    this.#following.set(task.key, following);
  }

  /** The container ended: resolves when all of its output is in the files, or it cannot be had. */
  async ended(task: TaskRecord): Promise<void> {
    const following = this.#following.get(task.key);
    this.#following.delete(task.key);
    following?.cancel();
    let cancel = () => {};
    const patience = new Promise<void>((resolve) => {
      cancel = this.#clock.after(patienceMs, resolve);
    });
    await Promise.race([following?.done ?? this.#copy(task, false), patience]);
    cancel();
  }

  stop(): void {
    for (const { cancel } of this.#following.values()) cancel();
    this.#stopping.abort();
  }

  async #copy(task: TaskRecord, follow: boolean): Promise<void> {
    const stdout = createWriteStream(join(task.sandbox, 'stdout'), { flags: 'a' });
    const stderr = createWriteStream(join(task.sandbox, 'stderr'), { flags: 'a' });
    try {
      await this.#engine.logs(task.containerName, { stdout, stderr }, { follow, signal: this.#stopping.signal });
      await Promise.all([close(stdout), close(stderr)]);
    } catch (error) {
      stdout.destroy();
      stderr.destroy();
      if (!this.#stopping.signal.aborted)
        this.#log.warn({ task: task.key, error: describeError(error) }, 'output is incomplete');
    }
  }
}

async function close(stream: NodeJS.WritableStream): Promise<void> {
  stream.end();
  await finished(stream);
}
