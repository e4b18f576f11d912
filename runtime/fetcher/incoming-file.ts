import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Growth } from './growth.ts';

const flushBytes = 512 * 1024;

/**
 * A file that is written while it comes in, and hashed on the way where that is wanted. While one piece is being written the next is
 * gathered, so that neither the network nor the disk waits for the other.
 */
export class IncomingFile {
  readonly #file: FileHandle;
  readonly #growth: Growth;
  readonly #hashes: boolean;
  #hash = createHash('sha256');
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  private constructor(file: FileHandle, growth: Growth, hashes: boolean) {
    this.#hashes = hashes;
    this.#file = file;
    this.#growth = growth;
  }

  /** Makes the file, for the agent's eyes alone; fails where there is one. Tells the growth of what is written. */
  static async create(path: string, growth: Growth, hashes: boolean): Promise<IncomingFile> {
    return new IncomingFile(await open(path, 'wx', 0o600), growth, hashes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#hashes) this.#hash.update(chunk);
    this.#bytes += chunk.byteLength;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.byteLength;
    if (this.#gatheredBytes >= flushBytes) await this.#flush();
  }

  /** Forgets what came so far. */
  async restart(): Promise<void> {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#writing;
    // Before the first byte is gone, so that nobody takes a mixture for the file.
    this.#growth.beginAgain();
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#bytes = 0;
  }

  /** The digest in lower-case hexadecimal, where it hashes; everything is written then. */
  async finish(): Promise<string | undefined> {
    await this.#flush();
    await this.#writing;
    return this.#hashes ? this.#hash.digest('hex') : undefined;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#file.close();
  }

  /** Waits for the write before, whose failure is heard here. */
  async #flush(): Promise<void> {
    const [chunks, length] = [this.#gathered, this.#gatheredBytes];
    const position = this.#bytes - length;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#writing;
    this.#writing = this.#write(chunks, position, length);
    this.#writing.catch(() => {});
  }

  async #write(chunks: readonly Uint8Array[], position: number, length: number): Promise<void> {
    if (length === 0) return;
    const { bytesWritten } = await this.#file.writev(chunks, position);
    // A disk that is nearly full takes a part first, and says why when asked for the rest.
    if (bytesWritten < length) await this.#writeRest(Buffer.concat(chunks), position, bytesWritten);
    this.#growth.grow(position + length);
  }

  async #writeRest(bytes: Buffer, position: number, written: number): Promise<void> {
    let done = written;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}
