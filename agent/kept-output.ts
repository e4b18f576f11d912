import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * What of a container's output is in its sandbox already, as far as it is needed to find the place in the engine's own record of it
 * from where on it is to be copied. That record may have lost its beginning, is some lines behind, and has U+FFFD for each byte that is no UTF-8.
 */
export interface KeptOutput {
  /** Bytes of all files. */
  size: number;
  /** What the oldest file begins with. As the engine records it, as are the other two. */
  head: Buffer;
  /** What ends with the last line that is complete: the record has it, where it has kept so much. */
  tail: Buffer;
  /** Bytes behind the tail: of a line whose end is still to come. */
  unfinished: number;
  /** Bytes before the tail, at the least. */
  before: number;
}

/** So much of the end tells it from all that came before. */
const telling = 8 * 1024;
/** Engines record a line when it is complete, or has grown to this. */
const longestUnrecorded = 16 * 1024;
const lineEnd = 10;

/** Begins the line that says that something is missing. */
export const gapNotice = 'mesita: output is missing here';

export const nothingKept: KeptOutput = {
  size: 0,
  head: Buffer.alloc(0),
  tail: Buffer.alloc(0),
  unfinished: 0,
  before: 0,
};

/** What `path` and those that were put away of it hold; `files` at the most. */
export async function readKeptOutput(path: string, files: number): Promise<KeptOutput> {
  const names = Array.from({ length: files }, (_, age) => (age === 0 ? path : `${path}.${age}`)).reverse();
  const handles = (await Promise.all(names.map(openThere))).filter((handle) => handle !== undefined);
  try {
    const sizes = await Promise.all(handles.map(async (handle) => (await handle.stat()).size));
    const head = handles[0] === undefined ? Buffer.alloc(0) : await part(handles[0], 0, telling);
    const size = sizes.reduce((sum, each) => sum + each, 0);
    return { size, head: asRecorded(wholeRunes(head)), ...split(await endOf(handles, sizes), size) };
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** The task may have put something else there. */
async function openThere(path: string): Promise<FileHandle | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch {
    // Not there, or not for us.
  }
  return undefined;
}

async function part(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}

async function endOf(handles: readonly FileHandle[], sizes: readonly number[]): Promise<Buffer> {
  const wanted = telling + longestUnrecorded;
  let end = Buffer.alloc(0);
  for (let index = handles.length - 1; index >= 0 && end.length < wanted; index--) {
    const [handle, size = 0] = [handles[index], sizes[index]];
    const length = Math.min(size, wanted - end.length);
    if (handle !== undefined) end = Buffer.concat([await part(handle, size - length, length), end]);
  }
  return end;
}

function split(end: Buffer, size: number): Pick<KeptOutput, 'tail' | 'unfinished' | 'before'> {
  const lines = end.lastIndexOf(lineEnd) + 1;
  const complete = lines > 0 ? lines : runeFrom(end, Math.max(0, end.length - longestUnrecorded));
  // What was noted here, nobody else has recorded.
  const notice = end.lastIndexOf(gapNotice, complete);
  const noted = notice < 0 ? 0 : end.indexOf(lineEnd, notice) + 1;
  const first = runeFrom(end, Math.max(noted, complete - telling));
  const unfinished = end.subarray(complete);
  const cut = wholeRunes(unfinished);
  return {
    tail: asRecorded(end.subarray(first, complete)),
    // The rest of a cut character will come.
    unfinished: asRecorded(cut).length + unfinished.length - cut.length,
    before: size - end.length + first,
  };
}

/** Where the next character begins. */
function runeFrom(bytes: Buffer, at: number): number {
  const next = [0, 1, 2, 3].find((further) => ((bytes[at + further] ?? 0) & 0xc0) !== 0x80);
  return Math.min(bytes.length, at + (next ?? 0));
}

/** Without the piece of a character that a cut has left at the end. */
function wholeRunes(bytes: Buffer): Buffer {
  const ends = [0, 1, 2, 3].map((cut) => bytes.subarray(0, Math.max(0, bytes.length - cut)));
  return ends.find((whole) => isUtf8(whole)) ?? bytes;
}

const replacement = Buffer.from('\ufffd');

/** Source: how Docker's json-file log writes what is no UTF-8. */
function asRecorded(bytes: Buffer): Buffer {
  if (isUtf8(bytes)) return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((some) => at + some <= bytes.length && isUtf8(bytes.subarray(at, at + some)));
    parts.push(length === undefined ? replacement : bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return Buffer.concat(parts);
}
