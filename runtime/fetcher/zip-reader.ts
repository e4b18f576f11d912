import { constants } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl';
import type { ArchiveEntry } from './archive-entry.ts';
import { ArchiveProblem, invalid, quoted } from './archive-problem.ts';

const unixHosts = new Set([3, 19]);
const mostTargetBytes = 4096;

/**
 * The entries of a zip archive, as its central directory lists them.
 * @throws ArchiveProblem where it is damaged, encrypted or packed by a method other than store and deflate.
 */
export async function* readZip(path: string): AsyncGenerator<ArchiveEntry> {
  // Names are decoded and judged here, as those of tar archives are.
  const zip = await orInvalid(openPromise(path, { decodeStrings: false, autoClose: false }));
  zip.on('error', () => {});
  try {
    const entries = zip.eachEntry();
    for (;;) {
      const step = await orInvalid(entries.next());
      if (step.done === true) return;
      yield await toEntry(zip, step.value);
    }
  } finally {
    zip.close();
  }
}

async function toEntry(zip: ZipFile, entry: Entry): Promise<ArchiveEntry> {
  const path = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
  if (entry.isEncrypted()) throw invalid(`entry ${quoted(path)} is encrypted`);
  if (!entry.canDecodeFileData()) {
    throw invalid(
      `entry ${quoted(path)} is packed by method ${entry.compressionMethod}; only store and deflate are known`,
    );
  }
  const unixMode = unixHosts.has(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const mtime = entry.getLastModDate();
  const body = bodyOf(zip, entry, path);
  const common = {
    path,
    body,
    ...(unixMode === 0 ? {} : { mode: unixMode & 0o7777 }),
    ...(Number.isNaN(mtime.getTime()) ? {} : { mtime }),
  };
  if (path.endsWith('/')) return { ...common, kind: 'directory' };
  switch (unixMode & constants.S_IFMT) {
    case 0:
    case constants.S_IFREG:
      return { ...common, kind: 'file' };
    case constants.S_IFDIR:
      return { ...common, kind: 'directory' };
    case constants.S_IFLNK:
      return { ...common, kind: 'symlink', target: await readTarget(body, path) };
    default:
      return { ...common, kind: 'other', what: 'a device, fifo or socket' };
  }
}

async function readTarget(body: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > mostTargetBytes) throw invalid(`symbolic link ${quoted(path)} has too long a target`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function* bodyOf(zip: ZipFile, entry: Entry, path: string): AsyncGenerator<Uint8Array> {
  const stream = await orInvalid(zip.openReadStreamPromise(entry));
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  let checksum = 0;
  try {
    for (;;) {
      const step = await orInvalid(chunks.next());
      if (step.done === true) break;
      checksum = crc32(step.value, checksum);
      yield step.value;
    }
  } finally {
    stream.destroy();
  }
  if (checksum !== entry.crc32) throw invalid(`entry ${quoted(path)} is damaged: its checksum is wrong`);
}

/** Every failure of the zip library is about the archive, but for those of the disk. */
async function orInvalid<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof ArchiveProblem || (error instanceof Error && 'syscall' in error)) throw error;
    throw invalid(`it is not a whole zip archive (${error instanceof Error ? error.message : String(error)})`, error);
  }
}
