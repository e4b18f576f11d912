import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import xz from 'xz-decompress';
import { ArchiveProblem, invalid } from './archive-problem.ts';
import { decompressBzip2 } from './bzip2.ts';
import type { Compression } from './fetch-plan.ts';

const chunkBytes = 256 * 1024;
const mostZstdFrames = 10_000;

/**
 * The file's contents, decompressed on the way and never held as a whole.
 * @throws ArchiveProblem while it is read, where it is damaged or cut off.
 */
export async function* decompressedFile(path: string, compression: Compression): AsyncGenerator<Uint8Array> {
  const { size } = await stat(path);
  if (size === 0) throw invalid('it is empty');
  try {
    if (compression === 'zstd') yield* decompressZstd(path, size);
    else yield* decompressStream(path, compression);
  } catch (error) {
    // What the disk says is not the archive's fault.
    if (error instanceof ArchiveProblem || (error instanceof Error && 'syscall' in error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw invalid(`its ${compression} data is damaged or cut off (${cause})`, error);
  }
}

async function* decompressStream(path: string, compression: Exclude<Compression, 'zstd'>): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  try {
    switch (compression) {
      case 'none':
        return yield* file;
      case 'gzip':
        // The callback's error reaches the reader of the last stream as well.
        return yield* pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {});
      case 'bzip2':
        return yield* decompressBzip2(file);
      case 'xz':
        return yield* decompressXz(file);
    }
  } finally {
    file.destroy();
  }
}

/** Node's decoder stops where the first frame ends; parallel compressors write many. */
async function* decompressZstd(path: string, size: number): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (let frame = 0; start < size; frame += 1) {
    if (frame === mostZstdFrames) throw new Error(`more than ${mostZstdFrames} frames`);
    const file = createReadStream(path, { start, highWaterMark: chunkBytes });
    try {
      const decoder = pipeline(file, createZstdDecompress({ chunkSize: chunkBytes }), () => {});
      yield* decoder;
      // What the decoder took; it leaves what follows the frame.
      if (decoder.bytesWritten === 0) throw new Error('no zstd frame');
      start += decoder.bytesWritten;
    } finally {
      file.destroy();
    }
  }
}

async function* decompressXz(file: Readable): AsyncGenerator<Uint8Array> {
  const reader = new xz.XzReadableStream(ReadableStream.from(file)).getReader();
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
