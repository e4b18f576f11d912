import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ChaosOptions } from './options.ts';
import { zookeeperProgram } from './zookeeper-files.ts';

const run = promisify(execFile);

const commands: Record<string, string> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  tc: 'iproute2',
  ss: 'iproute2',
  iptables: 'iptables',
};
const clockLibraries = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
);

/** What a run needs of the machine: it is there, or why it cannot be had. */
export type Prerequisites = { clockLibrary: string | undefined } | { missing: string };

/** Installs what is missing from the distribution, as root of a Debian. */
export async function prepare(options: ChaosOptions, say: (line: string) => void): Promise<Prerequisites> {
  if (process.platform !== 'linux') return { missing: 'hosts are network namespaces, which only Linux has' };
  if (process.getuid?.() !== 0) return { missing: 'hosts are network namespaces, which only root can make' };
  const absent = await missingPackages(options);
  if (absent.length > 0) {
    say(`installing ${absent.join(', ')} ...`);
    await install(absent).catch((error: Error) => say(error.message));
  }
  const still = (await missingPackages(options)).filter((name) => name !== 'libfaketime');
  if (still.length > 0) return { missing: `these packages are missing and cannot be installed: ${still.join(', ')}` };
  const may = await run('unshare', [...unshared, 'mount', '-t', 'tmpfs', 'tmpfs', '/run']).catch(
    (error: Error) => error,
  );
  if (may instanceof Error) return { missing: `no namespaces can be made here: ${may.message.trim()}` };
  const clockLibrary = clockLibraries.find((path) => existsSync(path));
  if (clockLibrary === undefined) say('There is no libfaketime: clocks are left alone.');
  return { clockLibrary };
}

/** Processes, mounts and network of its own; whatever is in there ends with the one who made it. */
export const unshared = ['--pid', '--mount', '--net', '--fork', '--kill-child', '--mount-proc'];

async function missingPackages({ masters, dockerAgents }: ChaosOptions): Promise<string[]> {
  const needed = {
    ...commands,
    ...(dockerAgents > 0 && { dockerd: 'docker.io' }),
    ...(masters > 1 && { java: 'zookeeper' }),
  };
  const missing: string[] = [];
  for (const [command, name] of Object.entries(needed)) if (!(await has(command))) missing.push(name);
  if (masters > 1 && !existsSync(zookeeperProgram)) missing.push('zookeeper');
  if (!clockLibraries.some((path) => existsSync(path))) missing.push('libfaketime');
  return [...new Set(missing)];
}

async function has(command: string): Promise<boolean> {
  return run('sh', ['-c', `command -v ${command}`]).then(
    () => true,
    () => false,
  );
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const get = () =>
    run('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { env, timeout: 300_000 });
  await get().catch(async () => {
    // A fresh machine has no lists of packages yet.
    await run('apt-get', ['update'], { env, timeout: 120_000 });
    await get();
  });
}
