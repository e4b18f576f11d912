import { BytesReader } from './bytes-reader.ts';

/*
 * A bzip2 decoder that needs one block of memory, whatever the archive holds. The ones on npm either want the whole file,
 * or (unbzip2-stream, last released in 2020) queue all the blocks that a piece of input decodes to at once: forty
 * bytes can stand for 45 MB, so that a small hostile file takes all memory before anybody can count.
 */

const blockMagic = 0x314159265359;
const endMagic = 0x177245385090;
const symbolsPerSelector = 50;
const longestCode = 20;
const mostSelectors = 18002;
const outputBytes = 128 * 1024;

/** Streams of one file follow one another, as pbzip2 writes them. Errors are plain; the caller says of which file. */
export async function* decompressBzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = new BytesReader(source);
  try {
    let level = await readStreamHeader(bytes);
    if (level === undefined) throw new Error('no bzip2 data');
    while (level !== undefined) {
      yield* decompressStream(bytes, level);
      level = await readStreamHeader(bytes);
    }
  } finally {
    await bytes.close();
  }
}

/** The block size in units of 100,000 bytes; undefined where no stream begins. */
async function readStreamHeader(bytes: BytesReader): Promise<number | undefined> {
  const header = (await bytes.exactly(4)).toString('latin1');
  if (header === '') return undefined;
  const level = /^BZh([1-9])$/.exec(header)?.[1];
  if (level === undefined) throw new Error('no bzip2 header');
  return Number(level);
}

async function* decompressStream(bytes: BytesReader, level: number): AsyncGenerator<Uint8Array> {
  const capacity = level * 100_000;
  // A block's codes are 20 bits a symbol at worst, its tables a few thousand bytes.
  const bits = new BitReader(bytes, Math.ceil(capacity * 2.5) + 64 * 1024);
  const transform = new Uint32Array(capacity);
  let combined = 0;
  for (;;) {
    await bits.fill();
    const magic = bits.read(24) * 0x1000000 + bits.read(24);
    const expected = bits.read(16) * 0x10000 + bits.read(16);
    if (magic === endMagic) {
      if (expected !== combined) throw new Error('wrong checksum of a stream');
      bits.finish();
      return;
    }
    if (magic !== blockMagic) throw new Error('no bzip2 block where one should be');
    const block = decodeBlock(bits, transform);
    const checksum = new Checksum();
    for (const chunk of undoRuns(transform, block.origin, block.length)) {
      checksum.add(chunk);
      yield chunk;
    }
    if (checksum.value !== expected) throw new Error('wrong checksum of a block');
    combined = (((combined << 1) | (combined >>> 31)) ^ expected) >>> 0;
  }
}

/** Fills `transform` with the block: low 8 bits the byte, the rest the place of its successor. */
function decodeBlock(bits: BitReader, transform: Uint32Array): { origin: number; length: number } {
  if (bits.read(1) === 1) throw new Error('a randomised block, which no bzip2 since 1996 writes');
  const origin = bits.read(24);
  const alphabet = readAlphabet(bits);
  const groups = bits.read(3);
  const selectorCount = bits.read(15);
  if (groups < 2 || groups > 6 || selectorCount === 0) throw new Error('a block with a wrong number of tables');
  const selectors = readSelectors(bits, groups, selectorCount);
  const codes: Code[] = [];
  for (let group = 0; group < groups; group += 1) codes.push(readCode(bits, alphabet.length + 2));

  const counts = new Uint32Array(256);
  const length = readSymbols(bits, alphabet, selectors, codes, transform, counts);
  if (origin >= length) throw new Error('a block whose start lies outside it');

  let sum = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const count = counts[byte] ?? 0;
    counts[byte] = sum;
    sum += count;
  }
  for (let i = 0; i < length; i += 1) {
    const byte = (transform[i] ?? 0) & 0xff;
    const place = counts[byte] ?? 0;
    counts[byte] = place + 1;
    transform[place] = (transform[place] ?? 0) | (i << 8);
  }
  return { origin, length };
}

/** The bytes that the block uses, in order. */
function readAlphabet(bits: BitReader): Uint8Array {
  const ranges = bits.read(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range += 1) {
    if ((ranges & (0x8000 >>> range)) === 0) continue;
    const members = bits.read(16);
    for (let i = 0; i < 16; i += 1) if ((members & (0x8000 >>> i)) !== 0) used.push(range * 16 + i);
  }
  if (used.length === 0) throw new Error('a block without bytes');
  return Uint8Array.from(used);
}

/** Which code each fifty symbols are written in. */
function readSelectors(bits: BitReader, groups: number, count: number): Uint8Array {
  const recent = Array.from({ length: groups }, (_, group) => group);
  const selectors = new Uint8Array(Math.min(count, mostSelectors));
  for (let i = 0; i < count; i += 1) {
    let place = 0;
    while (bits.read(1) === 1) {
      place += 1;
      if (place >= groups) throw new Error('a table that does not exist');
    }
    const [group = 0] = recent.splice(place, 1);
    recent.unshift(group);
    // Some encoders write more than a block can need.
    if (i < selectors.length) selectors[i] = group;
  }
  return selectors;
}

/** A canonical prefix code: for each length the largest code, and where its symbols begin in `symbols`. */
interface Code {
  shortest: number;
  largest: Int32Array;
  offset: Int32Array;
  symbols: Uint16Array;
}

function readCode(bits: BitReader, symbolCount: number): Code {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol += 1) {
    for (;;) {
      if (length < 1 || length > longestCode) throw new Error('a code of a wrong length');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const largest = new Int32Array(longestCode + 2).fill(-1);
  const offset = new Int32Array(longestCode + 2);
  const symbols = new Uint16Array(symbolCount);
  let placed = 0;
  let code = 0;
  for (let bitsLong = 1; bitsLong <= longestCode; bitsLong += 1) {
    code <<= 1;
    offset[bitsLong] = placed - code;
    for (let symbol = 0; symbol < symbolCount; symbol += 1) {
      if (lengths[symbol] !== bitsLong) continue;
      symbols[placed] = symbol;
      placed += 1;
      code += 1;
    }
    if (code > 1 << bitsLong) throw new Error('a code that is over-full');
    largest[bitsLong] = code - 1;
  }
  return { shortest: lengths.reduce((least, each) => Math.min(least, each), longestCode), largest, offset, symbols };
}

function readSymbol(bits: BitReader, code: Code): number {
  let length = code.shortest;
  let value = bits.read(length);
  while (value > (code.largest[length] ?? -1)) {
    length += 1;
    if (length > longestCode) throw new Error('a code that stands for nothing');
    value = (value << 1) | bits.read(1);
  }
  const symbol = code.symbols[value + (code.offset[length] ?? 0)];
  if (symbol === undefined) throw new Error('a code that stands for nothing');
  return symbol;
}

/** Undoes Huffman coding, zero runs and move-to-front. Returns the number of bytes; counts each byte value. */
function readSymbols(
  bits: BitReader,
  alphabet: Uint8Array,
  selectors: Uint8Array,
  codes: readonly Code[],
  transform: Uint32Array,
  counts: Uint32Array,
): number {
  const recent = alphabet.slice();
  const endOfBlock = alphabet.length + 1;
  let length = 0;
  let run = 0;
  let runWeight = 1;
  for (let group = 0; group < selectors.length; group += 1) {
    const code = codes[selectors[group] ?? 0];
    if (code === undefined) throw new Error('a table that does not exist');
    for (let i = 0; i < symbolsPerSelector; i += 1) {
      const symbol = readSymbol(bits, code);
      if (symbol < 2) {
        run += runWeight << symbol;
        runWeight <<= 1;
        if (run > transform.length) throw new Error('a block longer than it may be');
        continue;
      }
      if (run > 0) {
        const byte = recent[0] ?? 0;
        if (length + run > transform.length) throw new Error('a block longer than it may be');
        transform.fill(byte, length, length + run);
        counts[byte] = (counts[byte] ?? 0) + run;
        length += run;
        run = 0;
        runWeight = 1;
      }
      if (symbol === endOfBlock) return length;
      if (length === transform.length) throw new Error('a block longer than it may be');
      const place = symbol - 1;
      const byte = recent[place] ?? 0;
      recent.copyWithin(1, 0, place);
      recent[0] = byte;
      transform[length] = byte;
      counts[byte] = (counts[byte] ?? 0) + 1;
      length += 1;
    }
  }
  throw new Error('a block without an end');
}

/** Walks the block in its original order; four equal bytes are followed by how often the byte comes again. */
function* undoRuns(transform: Uint32Array, origin: number, length: number): Generator<Uint8Array> {
  let output = Buffer.allocUnsafe(outputBytes);
  let filled = 0;
  let place = (transform[origin] ?? 0) >>> 8;
  let previous = -1;
  let equal = 0;
  for (let i = 0; i < length; i += 1) {
    const node = transform[place] ?? 0;
    const byte = node & 0xff;
    place = node >>> 8;
    if (filled + 256 > outputBytes) {
      yield output.subarray(0, filled);
      output = Buffer.allocUnsafe(outputBytes);
      filled = 0;
    }
    if (equal === 4) {
      output.fill(previous, filled, filled + byte);
      filled += byte;
      equal = 0;
      previous = -1;
      continue;
    }
    equal = byte === previous ? equal + 1 : 1;
    previous = byte;
    output[filled] = byte;
    filled += 1;
  }
  if (filled > 0) yield output.subarray(0, filled);
}

/** CRC-32 with the highest bit first, as bzip2 alone has it. */
class Checksum {
  static readonly #table = Checksum.#makeTable();
  #crc = 0xffffffff;

  add(bytes: Uint8Array): void {
    const table = Checksum.#table;
    let crc = this.#crc;
    for (let i = 0; i < bytes.length; i += 1) crc = (crc << 8) ^ (table[(crc >>> 24) ^ (bytes[i] ?? 0)] ?? 0);
    this.#crc = crc;
  }

  get value(): number {
    return ~this.#crc >>> 0;
  }

  static #makeTable(): Int32Array {
    return Int32Array.from({ length: 256 }, (_, index) => {
      let crc = index << 24;
      for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
      return crc;
    });
  }
}

/** Bits of the stream, highest first. Holds at least one whole block after each `fill`. */
class BitReader {
  readonly #bytes: BytesReader;
  readonly #needed: number;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #bits = 0;
  #bitCount = 0;

  constructor(bytes: BytesReader, needed: number) {
    this.#bytes = bytes;
    this.#needed = needed;
  }

  async fill(): Promise<void> {
    const left = this.#buffer.length - this.#at;
    if (left >= this.#needed) return;
    // Twice what is needed, so that small blocks do not copy the rest each time.
    const more = await this.#bytes.exactly(2 * this.#needed - left);
    if (more.length === 0) return;
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), more]);
    this.#at = 0;
  }

  /** At most 24 bits. */
  read(count: number): number {
    while (this.#bitCount < count) {
      const byte = this.#buffer[this.#at];
      if (byte === undefined) throw new Error('unexpected end of file');
      this.#at += 1;
      this.#bits = ((this.#bits << 8) | byte) & 0xffffffff;
      this.#bitCount += 8;
    }
    this.#bitCount -= count;
    return (this.#bits >>> this.#bitCount) & ((1 << count) - 1);
  }

  /** Gives back what was read beyond the stream; the bits that fill its last byte are dropped. */
  finish(): void {
    this.#bytes.unread(this.#buffer.subarray(this.#at));
  }
}
