import { once } from 'node:events';
import type { LogSinks } from './engine.ts';

const headerLength = 8;

/**
 * Takes the engine's mixed stream apart: frames of an 8-byte header (which stream, 3 unused bytes, the length) and that many bytes.
 * Resolves when the last byte is with the sinks; waits for a slow sink rather than keep its output in memory.
 * A frame may be cut anywhere; its bytes are handed on as they come.
 */
export async function demultiplex(source: AsyncIterable<Buffer>, sinks: LogSinks, signal: AbortSignal): Promise<void> {
  let header = Buffer.alloc(0);
  let sink = sinks.stdout;
  let left = 0;
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.length > 0) {
      if (left > 0) {
        const part = rest.subarray(0, left);
        left -= part.length;
        rest = rest.subarray(part.length);
        await write(sink, part, signal);
        continue;
      }
      const wanted = headerLength - header.length;
      header = Buffer.concat([header, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (header.length < headerLength) continue;
      sink = header[0] === 2 ? sinks.stderr : sinks.stdout;
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
  await Promise.all([flushed(sinks.stdout), flushed(sinks.stderr)]);
}

/** The output of a container with a terminal: one stream, without frames. */
export async function passThrough(source: AsyncIterable<Buffer>, sinks: LogSinks, signal: AbortSignal): Promise<void> {
  for await (const chunk of source) await write(sinks.stdout, chunk, signal);
  await flushed(sinks.stdout);
}

async function write(sink: NodeJS.WritableStream, bytes: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!sink.write(bytes)) await once(sink, 'drain', { signal });
}

/** An empty write is called back after all that were made before it. */
function flushed(sink: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write('', (error) => (error ? reject(error) : resolve()));
  });
}
