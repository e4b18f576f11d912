import { close, constants, createWriteStream, open, type WriteStream, write, writev } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ContainerName, Engine } from './engine/engine.ts';

/** The sandbox is the task's to write in: a link in place of the file must not lead elsewhere, nor a pipe make the agent wait. */
const openFlags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * One container's output on its way into the files `stdout` and `stderr` of its sandbox.
 *
 *     [follow] → finish
 */
export class OutputCopy {
  readonly #engine: Engine;
  readonly #container: ContainerName;
  readonly #stdout: WriteStream;
  readonly #stderr: WriteStream;
  readonly #following = new AbortController();
  readonly #abandoned = new AbortController();
  #followed: Promise<void> | undefined;
  #skipped = 0;

  /** Aborting `stop` abandons the copy. */
  constructor(engine: Engine, container: ContainerName, sandbox: string, stop: AbortSignal) {
    this.#engine = engine;
    this.#container = container;
    this.#stdout = outputFile(join(sandbox, 'stdout'));
    this.#stderr = outputFile(join(sandbox, 'stderr'));
    // A file that cannot be written, e.g. on a full disk, ends the copy.
    for (const file of [this.#stdout, this.#stderr]) file.on('error', (error) => this.abandon(error));
    if (stop.aborted) this.abandon(stop.reason);
    else
      stop.addEventListener('abort', () => this.abandon(stop.reason), { once: true, signal: this.#abandoned.signal });
  }

  /** Copies what comes, while the container runs. */
  follow(): void {
    const signal = AbortSignal.any([this.#following.signal, this.#abandoned.signal]);
    const sinks = { stdout: this.#stdout, stderr: this.#stderr };
    this.#followed = this.#engine.logs(this.#container, sinks, { follow: true, signal }).catch(() => undefined);
  }

  /** The container has ended: resolves when all of its output is in the files. Throws the reason when the copy is abandoned. */
  async finish(): Promise<void> {
    const { signal } = this.#abandoned;
    const abandoned = new Promise<never>((_, reject) => {
      const giveUp = () => reject(signal.reason);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
    try {
      await Promise.race([this.#copyRest(), abandoned]);
    } finally {
      // A failure that comes after this is of no interest.
      this.#abandoned.abort();
      this.#stdout.destroy();
      this.#stderr.destroy();
    }
  }

  abandon(reason: unknown): void {
    this.#abandoned.abort(reason);
  }

  /** Grows as long as the copy goes on. */
  get progress(): number {
    return this.#stdout.bytesWritten + this.#stderr.bytesWritten + this.#skipped;
  }

  /**
   * Docker engines of version 20.10 end a followed log with the container, whatever of it is still to be sent. So what was
   * followed is passed over, and the rest read from the whole.
   */
  async #copyRest(): Promise<void> {
    this.#following.abort();
    await this.#followed;
    const followed = this.#followed !== undefined;
    const sinks = {
      stdout: followed ? this.#behind(this.#stdout) : this.#stdout,
      stderr: followed ? this.#behind(this.#stderr) : this.#stderr,
    };
    await this.#engine.logs(this.#container, sinks, { follow: false, signal: this.#abandoned.signal });
    await Promise.all([end(this.#stdout), end(this.#stderr)]);
  }

  /** Takes the output from the beginning and hands on what the file does not have yet. */
  #behind(file: WriteStream): Writable {
    let known = file.bytesWritten + file.writableLength;
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const skipped = Math.min(known, chunk.length);
        known -= skipped;
        this.#skipped += skipped;
        if (skipped === chunk.length) done();
        else file.write(chunk.subarray(skipped), done);
      },
    });
  }
}

function outputFile(path: string): WriteStream {
  type Opened = (error: NodeJS.ErrnoException | null, descriptor: number) => void;
  const openSafely = (file: string, _flags: string, mode: number, done: Opened) => open(file, openFlags, mode, done);
  return createWriteStream(path, { fs: { open: openSafely, write, writev, close } });
}

async function end(file: WriteStream): Promise<void> {
  file.end();
  await finished(file);
}
