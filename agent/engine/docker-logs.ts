import { once } from 'node:events';
import type { LogSinks } from './engine.ts';

const headerLength = 8;

/**
 * Takes the engine's mixed stream apart: frames of an 8-byte header (which stream, 3 unused bytes, the length) and that many bytes.
 * Resolves when the last byte is with the sinks; waits for a slow sink rather than keep its output in memory.
 * A frame may be cut anywhere; its bytes are handed on as they come, those of neighbouring frames together, because the engine
 * makes a frame of every line.
 */
export async function demultiplex(source: AsyncIterable<Buffer>, sinks: LogSinks, signal: AbortSignal): Promise<void> {
  const frames = new FrameReader();
  for await (const chunk of source) {
    for (const { stream, parts } of frames.take(chunk)) await write(sinks[stream], Buffer.concat(parts), signal);
  }
  await Promise.all([flushed(sinks.stdout), flushed(sinks.stderr)]);
}

interface Run {
  stream: 'stdout' | 'stderr';
  parts: Buffer[];
}

/** Keeps its place in a frame between two chunks. */
class FrameReader {
  private header = Buffer.alloc(0);
  private stream: Run['stream'] = 'stdout';
  private left = 0;

  /** The chunk's content in order, as runs of one stream each. */
  take(chunk: Buffer): Run[] {
    const runs: Run[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.left === 0) {
        at = this.takeHeader(chunk, at);
        continue;
      }
      const part = chunk.subarray(at, at + this.left);
      at += part.length;
      this.left -= part.length;
      const last = runs.at(-1);
      if (last?.stream === this.stream) last.parts.push(part);
      else runs.push({ stream: this.stream, parts: [part] });
    }
    return runs;
  }

  /** Where the header ends, or the chunk before it. */
  private takeHeader(chunk: Buffer, at: number): number {
    const end = at + headerLength - this.header.length;
    const header = Buffer.concat([this.header, chunk.subarray(at, end)]);
    if (header.length < headerLength) {
      this.header = header;
      return chunk.length;
    }
    this.header = Buffer.alloc(0);
    this.stream = header[0] === 2 ? 'stderr' : 'stdout';
    this.left = header.readUInt32BE(4);
    return end;
  }
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
