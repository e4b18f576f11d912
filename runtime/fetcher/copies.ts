import { type FileHandle, open } from 'node:fs/promises';
import { BegunAgain, type GrowingFile, pieceBytes } from './growing-file.ts';
import { unlessAborted } from './unless-aborted.ts';

interface Copy {
  readonly file: FileHandle;
  readonly signal: AbortSignal;
  readonly done: PromiseWithResolvers<void>;
  /** How far it is. */
  at: number;
}

/**
 * Copies of a file that comes in, made while it does. What is furthest behind goes first, so that those who came late catch
 * up and all go on together: each piece is read once then, into the same memory, and written to all.
 */
export class Copies {
  readonly #follow: () => GrowingFile;
  readonly #copies = new Set<Copy>();
  #running = false;

  constructor(follow: () => GrowingFile) {
    this.#follow = follow;
  }

  /** Resolves when the whole file is at the path; throws the download's failure, the disk's or the signal's reason. */
  async add(path: string, signal: AbortSignal): Promise<void> {
    const file = await open(path, 'w', 0o600);
    const copy: Copy = { file, signal, done: Promise.withResolvers(), at: 0 };
    this.#copies.add(copy);
    if (!this.#running) void this.#run();
    await unlessAborted(copy.done.promise, signal);
  }

  async #run(): Promise<void> {
    this.#running = true;
    const buffer = Buffer.allocUnsafe(pieceBytes);
    let from = this.#follow();
    while (this.#copies.size > 0) {
      try {
        await this.#goOn(from, buffer);
      } catch (error) {
        for (const copy of this.#copies) {
          if (error instanceof BegunAgain) copy.at = 0;
          else await this.#end(copy, { error });
        }
        await from.close();
        from = this.#follow();
      }
    }
    this.#running = false;
    await from.close();
  }

  /** One piece more for those who are furthest behind. */
  async #goOn(from: GrowingFile, buffer: Buffer): Promise<void> {
    const at = Math.min(...[...this.#copies].map((copy) => copy.at));
    const length = await from.read(buffer, at);
    const behind = [...this.#copies].filter((copy) => copy.at === at);
    await Promise.all(behind.map((copy) => this.#write(copy, buffer.subarray(0, length))));
  }

  async #write(copy: Copy, piece: Buffer): Promise<void> {
    try {
      copy.signal.throwIfAborted();
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await copy.file.write(piece, done, piece.length - done, copy.at + done);
        done += bytesWritten;
      }
      copy.at += piece.length;
      if (piece.length > 0) return;
      // It may have been longer before it began again.
      await copy.file.truncate(copy.at);
      await this.#end(copy);
    } catch (error) {
      await this.#end(copy, { error });
    }
  }

  async #end(copy: Copy, failure?: { error: unknown }): Promise<void> {
    this.#copies.delete(copy);
    await copy.file.close().catch((error: unknown) => copy.done.reject(error));
    if (failure === undefined) copy.done.resolve();
    else copy.done.reject(failure.error);
  }
}
