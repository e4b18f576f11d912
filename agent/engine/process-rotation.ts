import { readFileSync, statSync } from 'node:fs';
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const chunkSize = 1024 * 1024;
/** Milliseconds for processes to stop; one that the kernel holds up does not, and the file is put away another time. */
const patience = 200;

/** Who writes to the file. */
export interface Writers {
  /** Living processes, read anew. */
  pids(): number[];
  signal(pid: number, name: NodeJS.Signals): void;
}

/**
 * Puts a file away as `PATH.1` (what was `PATH.1` becomes `PATH.2`, the last of `files` goes) and empties it, while processes go on that have it open
 * to append. So that no line is lost they stand still for the moment between the last copied byte and the emptying, mostly some milliseconds.
 * INVARIANT: what is in `PATH.whole` is all of what `PATH` was before it was emptied; what is in `PATH.new` is there, too.
 */
export async function putAway(path: string, files: number, writers: Writers): Promise<void> {
  const source = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  const copy = `${path}.new`;
  try {
    await rm(copy, { recursive: true, force: true });
    const target = await open(copy, 'wx', 0o644);
    try {
      await copyRest(source, target);
      const empty = async () => {
        await copyRest(source, target);
        await rename(copy, wholeOf(path));
        await source.truncate(0);
      };
      if (!(await whileStopped(writers, empty))) return await rm(copy, { force: true });
    } finally {
      await target.close();
    }
    await moveUp(path, files);
  } finally {
    await source.close();
  }
}

/** Brings to its end what an agent began that was killed over it. */
export async function finishPutAway(path: string, files: number, { pids, signal }: Writers): Promise<void> {
  const copy = `${path}.new`;
  const begun = [copy, wholeOf(path)].filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
  if (begun.length === 0) return;
  if (begun.includes(wholeOf(path))) {
    if (await begins(path, wholeOf(path))) await rm(wholeOf(path), { force: true });
    else await moveUp(path, files);
  }
  await rm(copy, { recursive: true, force: true });
  // They stood still when the agent was killed.
  for (const pid of pids()) signal(pid, 'SIGCONT');
}

const wholeOf = (path: string) => `${path}.whole`;

async function moveUp(path: string, files: number): Promise<void> {
  const name = (age: number): string => (age === 0 ? wholeOf(path) : `${path}.${age}`);
  for (let age = files - 1; age >= 1; age--) {
    await rm(name(age), { recursive: age === files - 1, force: true }).catch(() => undefined);
    await rename(name(age - 1), name(age)).catch(() => undefined);
  }
  await rm(wholeOf(path), { force: true });
}

/** Whether the file has not been emptied since it was copied. */
async function begins(path: string, copy: string): Promise<boolean> {
  if (sizeOf(path) < sizeOf(copy)) return false;
  const [whole, part] = await Promise.all([open(path, constants.O_RDONLY | constants.O_NOFOLLOW), open(copy)]);
  try {
    const [one, other] = [Buffer.alloc(chunkSize), Buffer.alloc(chunkSize)];
    const { bytesRead } = await part.read(one, 0, chunkSize, 0);
    await whole.read(other, 0, bytesRead, 0);
    return one.subarray(0, bytesRead).equals(other.subarray(0, bytesRead));
  } finally {
    await Promise.all([whole.close(), part.close()]);
  }
}

/** Bytes; 0 when it is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** From where the handle is. */
async function copyRest(source: FileHandle, target: FileHandle): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkSize);
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, chunkSize, null);
    if (bytesRead === 0) return;
    await target.appendFile(buffer.subarray(0, bytesRead));
  }
}

/** Resolves with whether they could be stopped, and it was done. */
async function whileStopped({ pids, signal }: Writers, act: () => Promise<void>): Promise<boolean> {
  const stopped = new Set<number>();
  try {
    for (let waited = 0; waited <= patience; waited += 2) {
      const running = pids().filter((pid) => !isStopped(pid));
      if (running.length === 0) {
        await act();
        return true;
      }
      for (const pid of running) {
        if (!stopped.has(pid)) signal(pid, 'SIGSTOP');
        stopped.add(pid);
      }
      await pause(2);
    }
    return false;
  } finally {
    for (const pid of stopped) signal(pid, 'SIGCONT');
  }
}

function isStopped(pid: number): boolean {
  try {
    return /\) [TtZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}
