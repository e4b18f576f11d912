// RecordIO frames a stream of messages: `<decimal byte length>\n<bytes>`, over and over, with nothing in between.

const newline = 0x0a;
/** A length of more digits is no length: 2^64 has 20. */
const longestHeader = 20;

/** Frames one record. The result is one buffer, to be written at once: clients in the field expect a record a chunk. */
export function encodeRecord(payload: string | Uint8Array): Buffer {
  if (typeof payload === 'string') {
    const length = Buffer.byteLength(payload);
    return Buffer.from(`${length}\n${payload}`);
  }
  const header = Buffer.from(`${payload.length}\n`, 'latin1');
  const record = Buffer.allocUnsafe(header.length + payload.length);
  record.set(header);
  record.set(payload, header.length);
  return record;
}

export interface RecordDecoderOptions {
  /** The longest record that is taken, in bytes. */
  maximumLength: number;
}

/** `records` are those that the chunk completed, also when an `error` follows them. */
export interface DecodedRecords {
  records: Buffer[];
  error?: string;
}

/**
 * Takes a stream apart into records, wherever its chunks are cut.
 *
 * Invariants: at most one incomplete record is held, in a buffer that grows with what has arrived (not with what the
 * header promises, nor with the number of chunks) up to `maximumLength`; after an error nothing more is decoded, since
 * the next header cannot be found.
 */
export class RecordDecoder {
  readonly #maximumLength: number;
  #header = '';
  /** Length of the current record; undefined while its header is being read. */
  #length: number | undefined;
  /** The first `#received` bytes hold what has arrived of the current record. */
  #partial = Buffer.alloc(0);
  #received = 0;
  #error: string | undefined;

  constructor(options: RecordDecoderOptions) {
    this.#maximumLength = options.maximumLength;
  }

  /** Whether the stream may end here: not within a record, and not after an error. */
  get atBoundary(): boolean {
    return this.#error === undefined && this.#length === undefined && this.#header === '';
  }

  /** A record may share memory with the chunk that it came in. */
  push(chunk: Uint8Array): DecodedRecords {
    const records: Buffer[] = [];
    let position = 0;
    while (this.#error === undefined) {
      if (this.#length === undefined) {
        if (position >= chunk.length) break;
        position = this.#readHeader(chunk, position);
        continue;
      }
      const end = position + this.#length - this.#received;
      if (end > chunk.length) {
        this.#keep(chunk.subarray(position), this.#length);
        break;
      }
      records.push(this.#complete(chunk.subarray(position, end), this.#length));
      position = end;
    }
    return this.#error === undefined ? { records } : { records, error: this.#error };
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let position = start;
    for (; position < chunk.length; position++) {
      const byte = chunk[position] ?? newline;
      if (byte === newline) {
        this.#startRecord();
        return position + 1;
      }
      this.#header += String.fromCharCode(byte);
      if (byte < 0x30 || byte > 0x39 || this.#header.length > longestHeader) {
        this.#error = `The length of a record is no number: ${JSON.stringify(this.#header)}`;
        break;
      }
    }
    return position;
  }

  #startRecord(): void {
    const length = Number(this.#header);
    if (this.#header === '') this.#error = 'The length of a record is missing';
    else if (length > this.#maximumLength) {
      this.#error = `A record of ${this.#header} bytes is longer than the ${this.#maximumLength} that are taken`;
    }
    this.#header = '';
    this.#length = length;
  }

  #keep(part: Uint8Array, length: number): void {
    const received = this.#received + part.length;
    if (received > this.#partial.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(length, Math.max(received, 2 * this.#partial.length)));
      this.#partial.copy(grown, 0, 0, this.#received);
      this.#partial = grown;
    }
    this.#partial.set(part, this.#received);
    this.#received = received;
  }

  #complete(last: Uint8Array, length: number): Buffer {
    this.#length = undefined;
    if (this.#received === 0) return Buffer.from(last.buffer, last.byteOffset, last.length);
    this.#keep(last, length);
    const record = this.#partial.subarray(0, length);
    this.#partial = Buffer.alloc(0);
    this.#received = 0;
    return record;
  }
}
