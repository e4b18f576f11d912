/** A ZooKeeper message being written: big-endian numbers, and a length before each text, buffer and list. */
export class JuteWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return this.#add(bytes);
  }

  long(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return this.#add(bytes);
  }

  flag(value: boolean): this {
    return this.#add(Buffer.of(value ? 1 : 0));
  }

  buffer(value: Uint8Array): this {
    return this.int(value.length).#add(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value));
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.int(values.length);
    for (const value of values) write(value);
    return this;
  }

  /** With its length before it, as it goes over a connection. */
  frame(): Buffer {
    const content = Buffer.concat(this.#parts);
    const length = Buffer.alloc(4);
    length.writeInt32BE(content.length);
    return Buffer.concat([length, content]);
  }

  #add(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }
}

/** A ZooKeeper message being read; throws RangeError where it is shorter than it should be. */
export class JuteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  long(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  flag(): boolean {
    return this.#bytes.readUInt8(this.#at++) !== 0;
  }

  /** A copy, which does not hold the rest of the message. */
  buffer(): Buffer {
    // -1 stands for none.
    const length = Math.max(0, this.int());
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a ZooKeeper message is shorter than it says');
    const value = Buffer.from(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return value;
  }

  text(): string {
    return this.buffer().toString();
  }

  list<T>(read: () => T): T[] {
    const length = Math.max(0, this.int());
    return Array.from({ length }, read);
  }
}
