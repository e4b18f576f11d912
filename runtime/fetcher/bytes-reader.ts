/** Reads exact numbers of bytes from a stream of chunks of any size. */
export class BytesReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, at least one; undefined at the end. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#buffer.length === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) return undefined;
      this.#buffer = chunk;
    }
    const part = this.#buffer.subarray(0, most);
    this.#buffer = this.#buffer.subarray(part.length);
    return part;
  }

  /** Exactly `count` bytes, fewer only where the stream ends. */
  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === undefined) break;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Reads on and throws away; says how many bytes there were, at most `count`. */
  async skip(count: number): Promise<number> {
    let skipped = 0;
    while (skipped < count) {
      const part = await this.some(count - skipped);
      if (part === undefined) break;
      skipped += part.length;
    }
    return skipped;
  }

  /** Gives back bytes that were read too far. */
  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    const step = await this.#chunks.next();
    if (step.done === true) return undefined;
    return Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
  }
}
