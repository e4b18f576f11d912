import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { standardPath } from './process-keeper.ts';

/** What this machine has of what the process engine needs. */
export interface ProcessHost {
  /** The path of `setpriv`, which is needed for other users. */
  setpriv: string | undefined;
  /** Bytes. */
  pageSize: number;
}

/** Throws MESITA_ENGINE_UNREACHABLE. */
export async function examineHost(signal: AbortSignal): Promise<ProcessHost> {
  const script = 'test -r /proc/self/stat && { getconf PAGESIZE; command -v setpriv; true; }';
  try {
    const environment = { env: { PATH: standardPath }, signal };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], environment);
    return { setpriv: /^\/.*$/m.exec(stdout)?.[0], pageSize: Number(/^\d+$/m.exec(stdout)?.[0] ?? 4096) };
  } catch (cause) {
    signal.throwIfAborted();
    throw new MesitaError('MESITA_ENGINE_UNREACHABLE', {
      message: `Host processes cannot be run here: ${describeError(cause).trim()}`,
      remedy: 'Run the agent on Linux, with /proc.',
      cause,
    });
  }
}

/** What did not work with files or processes, as the engine's own error. */
export function hostError(doing: string, cause: unknown): MesitaError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new MesitaError(full ? 'MESITA_DISK_FULL' : 'MESITA_ENGINE_FAILED', {
    message: `Could not ${doing}: ${describeError(cause)}`,
    cause,
  });
}

export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
