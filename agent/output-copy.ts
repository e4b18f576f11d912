import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Clock } from '../runtime/clock.ts';
import { type LogLimits, RotatingFile } from '../runtime/rotating-file.ts';
import type { ContainerName, Engine } from './engine/engine.ts';

/** A moment, after which a container whose output is at its end has ended, too, if it has. */
const partingMs = 3_000;

export interface OutputCopyOptions {
  engine: Engine;
  clock: Clock;
  container: ContainerName;
  sandbox: string;
  limits: LogLimits;
  /** Aborting it abandons the copy. */
  stop: AbortSignal;
}

/**
 * One container's output on its way into the files `stdout` and `stderr` of its sandbox.
 *
 *     [attach | follow] → finish
 *
 * An engine that hands out what is being written (`attach`, before the start) makes the container wait for the copy, so nothing is
 * lost however much it writes; what such an engine keeps of it may then be little. Should that break off, what the engine has kept
 * since is followed.
 */
export class OutputCopy {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #container: ContainerName;
  readonly #stdout: Counted;
  readonly #stderr: Counted;
  readonly #following = new AbortController();
  readonly #abandoned = new AbortController();
  #attached: Promise<void> | undefined;
  #followed: Promise<void> | undefined;
  /** Milliseconds since the epoch: the engine's own record is read from there on. */
  #since: number | undefined;
  #finishing = false;
  #skipped = 0;

  constructor({ engine, clock, container, sandbox, limits, stop }: OutputCopyOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#container = container;
    this.#stdout = { file: new RotatingFile(join(sandbox, 'stdout'), limits), base: 0 };
    this.#stderr = { file: new RotatingFile(join(sandbox, 'stderr'), limits), base: 0 };
    // A file that cannot be written, e.g. on a full disk, ends the copy.
    for (const { file } of [this.#stdout, this.#stderr]) file.on('error', (error) => this.abandon(error));
    if (stop.aborted) this.abandon(stop.reason);
    else
      stop.addEventListener('abort', () => this.abandon(stop.reason), { once: true, signal: this.#abandoned.signal });
  }

  /** Copies what the container is going to write. Before its start; resolves when it may be started. */
  async attach(): Promise<void> {
    if (this.#engine.attach === undefined) return;
    let last = this.#clock.now();
    const seen = (file: RotatingFile) =>
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          last = this.#clock.now();
          // Its failure abandons the copy, and is nobody else's.
          file.write(chunk, () => done());
        },
      });
    const sinks = { stdout: seen(this.#stdout.file), stderr: seen(this.#stderr.file) };
    const { ended } = await this.#engine.attach(this.#container, sinks, { signal: this.#abandoned.signal });
    this.#attached = ended.then(() => this.#resumeUnlessOver(() => last));
    this.#attached.catch(() => undefined);
  }

  get isAttached(): boolean {
    return this.#attached !== undefined;
  }

  /** Copies what comes, while the container runs. */
  follow(): void {
    const signal = AbortSignal.any([this.#following.signal, this.#abandoned.signal]);
    const sinks = { stdout: this.#stdout.file, stderr: this.#stderr.file };
    const since = this.#since === undefined ? {} : { since: this.#since };
    const followed = this.#engine.logs(this.#container, sinks, { ...since, follow: true, signal });
    this.#followed = followed.catch(() => undefined);
  }

  /** The container has ended: resolves when all of its output is in the files. Throws the reason when the copy is abandoned. */
  async finish(): Promise<void> {
    this.#finishing = true;
    const { signal } = this.#abandoned;
    const abandoned = new Promise<never>((_, reject) => {
      const giveUp = () => reject(signal.reason);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
    try {
      await Promise.race([this.#copyRest(), abandoned]);
    } finally {
      this.#close();
    }
  }

  abandon(reason: unknown): void {
    this.#abandoned.abort(reason);
  }

  /** The container never ran. */
  discard(): void {
    this.#finishing = true;
    this.#close();
  }

  /** Grows as long as the copy goes on. */
  get progress(): number {
    return this.#stdout.file.bytesWritten + this.#stderr.file.bytesWritten + this.#skipped;
  }

  /** What was attached to has ended, with the container or without it. */
  async #resumeUnlessOver(last: () => number): Promise<void> {
    for (let waited = 0; waited < partingMs && !this.#finishing; waited += 100)
      await new Promise<void>((resolve) => this.#clock.after(100, resolve));
    if (this.#finishing || this.#abandoned.signal.aborted) return;
    this.#since = last();
    for (const output of [this.#stdout, this.#stderr]) output.base = taken(output.file);
    this.follow();
  }

  /**
   * Docker engines of version 20.10 end a followed log with the container, whatever of it is still to be sent. So what was
   * followed is passed over, and the rest read from the whole.
   */
  async #copyRest(): Promise<void> {
    await this.#attached;
    if (this.#attached === undefined || this.#followed !== undefined) {
      this.#following.abort();
      await this.#followed;
      const followed = this.#followed !== undefined;
      const sinks = {
        stdout: followed ? this.#behind(this.#stdout) : this.#stdout.file,
        stderr: followed ? this.#behind(this.#stderr) : this.#stderr.file,
      };
      const since = this.#since === undefined ? {} : { since: this.#since };
      await this.#engine.logs(this.#container, sinks, { ...since, follow: false, signal: this.#abandoned.signal });
    }
    await Promise.all([end(this.#stdout.file), end(this.#stderr.file)]);
  }

  /** Takes the output from the beginning and hands on what the file does not have yet. */
  #behind({ file, base }: Counted): Writable {
    let known = taken(file) - base;
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const skipped = Math.min(known, chunk.length);
        known -= skipped;
        this.#skipped += skipped;
        if (skipped === chunk.length) done();
        else file.write(chunk.subarray(skipped), () => done());
      },
    });
  }

  #close(): void {
    // A failure that comes after this is of no interest.
    this.#abandoned.abort();
    this.#stdout.file.destroy();
    this.#stderr.file.destroy();
  }
}

interface Counted {
  readonly file: RotatingFile;
  /** Bytes that were taken before `#since`. */
  base: number;
}

function taken(file: RotatingFile): number {
  return file.bytesWritten + file.writableLength;
}

async function end(file: RotatingFile): Promise<void> {
  file.end();
  await finished(file);
}
