import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { DockerClient, RunCommand } from '../../images/ports.ts';

/** What asking for an engine came to. */
export type DockerSearch =
  | { found: DockerClient }
  /** No `docker` command at all. */
  | { missing: 'client' }
  /** The command is there, but no engine answers it; `reason` is its own words. */
  | { missing: 'engine'; reason: string; refused: boolean };

type ServerVersion = { Version: string; ApiVersion: string; Arch: string };

/** Milliseconds for an engine to say its version. */
const patience = 10_000;
/** Milliseconds for any other command that names no time of its own: engines have been seen to lock up for good. */
const usualTimeout = 60_000;

/**
 * Finds a `docker` command that an engine answers. The first one on the PATH may be of another age than the engine
 * (each supports a range of API versions), so the others and the engine's own version are tried too.
 */
export async function findDocker(
  run: RunCommand,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<DockerSearch> {
  let last: DockerSearch = { missing: 'client' };
  for (const file of candidates(environment.PATH ?? '')) {
    last = await tryClient(run, file, {}, signal);
    if ('found' in last) return last;
    const version = 'reason' in last ? supportedApi(last.reason) : undefined;
    if (version === undefined) continue;
    const older = await tryClient(run, file, { DOCKER_API_VERSION: version }, signal);
    if ('found' in older) return older;
  }
  return last;
}

function candidates(path: string): string[] {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), '/usr/bin', '/usr/local/bin'];
  return [...new Set(folders)].map((folder) => join(folder, 'docker')).filter((file) => existsSync(file));
}

async function tryClient(
  run: RunCommand,
  file: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<DockerSearch> {
  const asked = await run(file, ['version', '--format', '{{json .Server}}'], { env, signal, timeout: patience });
  const server = asked.code === 0 ? readServer(asked.stdout) : undefined;
  if (server !== undefined) {
    return {
      found: {
        run: (args, options = {}) =>
          run(file, args, { timeout: usualTimeout, ...options, env: { ...env, ...options.env } }),
        architecture: server.Arch,
        engineVersion: server.Version,
        apiVersion: server.ApiVersion,
      },
    };
  }
  const reason = asked.timedOut ? 'it does not answer in time' : (asked.stderr.trim().split('\n').at(-1) ?? '');
  return { missing: 'engine', reason, refused: /permission denied/i.test(reason) };
}

function readServer(text: string): ServerVersion | undefined {
  try {
    const server = JSON.parse(text) as ServerVersion | null;
    return server ?? undefined;
  } catch {
    return undefined;
  }
}

/** The version that an engine says it supports to a client of another age. */
export function supportedApi(reason: string): string | undefined {
  return /(?:Maximum|minimum) supported API version is (\d+\.\d+)/i.exec(reason)?.[1];
}
