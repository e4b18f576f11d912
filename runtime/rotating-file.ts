import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';

export interface LogLimits {
  /** Bytes of one file; 0 for no limit. */
  maxSize: number;
  /** Files at the most, the one that is written to included. */
  files: number;
}

/** The sandbox is the task's to write in: a link in place of the file must not lead elsewhere, nor a pipe make the agent wait. */
const openFlags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const lineEnd = 10;

/**
 * A file to append to, that is put away when it is full: `stdout` becomes `stdout.1`, that becomes `stdout.2`, the oldest goes.
 *
 * INVARIANTS
 * - The files in order, oldest first, are what was written, without a gap; a line is in two of them only if it fits into none.
 * - No file is longer than `maxSize`; one that was put away is not written to any more.
 */
export class RotatingFile extends Writable {
  /** Of what was written here, to whichever file. */
  bytesWritten = 0;
  readonly #path: string;
  readonly #limits: LogLimits;
  #file: FileHandle | undefined;
  #size = 0;
  #atLineStart = true;

  constructor(path: string, limits: LogLimits) {
    super();
    this.#path = path;
    this.#limits = limits;
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#open().then(() => done(), done);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#append(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#append(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const closed = this.#file?.close() ?? Promise.resolve();
    closed.then(
      () => done(error),
      () => done(error),
    );
  }

  async #open(): Promise<void> {
    this.#file = await open(this.#path, openFlags, 0o666);
    this.#size = (await this.#file.stat()).size;
    this.#atLineStart = true;
  }

  async #append(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const cut = cutAt(rest, this.#room(), this.#atLineStart && this.#size > 0);
      if (cut > 0) await this.#put(rest.subarray(0, cut));
      rest = rest.subarray(cut);
      if (rest.length > 0) await this.#rotate();
    }
  }

  async #put(part: Buffer): Promise<void> {
    await this.#file?.appendFile(part);
    this.#size += part.length;
    this.bytesWritten += part.length;
    this.#atLineStart = part.at(-1) === lineEnd;
  }

  #room(): number {
    return this.#limits.maxSize === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#limits.maxSize - this.#size);
  }

  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const name = (age: number) => (age === 0 ? this.#path : `${this.#path}.${age}`);
    let oldest = 0;
    while (oldest < this.#limits.files - 1 && (await isThere(name(oldest + 1)))) oldest++;
    // The one too many, or what the task put in its place.
    if (oldest === this.#limits.files - 1) await rm(name(oldest--), { recursive: true, force: true });
    for (let age = oldest; age >= 0; age--) await rename(name(age), name(age + 1)).catch(unlessMissing);
    await this.#open();
  }
}

/** How much of a chunk goes into a file that has room for so many bytes: whole lines, where a file can hold them. */
export function cutAt(chunk: Buffer, room: number, afterLine: boolean): number {
  if (chunk.length <= room) return chunk.length;
  const end = room === 0 ? 0 : chunk.lastIndexOf(lineEnd, room - 1) + 1;
  if (end > 0) return end;
  return afterLine ? 0 : room;
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
