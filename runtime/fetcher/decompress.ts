import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import xz from 'xz-decompress';
import { ArchiveProblem, invalid } from './archive-problem.ts';
import { decompressBzip2 } from './bzip2.ts';
import type { Compression } from './fetch-plan.ts';
import { FetchProblem } from './uri-source.ts';

const chunkBytes = 256 * 1024;
const mostZstdFrames = 10_000;

/** A file whose bytes from any position on can be read, while it comes in too. */
export interface CompressedFile {
  from(start: number): AsyncGenerator<Uint8Array>;
}

/**
 * The file's contents, decompressed on the way and never held as a whole.
 * @throws ArchiveProblem while it is read, where it is damaged or cut off; what the file throws as it comes.
 */
export async function* decompressed(file: CompressedFile, compression: Compression): AsyncGenerator<Uint8Array> {
  const chunks = await unlessEmpty(file.from(0));
  if (chunks === undefined) throw invalid('it is empty');
  try {
    yield* decompressChunks(chunks, compression, file);
  } catch (error) {
    // What the disk or the download says is not the archive's fault.
    const isOurs = error instanceof ArchiveProblem || error instanceof FetchProblem;
    if (isOurs || (error instanceof Error && 'syscall' in error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw invalid(`its ${compression} data is damaged or cut off (${cause})`, error);
  }
}

async function* decompressChunks(
  chunks: AsyncGenerator<Uint8Array>,
  compression: Compression,
  file: CompressedFile,
): AsyncGenerator<Uint8Array> {
  switch (compression) {
    case 'none':
      return yield* chunks;
    case 'gzip':
      // The callback's error reaches the reader of the last stream as well.
      return yield* pipeline(chunks, createGunzip({ chunkSize: chunkBytes }), () => {});
    case 'bzip2':
      return yield* decompressBzip2(chunks);
    case 'xz':
      return yield* decompressXz(chunks);
    case 'zstd':
      return yield* decompressZstd(chunks, file);
  }
}

/** Node's decoder stops where the first frame ends; parallel compressors write many. */
async function* decompressZstd(first: AsyncGenerator<Uint8Array>, file: CompressedFile): AsyncGenerator<Uint8Array> {
  let start = 0;
  let chunks: AsyncGenerator<Uint8Array> | undefined = first;
  for (let frame = 0; chunks !== undefined; frame += 1) {
    if (frame === mostZstdFrames) throw new Error(`more than ${mostZstdFrames} frames`);
    const decoder = pipeline(chunks, createZstdDecompress({ chunkSize: chunkBytes }), () => {});
    try {
      yield* decoder;
      // What the decoder took; it leaves what follows the frame.
      if (decoder.bytesWritten === 0) throw new Error('no zstd frame');
      start += decoder.bytesWritten;
    } finally {
      decoder.destroy();
    }
    chunks = await unlessEmpty(file.from(start));
  }
}

async function unlessEmpty(chunks: AsyncGenerator<Uint8Array>): Promise<AsyncGenerator<Uint8Array> | undefined> {
  const first = await chunks.next();
  return first.done ? undefined : startingWith(first.value, chunks);
}

async function* startingWith(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* decompressXz(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new xz.XzReadableStream(ReadableStream.from(chunks)).getReader();
  let ended = false;
  try {
    for (;;) {
      const step = await reader.read();
      if (step.done) break;
      if (step.value.byteLength > 0) yield step.value;
    }
    ended = true;
  } catch (error) {
    ended = true;
    throw explainXz(error);
  } finally {
    // One decoder runs at a time in the whole process: one that is left half-way would stop all others.
    if (!ended) await reader.cancel();
  }
}

function explainXz(error: unknown): unknown {
  const code = error instanceof Error ? /error code (\d+)$/.exec(error.message)?.[1] : undefined;
  switch (code) {
    case '2':
    case '6':
      return invalid('its xz data needs a filter or checksum that is not supported; pack it with plain `xz`', error);
    case '3':
    case '4':
      return invalid('its xz data needs too much memory; pack it with `xz -6`', error);
    case '5':
      return new Error('not in xz format', { cause: error });
    case '8':
      return new Error('unexpected end, or something after it', { cause: error });
    default:
      return error;
  }
}
