import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Does the work with a directory for half-made things, named by this process, that is removed in the end. What a
 * killed process of the same kind has left in the folder is swept first; a living one's is left alone.
 */
export async function withStaging<T>(
  folder: string,
  kind: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  await sweep(folder, kind);
  const directory = join(folder, `${kind}-${process.pid}`);
  await mkdir(directory, { recursive: true });
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function sweep(folder: string, kind: string): Promise<void> {
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    const [, itsKind, pid] = /^(.+)-(\d+)$/.exec(name) ?? [];
    if (itsKind !== kind || (isAlive(Number(pid)) && Number(pid) !== process.pid)) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
