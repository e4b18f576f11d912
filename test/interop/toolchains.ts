import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The directory where a client of others lies, ready to run; or why it cannot be had here. */
export type Toolchain = { directory: string } | { missing: string };

// Outside of package.json's dependencies and of git: made on demand, kept for the next run.
const cache = resolve(import.meta.dirname, '../../.mesita/interop');
const patienceMs = 400_000;

/** npm's `mesos-framework` and what it needs, as node/package-lock.json pins them. */
export function prepareNode(): Promise<Toolchain> {
  const source = join(import.meta.dirname, 'node');
  const pins = ['package.json', 'package-lock.json'];
  return prepare('node', source, pins, async (directory) => {
    for (const pin of pins) await cp(join(source, pin), join(directory, pin));
    await run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], directory);
  });
}

/** A virtual environment (bin/python3) with what python/requirements.txt pins. */
export function preparePython(): Promise<Toolchain> {
  const source = join(import.meta.dirname, 'python');
  return prepare('python', source, ['requirements.txt'], async (directory) => {
    await run('python3', ['-m', 'venv', directory], source);
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'];
    await run(join(directory, 'bin/python3'), [...install, '-r', 'requirements.txt'], source);
  });
}

/** Our clients on `mesos-go`, and programs that come with it; modules as go/go.sum pins them. Executors run in any container. */
export function prepareGo(): Promise<Toolchain> {
  const source = join(import.meta.dirname, 'go');
  const programs = (names: string[]) => names.map((name) => `github.com/mesos/mesos-go/api/v1/cmd/${name}`);
  const pins = ['go.mod', 'go.sum', 'main.go', 'scheduler.go', 'operator.go', 'executor.go', 'detector/main.go'];
  return prepare('go', source, pins, async (directory) => {
    await run('go', ['mod', 'download'], source);
    const build = ['build', '-mod=readonly', '-buildvcs=false', '-o', `${directory}/`];
    await run('go', [...build, ...programs(['msh', 'mwatch'])], source).catch(isOurs);
    const alone = [...build, '.', './detector', ...programs(['example-executor'])];
    await run('go', alone, source, { CGO_ENABLED: '0' }).catch(isOurs);
  });
}

/** What needs nobody else must not fail. */
function isOurs(error: unknown): never {
  throw error instanceof Missing ? new Error(error.message) : error;
}

/** Something of others that a client needs, which is not on this machine and cannot be brought here. */
class Missing extends Error {}

/** Makes a directory for this content of the files that pin it, once; a half-made one is never taken for a whole one. */
async function prepare(
  name: string,
  source: string,
  pins: readonly string[],
  make: (directory: string) => Promise<void>,
): Promise<Toolchain> {
  const hash = createHash('sha256');
  for (const pin of pins) hash.update(await readFile(join(source, pin)));
  const directory = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(directory)) return { directory };
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(`${directory}-`);
  try {
    await make(draft);
    // Whoever comes second finds the name taken, by the same content.
    await rename(draft, directory).catch((error: unknown) => {
      if (!existsSync(directory)) throw error;
    });
    return { directory };
  } catch (error) {
    if (error instanceof Missing) return { missing: error.message };
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function run(
  command: string,
  args: readonly string[],
  directory: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  const env = { ...process.env, ...environment };
  const child = spawn(command, args, { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'], signal });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      failed(error.code === 'ENOENT' ? new Missing(`There is no \`${command}\` on this machine`) : error),
    );
    child.once('close', done);
  });
  if (code === 0) return;
  throw new Missing(
    `\`${command} ${args.join(' ')}\` ended with ${code}: ${said.trim().split('\n').slice(-3).join(' | ')}`,
  );
}
