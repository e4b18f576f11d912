import { Header, type HeaderData } from 'tar';
import type { ArchiveEntry } from './archive-entry.ts';
import { invalid, quoted, unsafe } from './archive-problem.ts';
import { BytesReader } from './bytes-reader.ts';

const blockBytes = 512;
const mostMetaBytes = 1024 * 1024;

const otherKinds: Readonly<Record<string, string>> = {
  CharacterDevice: 'a character device',
  BlockDevice: 'a block device',
  FIFO: 'a fifo',
};

/** What pax and GNU headers say about the entry that follows them. */
type Extension = Pick<HeaderData, 'path' | 'linkpath' | 'size' | 'mtime' | 'mode'>;

/**
 * The entries of an uncompressed tar archive: ustar, pax and GNU.
 * Reads the stream to its very end, so that a checksum at the end of a compressed one is looked at too.
 * @throws ArchiveProblem where it is damaged, cut off or holds what would be extracted wrongly.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const input = new BytesReader(source);
  let global: Extension = {};
  let next: Extension = {};
  try {
    for (;;) {
      const header = await readHeader(input, next, global);
      if (header === undefined) break;
      const size = header.size ?? 0;
      switch (header.type) {
        case 'ExtendedHeader':
        case 'OldExtendedHeader':
          next = { ...next, ...readPax(await readMeta(input, size)) };
          continue;
        case 'GlobalExtendedHeader': {
          const { path: _, linkpath: __, size: ___, ...rest } = readPax(await readMeta(input, size));
          global = { ...global, ...rest };
          continue;
        }
        case 'NextFileHasLongPath':
        case 'OldGnuLongPath':
          next = { ...next, path: readGnuName(await readMeta(input, size)) };
          continue;
        case 'NextFileHasLongLinkpath':
          next = { ...next, linkpath: readGnuName(await readMeta(input, size)) };
          continue;
        case 'TapeVolumeHeader':
        case 'SolarisACL':
          await skipBody(input, size, header.path ?? '');
          next = {};
          continue;
      }
      next = {};
      const body = new EntryBody(input, size, header.path ?? '');
      yield toEntry(header, body);
      await body.finish();
    }
    await input.skip(Number.POSITIVE_INFINITY);
  } finally {
    await input.close();
  }
}

/** The next header that is not padding; undefined at the end mark. */
async function readHeader(input: BytesReader, next: Extension, global: Extension): Promise<Header | undefined> {
  for (let zeroBlocks = 0; ; zeroBlocks += 1) {
    const block = await input.exactly(blockBytes);
    if (block.length === 0 && zeroBlocks > 0) return undefined;
    if (block.length < blockBytes) throw invalid('it is cut off: its end mark is missing');
    if (block.every((byte) => byte === 0)) {
      if (zeroBlocks === 1) return undefined;
      continue;
    }
    const header = decodeHeader(block, next, global);
    if (!header.cksumValid) throw invalid('a header in it has a wrong checksum');
    return header;
  }
}

function decodeHeader(block: Buffer, next: Extension, global: Extension): Header {
  try {
    const header = new Header(block, 0, next, global);
    // The decoder leaves these two to its own callers.
    if (next.path !== undefined) header.path = next.path;
    if (next.linkpath !== undefined) header.linkpath = next.linkpath;
    return header;
  } catch (error) {
    throw invalid('a header in it cannot be read', error);
  }
}

function toEntry(header: Header, body: EntryBody): ArchiveEntry {
  const path = header.path ?? '';
  if (path === '') throw invalid('an entry in it has no name');
  const common = {
    path,
    body,
    ...(header.mode === undefined ? {} : { mode: header.mode }),
    ...(header.mtime === undefined || Number.isNaN(header.mtime.getTime()) ? {} : { mtime: header.mtime }),
  };
  switch (header.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      return { ...common, kind: 'file' };
    case 'Directory':
    case 'GNUDumpDir':
      return { ...common, kind: 'directory' };
    case 'SymbolicLink':
      return { ...common, kind: 'symlink', target: header.linkpath ?? '' };
    case 'Link':
      return { ...common, kind: 'hardlink', target: header.linkpath ?? '' };
    case 'SparseFile':
      throw invalid(`entry ${quoted(path)} is a sparse file; pack it without --sparse`);
    default: {
      const what = otherKinds[header.type];
      if (what === undefined) throw invalid(`entry ${quoted(path)} is of an unknown type`);
      return { ...common, kind: 'other', what };
    }
  }
}

async function readMeta(input: BytesReader, size: number): Promise<Buffer> {
  if (size > mostMetaBytes) throw invalid(`a header in it is ${size} bytes long`);
  const bytes = await input.exactly(size);
  const padding = paddingOf(size);
  if (bytes.length < size || (await input.skip(padding)) < padding) throw invalid('it is cut off in a header');
  return bytes;
}

/** pax records: "LENGTH KEY=VALUE\n", the length counting itself and the line's end. */
function readPax(bytes: Buffer): Extension {
  const extension: Extension = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, Math.max(space, at)));
    if (!Number.isInteger(length) || length < 5 || at + length > bytes.length)
      throw invalid('a pax header is malformed');
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals < 1) throw invalid('a pax header is malformed');
    applyPax(extension, record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return extension;
}

function applyPax(extension: Extension, key: string, value: string): void {
  if (key.startsWith('GNU.sparse.')) throw invalid('it holds sparse files; pack it without --sparse');
  switch (key) {
    case 'path':
    case 'linkpath':
      if (value.includes('\0')) throw unsafe(`the name of entry ${quoted(value)} holds a NUL character`);
      extension[key] = value;
      break;
    case 'size':
      if (!/^\d{1,15}$/.test(value)) throw invalid('a pax header is malformed');
      extension.size = Number(value);
      break;
    case 'mtime':
      extension.mtime = new Date(Number(value) * 1000);
      break;
  }
}

function readGnuName(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const name = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  if (end >= 0 && bytes.subarray(end).some((byte) => byte !== 0)) {
    throw unsafe(`the name of entry ${quoted(name)} holds a NUL character`);
  }
  return name;
}

function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

async function skipBody(input: BytesReader, size: number, path: string): Promise<void> {
  await new EntryBody(input, size, path).finish();
}

class EntryBody implements AsyncIterable<Uint8Array> {
  readonly #input: BytesReader;
  readonly #size: number;
  readonly #path: string;
  #left: number;

  constructor(input: BytesReader, size: number, path: string) {
    this.#input = input;
    this.#size = size;
    this.#left = size;
    this.#path = path;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const part = await this.#input.some(this.#left);
      if (part === undefined) throw this.#cutOff();
      this.#left -= part.length;
      yield part;
    }
  }

  /** Goes to the next header: past what was not read, and the padding. */
  async finish(): Promise<void> {
    const rest = this.#left + paddingOf(this.#size);
    if ((await this.#input.skip(rest)) < rest) throw this.#cutOff();
    this.#left = 0;
  }

  #cutOff(): Error {
    return invalid(`it is cut off in entry ${quoted(this.#path)}`);
  }
}
