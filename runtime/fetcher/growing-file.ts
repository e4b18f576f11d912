import { type FileHandle, open } from 'node:fs/promises';
import type { Growth } from './growth.ts';
import { unlessAborted } from './unless-aborted.ts';
import { FetchProblem } from './uri-source.ts';

/** What is read at once; one that is larger costs some kernels more to write. */
export const pieceBytes = 256 * 1024;

/** The download had to begin again: what was read of it is void. */
export class BegunAgain extends FetchProblem {
  override readonly name = 'BegunAgain';

  constructor() {
    super('its download began again while it was being read');
  }
}

/**
 * A download's file, read while it comes in. Its last byte may be read before its digest is known; the end is told only
 * after that.
 * @throws BegunAgain; the download's own failure; the signal's reason; errors of the file system as they come.
 */
export class GrowingFile {
  readonly path: string;
  readonly #growth: Growth;
  readonly #beginning: number;
  readonly #signal: AbortSignal;
  #opened: Promise<FileHandle> | undefined;

  constructor(path: string, growth: Growth, signal: AbortSignal) {
    this.path = path;
    this.#growth = growth;
    this.#beginning = growth.beginnings;
    this.#signal = signal;
  }

  /** Waits until there are bytes after a position: a whole piece, or the last of the file. Gives how many; 0 at the end. */
  async available(at: number): Promise<number> {
    for (;;) {
      this.check();
      const bytes = this.#growth.bytes - at;
      if (bytes >= pieceBytes || this.#growth.isWhole) return Math.min(Math.max(bytes, 0), pieceBytes);
      await unlessAborted(this.#growth.changed, this.#signal);
    }
  }

  /** Waits for a piece and puts it into the buffer, which has room for one; gives its length, 0 at the end. */
  async read(buffer: Buffer, at: number): Promise<number> {
    const length = await this.available(at);
    if (length === 0) return 0;
    this.#opened ??= open(this.path);
    const file = await this.#opened;
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(buffer, done, length - done, at + done);
      if (bytesRead === 0) throw new Error(`${this.path} was cut short`);
      done += bytesRead;
    }
    this.check();
    return length;
  }

  /** The pieces from a position on. */
  async *from(start: number): AsyncGenerator<Uint8Array> {
    for (let at = start; ; ) {
      const piece = Buffer.allocUnsafe(pieceBytes);
      const length = await this.read(piece, at);
      if (length === 0) return;
      at += length;
      yield piece.subarray(0, length);
    }
  }

  async close(): Promise<void> {
    const file = await this.#opened?.catch(() => undefined);
    await file?.close();
  }

  /** @throws where what was read is not to be used. */
  check(): void {
    this.#signal.throwIfAborted();
    this.#growth.throwIfFailed();
    if (this.#growth.beginnings !== this.#beginning) throw new BegunAgain();
  }
}
