import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogSinks } from './engine.ts';

const chunkSize = 64 * 1024;

/** Where a container's output is, and how long to go on reading it. */
export interface OutputSource {
  path(stream: 'stdout' | 'stderr'): string;
  /** Undefined: no more than there is now. Else resolves when nothing will be written any more. */
  over: Promise<void> | undefined;
  /** Whether what is there already is passed over. */
  fromNow?: boolean;
}

/** Copies both files into the sinks, see `Engine.logs`. Throws the signal's reason. */
export async function copyOutput(source: OutputSource, sinks: LogSinks, signal: AbortSignal): Promise<void> {
  await Promise.all((['stdout', 'stderr'] as const).map((stream) => copyFile(source, stream, sinks[stream], signal)));
}

async function copyFile(
  { path, over, fromNow = false }: OutputSource,
  stream: 'stdout' | 'stderr',
  sink: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const file = await openIfThere(path(stream));
  if (file === undefined) return;
  try {
    const place = { file, at: fromNow ? (await file.stat()).size : 0 };
    if (over === undefined) return void (await copyWhatIsThere(place, sink, signal));
    await follow(place, path(stream), over, sink, signal);
  } finally {
    await file.close();
  }
}

/** Where in a file the reader is. */
interface Place {
  file: FileHandle;
  /** Bytes. */
  at: number;
}

async function follow(
  place: Place,
  path: string,
  over: Promise<void>,
  sink: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  const watcher: FSWatcher = watch(path, wake);
  watcher.on('error', wake);
  signal.addEventListener('abort', wake);
  over.then(() => {
    ended = true;
    changed.resolve();
  }, wake);
  try {
    for (;;) {
      // Asked before the last reading: what was written before the end is there.
      const last = ended;
      changed = Promise.withResolvers<void>();
      await copyWhatIsThere(place, sink, signal);
      if (last) return;
      if (!ended) await changed.promise;
      signal.throwIfAborted();
    }
  } finally {
    watcher.close();
    signal.removeEventListener('abort', wake);
  }
}

/** To the file's end; from its beginning where it was put away since. */
async function copyWhatIsThere(place: Place, sink: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await place.file.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, place.at);
    if (bytesRead === 0) {
      if ((await place.file.stat()).size >= place.at) return;
      place.at = 0;
      continue;
    }
    place.at += bytesRead;
    await write(sink, buffer.subarray(0, bytesRead), signal);
  }
}

/** Copies a stream into a sink to its end, and no faster than that takes it. Throws the signal's reason. */
export async function handOn(
  source: AsyncIterable<Buffer>,
  sink: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source) await write(sink, chunk, signal);
}

/** Resolves when the sink has it: a slow one slows the reading down. */
function write(sink: NodeJS.WritableStream, chunk: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    sink.write(chunk, (error) => {
      signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
