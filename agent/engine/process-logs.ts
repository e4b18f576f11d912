import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogSinks } from './engine.ts';

const chunkSize = 64 * 1024;

/** Where a container's output is, and how long to go on reading it. */
export interface OutputSource {
  path(stream: 'stdout' | 'stderr'): string;
  /** Undefined: no more than there is now. Else resolves when nothing will be written any more. */
  over: Promise<void> | undefined;
}

/** Copies both files into the sinks, see `Engine.logs`. Throws the signal's reason. */
export async function copyOutput(source: OutputSource, sinks: LogSinks, signal: AbortSignal): Promise<void> {
  await Promise.all((['stdout', 'stderr'] as const).map((stream) => copyFile(source, stream, sinks[stream], signal)));
}

async function copyFile(
  { path, over }: OutputSource,
  stream: 'stdout' | 'stderr',
  sink: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const file = await openIfThere(path(stream));
  if (file === undefined) return;
  try {
    if (over === undefined) return void (await copyWhatIsThere(file, sink, signal));
    await follow(file, path(stream), over, sink, signal);
  } finally {
    await file.close();
  }
}

async function follow(
  file: FileHandle,
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
      await copyWhatIsThere(file, sink, signal);
      if (last) return;
      if (!ended) await changed.promise;
      signal.throwIfAborted();
    }
  } finally {
    watcher.close();
    signal.removeEventListener('abort', wake);
  }
}

/** From where the file handle is to the file's end. */
async function copyWhatIsThere(file: FileHandle, sink: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, null);
    if (bytesRead === 0) return;
    await write(sink, buffer.subarray(0, bytesRead), signal);
  }
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
