import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { XzReadableStream } from 'xz-decompress';
import { ArchiveProblem, invalid } from './archive-problem.ts';
import { decompressBzip2 } from './bzip2.ts';
import type { Compression } from './fetch-plan.ts';

const chunkBytes = 256 * 1024;

/**
 * The file's contents, decompressed on the way and never held as a whole.
 * @throws ArchiveProblem while it is read, where it is damaged or cut off.
 */
export async function* decompressedFile(path: string, compression: Compression): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  try {
    yield* decompressed(file, compression);
  } catch (error) {
    // What the disk says is not the archive's fault.
    if (error instanceof ArchiveProblem || (error instanceof Error && 'syscall' in error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw invalid(`its ${compression} data is damaged or cut off (${cause})`, error);
  } finally {
    file.destroy();
  }
}

function decompressed(file: Readable, compression: Compression): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return file;
    case 'gzip':
      // The callback's error reaches the reader of the last stream as well.
      return pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {});
    case 'zstd':
      return pipeline(file, createZstdDecompress({ chunkSize: chunkBytes }), () => {});
    case 'bzip2':
      return decompressBzip2(file);
    case 'xz':
      return decompressXz(file);
  }
}

/** The decoder asks for input for ever when there is none left: an end that it did not expect is made an error. */
async function* decompressXz(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  async function* endless() {
    yield* file;
    throw new Error('unexpected end of file');
  }
  const reader = new XzReadableStream(ReadableStream.from(endless())).getReader();
  let finished = false;
  try {
    for (;;) {
      const step = await reader.read();
      if (step.done) break;
      if (step.value.byteLength > 0) yield step.value;
    }
    finished = true;
  } catch (error) {
    finished = true;
    throw error;
  } finally {
    // One decoder runs at a time in the whole process: one that is left half-way would stop all others.
    if (!finished) await reader.cancel();
  }
}
