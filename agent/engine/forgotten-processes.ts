import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Ends what runs in a container that its engine does not know to run: one that was killed between starting it and writing that down
 * calls it created ever after (Docker 20.10). They are found by their control groups, which have the container's id in their names,
 * where this process sees those of the engine's host at all. Resolves with how many there were.
 */
export async function endForgotten(
  containerId: string,
  { directory = '/proc', kill = killNow }: { directory?: string; kill?: (pid: number) => void } = {},
): Promise<number> {
  const names = await readdir(directory);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  let count = 0;
  for (const pid of pids) {
    // It may have ended since.
    const groups = await readFile(join(directory, String(pid), 'cgroup'), 'utf8').catch(() => '');
    if (!groups.includes(containerId)) continue;
    kill(pid);
    count++;
  }
  return count;
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // With the first process of a container the others end.
  }
}
