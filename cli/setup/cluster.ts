import { existsSync } from 'node:fs';
import { readdir, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { roleImages } from '../../images/build.ts';
import type { DockerClient, Progress } from '../../images/ports.ts';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { mesitaVersion } from '../../runtime/version.ts';
import type { Compose } from './compose.ts';
import type { Machine } from './machine.ts';
import { shareOfMachine } from './share.ts';

/** A compose cluster on this machine, by name: several may live side by side. */
export interface ClusterPlace {
  /** The compose project. */
  name: string;
  /** Where its agents work, on the engine's machine. */
  workDirectory: string;
  /** The directory of the checkout. */
  checkout: string;
}

export interface ClusterOptions extends ClusterPlace {
  agents: number;
  /** The master's port on loopback. */
  port: number;
  progress: Progress;
  signal: AbortSignal;
}

export interface Cluster {
  /** As --master takes it: `127.0.0.1:5050`. */
  master: string;
  agents: { id: string; hostname: string; address: string; resources: string }[];
}

/** Milliseconds for the master and all agents to be there once compose has started them. */
const patience = 90_000;
/** Milliseconds for one compose command. */
const composeTimeout = 300_000;

export const defaultCluster = 'mesita';

/** The place of a cluster: MESITA_WORK_DIR where set, else a directory that containers can mount on this platform. */
export function clusterPlace(
  name: string,
  checkout: string,
  environment: Readonly<Record<string, string | undefined>>,
): ClusterPlace {
  const suffix = name === defaultCluster ? '' : `-${name}`;
  // Docker Desktop mounts the user's own directories only.
  const usual = process.platform === 'darwin' ? join(checkout, `.mesita/work${suffix}`) : `/var/lib/mesita${suffix}`;
  return { name, checkout, workDirectory: environment.MESITA_WORK_DIR || usual };
}

/**
 * Starts the cluster, or brings a running one to the number of agents asked for, and waits until every agent is
 * registered. Throws MESITA_PORT_IN_USE or MESITA_COMPOSE_FAILED.
 */
export async function startCluster(machine: Machine, options: ClusterOptions): Promise<Cluster> {
  const { agents, progress, signal } = options;
  const environment = await composeEnvironment(machine.docker, options);
  await progress.during(`Starting a master and ${agents} ${agents === 1 ? 'agent' : 'agents'}`, async (detail) => {
    const args = ['up', '--detach', '--remove-orphans', '--scale', `agent=${agents}`];
    const result = await composeRun(machine.compose, options, args, { env: environment, signal, onLine: detail });
    if (result.code !== 0) throw composeFailure(result.stderr, options.port);
  });
  return progress.during('Waiting for the agents to register', (detail) => untilRegistered(machine, options, detail));
}

/**
 * Stops the cluster and removes what it made: its containers, network and volumes, containers of tasks that are left,
 * and its agents' work directories. A cluster that is not there is no error.
 */
export async function stopCluster(
  tools: { docker: DockerClient; compose: Compose },
  options: ClusterPlace & { progress: Progress; signal: AbortSignal },
): Promise<void> {
  const { progress, signal } = options;
  const env = { MESITA_WORK_DIR: options.workDirectory };
  await progress.during('Stopping the cluster', async (detail) => {
    const result = await composeRun(tools.compose, options, ['down', '--volumes', '--remove-orphans'], {
      env,
      signal,
      onLine: detail,
    });
    if (result.code !== 0) throw composeFailure(result.stderr, undefined);
    await removeTaskContainers(tools.docker, options.workDirectory, signal);
    await removeWorkDirectories(tools.docker, options.workDirectory, signal);
  });
}

function composeRun(
  compose: Compose,
  place: ClusterPlace,
  args: readonly string[],
  options: Parameters<Compose['run']>[1],
): ReturnType<Compose['run']> {
  const file = join(place.checkout, 'docker-compose.yml');
  return compose.run(['--project-name', place.name, '--file', file, ...args], { timeout: composeTimeout, ...options });
}

async function composeEnvironment(docker: DockerClient, options: ClusterOptions): Promise<Record<string, string>> {
  const info = await docker.run(['info', '--format', '{{.NCPU}} {{.MemTotal}}'], { signal: options.signal });
  const [cpus = 1, memory = 0] = info.stdout.trim().split(' ').map(Number);
  const disk = await freeDisk(options.workDirectory);
  return {
    MESITA_PORT: String(options.port),
    MESITA_WORK_DIR: options.workDirectory,
    MESITA_VERSION: mesitaVersion,
    MESITA_AGENT_RESOURCES: shareOfMachine({ cpus, memory, disk }, options.agents),
  };
}

/** Bytes; rounded to 10 GB, since agents are made anew by compose whenever their share changes. */
async function freeDisk(directory: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  let present = directory;
  while (!existsSync(present)) present = dirname(present);
  const { bavail, bsize } = await statfs(present);
  const step = 10 * 2 ** 30;
  const free = bavail * bsize;
  return free > step ? Math.floor(free / step) * step : free;
}

interface MasterState {
  activated_slaves: number;
  slaves: { id: string; hostname: string; pid: string; active: boolean; resources: Record<string, unknown> }[];
}

async function untilRegistered(
  machine: Machine,
  options: ClusterOptions,
  detail: (text: string) => void,
): Promise<Cluster> {
  const master = `127.0.0.1:${options.port}`;
  const deadline = performance.now() + patience;
  let news = 'the master does not answer';
  for (;;) {
    try {
      const answer = await fetch(`http://${master}/state`, {
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(5000)]),
      });
      const state = (await answer.json()) as MasterState;
      if (state.activated_slaves === options.agents) return describeCluster(master, state);
      news = `${state.activated_slaves} of ${options.agents} agents are registered`;
    } catch (error) {
      options.signal.throwIfAborted();
      news = `the master at ${master} does not answer: ${describeError(error)}`;
    }
    detail(news);
    if (performance.now() > deadline) throw await notUp(machine.compose, options, news);
    await sleep(100, undefined, { signal: options.signal });
  }
}

function describeCluster(master: string, state: MasterState): Cluster {
  const agents = state.slaves.filter((agent) => agent.active);
  return {
    master,
    agents: agents.map(({ id, hostname, pid, resources }) => ({
      id,
      hostname,
      address: pid.slice(pid.indexOf('@') + 1),
      resources: `cpus:${resources.cpus};mem:${resources.mem};disk:${resources.disk}`,
    })),
  };
}

async function notUp(compose: Compose, options: ClusterOptions, news: string): Promise<MesitaError> {
  const logs = await composeRun(compose, options, ['logs', '--no-color', '--tail', '5'], { signal: options.signal });
  return new MesitaError('MESITA_COMPOSE_FAILED', {
    message: `The cluster does not come up; after ${patience / 1000} s ${news}. Its last words:\n${logs.stdout.trim()}`,
    remedy: `See all of them with \`docker logs\`, and stop the cluster with \`mesita down\`.`,
  });
}

function composeFailure(said: string, port: number | undefined): MesitaError {
  if (/port is already allocated|address already in use/i.test(said)) {
    return new MesitaError('MESITA_PORT_IN_USE', { message: `Another process listens on 127.0.0.1:${port}` });
  }
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const message = `compose failed:\n${lines.slice(-5).join('\n')}`;
  return new MesitaError('MESITA_COMPOSE_FAILED', { message, remedy: '`mesita doctor` checks the machine.' });
}

/** Tasks' containers whose agent was cut short. Only those whose agent worked in this cluster's directory. */
async function removeTaskContainers(docker: DockerClient, workDirectory: string, signal: AbortSignal): Promise<void> {
  const format = '{{.ID}}\t{{.Label "org.mesita.work_dir"}}';
  const args = ['ps', '--all', '--filter', 'label=org.mesita.work_dir', '--format', format];
  const listed = await docker.run(args, { signal });
  const ours = listed.stdout.split('\n').flatMap((line) => {
    const [id = '', directory = ''] = line.split('\t');
    return directory.startsWith(`${workDirectory}/agents/`) ? [id] : [];
  });
  if (ours.length > 0) await docker.run(['rm', '--force', '--volumes', ...ours], { signal });
}

/** Agents name their directories by their containers: twelve hex digits. Anything else there is not ours. */
async function removeWorkDirectories(docker: DockerClient, workDirectory: string, signal: AbortSignal): Promise<void> {
  const folder = join(workDirectory, 'agents');
  if (!existsSync(folder)) return;
  await removeDirectories(docker, folder, signal);
  // Where nothing else is in them, the directories above go too.
  for (const empty of [folder, workDirectory]) await rmdir(empty).catch(() => undefined);
}

async function removeDirectories(docker: DockerClient, folder: string, signal: AbortSignal): Promise<void> {
  const ours = (await readdir(folder)).filter((name) => /^[0-9a-f]{12}$/.test(name));
  try {
    for (const name of ours) await rm(join(folder, name), { recursive: true, force: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    // Agents run as root; where we do not, a container does it for us.
    const mount = `${folder}:/agents`;
    await docker.run(
      ['run', '--rm', '--volume', mount, '--workdir', '/agents', roleImages.task, 'rm', '-rf', ...ours],
      { signal },
    );
  }
}
