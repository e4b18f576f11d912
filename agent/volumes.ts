import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from '../protocol/messages.ts';
import { volumePath } from './volume-paths.ts';

/** Makes the directory of a persistent volume, empty: what is there belonged to one that was destroyed. */
export async function makeVolume(workDirectory: string, volume: Resource): Promise<void> {
  const path = volumePath(workDirectory, volume);
  if (path === undefined) return;
  await mkdir(path, { recursive: true });
  await empty(path);
}

/** Removes what is in a persistent volume, and its directory unless that is a mount. */
export async function removeVolume(workDirectory: string, volume: Resource): Promise<void> {
  const path = volumePath(workDirectory, volume);
  if (path === undefined) return;
  if (volume.disk?.source?.type === 'MOUNT') await empty(path);
  else await rm(path, { recursive: true, force: true });
}

async function empty(path: string): Promise<void> {
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
}
