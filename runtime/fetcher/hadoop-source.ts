import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FetchProblem, type OpenedUri, type UriSource } from './uri-source.ts';

const pollMs = 250;
const mostErrorBytes = 4096;

export interface HadoopOptions {
  /** The program, as found on the PATH or by its own path. */
  client: string;
  /** Where it copies to; a private directory of each copy is made there, and removed again. Awaited at each copy. */
  directory: () => Promise<string>;
}

/** URIs of any scheme that `<client> fs -copyToLocal URI FILE` knows: hdfs, s3a, … */
export function createHadoopSource(options: HadoopOptions): UriSource {
  return {
    async open(location, signal, { copied = () => {} } = {}): Promise<OpenedUri> {
      const directory = await mkdtemp(join(await options.directory(), 'hadoop-'));
      const remove = () => rm(directory, { recursive: true, force: true });
      try {
        const path = join(directory, 'file');
        await copy(options.client, location, path, signal, copied);
        const { size } = await stat(path);
        const body = createReadStream(path, { highWaterMark: 256 * 1024 });
        body.once('close', () => void remove().catch(() => {}));
        return { body, size };
      } catch (error) {
        await remove();
        throw error;
      }
    },
  };
}

async function copy(
  client: string,
  location: string,
  path: string,
  signal: AbortSignal,
  copied: (bytes: number) => void,
): Promise<void> {
  signal.throwIfAborted();
  // A group of its own, so that a script that runs the real client ends with all it started.
  const child = spawn(client, ['fs', '-copyToLocal', location, path], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const kill = () => killGroup(child);
  signal.addEventListener('abort', kill);
  let bytes = 0;
  const watching = setInterval(() => {
    stat(path).then(
      ({ size }) => {
        if (size > bytes) copied(size);
        bytes = size;
      },
      () => {},
    );
  }, pollMs);
  try {
    const { code, said } = await ended(child, client);
    signal.throwIfAborted();
    if (code !== 0) throw refusedBy(client, code, withoutSecrets(said));
    await stat(path).catch(() => {
      throw refusedBy(client, code, 'it said that all is well, and copied nothing');
    });
  } finally {
    clearInterval(watching);
    signal.removeEventListener('abort', kill);
  }
}

function ended(child: ChildProcess, client: string): Promise<{ code: number | null; said: string }> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-mostErrorBytes);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const problem = `the hadoop client ${client} cannot be started (${error.message})`;
      reject(new FetchProblem(problem, 'Install it, or name it by the agent’s --hadoop_client.', error));
    });
    child.once('close', (code) => resolve({ code, said }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended just now.
  }
}

function refusedBy(client: string, code: number | null, said: string): FetchProblem {
  const lastLine = said.trim().split('\n').at(-1) ?? '';
  return new FetchProblem(
    `${client} fs -copyToLocal ended with status ${code ?? 'none (it was killed)'}${lastLine === '' ? '' : `: ${lastLine}`}`,
    `Try the same on the agent’s host: ${client} fs -ls and the URI.`,
  );
}

/** Old schemes write keys into the URI itself, and clients repeat it. */
function withoutSecrets(text: string): string {
  return text.replace(/:\/\/[^/\s@]*@/g, '://***@');
}
