import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { chmod, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { Mount } from './engine/engine.ts';
import { podOf } from './pods.ts';
import { taskLink } from './sandbox-paths.ts';
import type { Run } from './state.ts';

// Anyone may write to a sandbox, since a container's user is its own affair.
const openToAll = 0o777;

// The calls that every task needs are synchronous: on a local disk they take some microseconds, and several times that when Node's threads do them.

/** Makes the directory alone. Throws MESITA_DISK_FULL, MESITA_WORK_DIR_UNUSABLE. */
export async function makeSandbox({ sandbox }: Run): Promise<void> {
  inSandbox(sandbox, () => mkdirSync(sandbox, { recursive: true }));
}

/** Opens it to all users, and points its other name at it: `latest`, or of a task of a pod its id; what belongs to no framework has none. Throws like `makeSandbox`. */
export async function openSandbox(run: Run): Promise<void> {
  const { sandbox } = run;
  const link = otherName(run);
  inSandbox(sandbox, () => {
    chmodSync(sandbox, openToAll);
    if (link !== undefined) pointAt(sandbox, link);
  });
}

function otherName(run: Run): string | undefined {
  if (run.framework.id === undefined) return undefined;
  const pod = run.kind === 'task' ? podOf(run) : undefined;
  if (pod === undefined || run.kind === 'executor') return join(dirname(run.sandbox), 'latest');
  return taskLink(pod.sandbox, run.info.task_id.value);
}

function pointAt(sandbox: string, link: string): void {
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), sandbox), link);
}

/**
 * Makes the directories of the run's and its pod's sandbox that are to be mounted, where they are missing.
 * INVARIANT: no link that a task has put there leads a mount out of the sandbox. Throws MESITA_CONTAINER_INVALID.
 */
export async function makeMountedDirectories(run: Run, mounts: readonly Mount[]): Promise<void> {
  const pod = run.kind === 'task' ? podOf(run) : undefined;
  const sandboxes = [run.sandbox, ...(pod === undefined ? [] : [pod.sandbox])];
  for (const mount of mounts) {
    if (mount.kind !== 'bind') continue;
    const base = sandboxes.find((sandbox) => mount.hostPath.startsWith(sandbox + sep));
    if (base !== undefined && mount.hostPath !== run.sandbox) await makeWithin(base, mount.hostPath);
  }
}

async function makeWithin(base: string, path: string): Promise<void> {
  try {
    const home = await realpath(base);
    let reached = home;
    for (const part of relative(base, path).split(sep)) {
      const next = join(reached, part);
      await mkdir(next).then(() => chmod(next, openToAll), unlessThere);
      reached = await realpath(next);
      if (!reached.startsWith(home + sep)) throw new Error(`${basename(next)} leads out of the sandbox`);
    }
  } catch (cause) {
    throw new MesitaError('MESITA_CONTAINER_INVALID', {
      message: `The volume at ${relative(base, path)} of the sandbox cannot be mounted: ${describeError(cause)}`,
      cause,
    });
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function inSandbox(sandbox: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new MesitaError(full ? 'MESITA_DISK_FULL' : 'MESITA_WORK_DIR_UNUSABLE', {
      message: `The sandbox ${sandbox} cannot be made: ${describeError(cause)}`,
      cause,
    });
  }
}
