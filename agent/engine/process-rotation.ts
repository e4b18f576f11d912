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
 */
export async function putAway(path: string, files: number, writers: Writers): Promise<void> {
  const name = (age: number): string => `${path}.${age}`;
  const source = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const copy = `${path}.new`;
    await rm(copy, { recursive: true, force: true });
    const target = await open(copy, 'wx', 0o644);
    try {
      await copyRest(source, target);
      if (!(await whileStopped(writers, () => copyAndEmpty(source, target)))) return await rm(copy, { force: true });
    } finally {
      await target.close();
    }
    for (let age = files - 1; age >= 1; age--) {
      await rm(name(age), { recursive: age === files - 1, force: true }).catch(() => undefined);
      await rename(age === 1 ? copy : name(age - 1), name(age)).catch(() => undefined);
    }
    await rm(copy, { force: true });
  } finally {
    await source.close();
  }
}

/** Bytes; 0 when it is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function copyAndEmpty(source: FileHandle, target: FileHandle): Promise<void> {
  await copyRest(source, target);
  await source.truncate(0);
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
