import { readFileSync, rmSync } from 'node:fs';

/** Where an engine that was killed leaves word of itself, and whose word it is. */
const pidFiles = {
  '/var/run/docker.pid': 'dockerd',
  '/var/run/docker/containerd/containerd.pid': 'containerd',
} as const;

/**
 * Removes the pid files of engine processes that are no more. A new dockerd that believes in one waits for a containerd that
 * never answers, also when the process is dead and merely not yet reaped, or its number went to another.
 */
export function sweepStalePids(): void {
  for (const [file, name] of Object.entries(pidFiles)) {
    const pid = read(file).trim();
    if (pid !== '' && !lives(read(`/proc/${pid}/stat`), name)) rmSync(file, { force: true });
  }
}

/** Whether `/proc/<pid>/stat`, empty where there is no such process, is that of a living process of this name. */
export function lives(stat: string, name: string): boolean {
  const match = /^\d+ \((.*)\) (\S)/s.exec(stat);
  return match !== null && match[1] === name && match[2] !== 'Z' && match[2] !== 'X';
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
