import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DockerClient } from '../../images/ports.ts';
import { MesitaError } from '../../protocol/errors.ts';
import { type AptTools, installPackages } from './apt.ts';
import { type Compose, findCompose } from './compose.ts';
import { type DockerSearch, findDocker } from './docker-client.ts';
import { choosePackages, type EngineFacts, lastWords, planEngine, remedyFor } from './engine-plan.ts';
import { sweepStalePids } from './stale-pid.ts';

type Environment = Readonly<Record<string, string | undefined>>;

type FailedSearch = Exclude<DockerSearch, { found: DockerClient }>;

export interface EngineTools extends AptTools {
  environment: Environment;
}

/** Milliseconds for an engine that was started to answer. */
const startPatience = 60_000;
/** Where an engine that was started by hand keeps its log and process id. */
const handDirectory = '/var/lib/mesita/engine';

/**
 * Makes sure that an engine answers, installing and starting one where this user may.
 * Throws MESITA_ENGINE_UNREACHABLE with the one line to do where that cannot be.
 */
export async function ensureEngine(tools: EngineTools): Promise<DockerClient> {
  const search = await findDocker(tools.run, tools.environment, tools.signal);
  if ('found' in search) return search.found;
  const plan = planEngine(gatherFacts(search, tools.environment));
  if ('obstacle' in plan) {
    throw new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: plan.obstacle, remedy: plan.remedy });
  }
  for (const step of plan.steps) {
    if ('install' in step) await installEngine(tools);
    else await startEngine(tools, step.start);
  }
  const started = await findDocker(tools.run, tools.environment, tools.signal);
  if ('found' in started) return started.found;
  throw unanswered('reason' in started ? started.reason : 'the docker command is missing');
}

const doWithout = 'Agents run commands without one: `mesita agent --containerizers=process`.';

/** Why no engine answers, and the one line to do about it. */
export function obstacleToEngine(search: FailedSearch, environment: Environment): { reason: string; remedy: string } {
  const plan = planEngine(gatherFacts(search, environment));
  if ('obstacle' in plan) return { reason: plan.obstacle, remedy: `${plan.remedy} ${doWithout}` };
  const installs = plan.steps.some((step) => 'install' in step);
  const reason = installs ? 'There is no Docker engine' : 'The Docker engine does not run';
  return {
    reason,
    remedy: `Run \`mesita setup\`, which ${installs ? 'installs and starts one' : 'starts it'}. ${doWithout}`,
  };
}

/** Makes sure that compose is there, installing it where this user may. Throws MESITA_COMPOSE_FAILED. */
export async function ensureCompose(tools: EngineTools, docker: DockerClient): Promise<Compose> {
  const compose = await findCompose(tools.run, docker, tools.signal);
  if (compose !== undefined) return compose;
  if (process.getuid?.() === 0 && isDebian()) {
    const wanted = { engine: false, compose: true, apparmor: false, cgroups: true };
    await installPackages(tools, 'compose', (exists) => choosePackages(wanted, exists));
    const installed = await findCompose(tools.run, docker, tools.signal);
    if (installed !== undefined) return installed;
  }
  throw new MesitaError('MESITA_COMPOSE_FAILED', {
    message: 'Neither `docker compose` nor docker-compose is installed',
  });
}

function gatherFacts(search: FailedSearch, environment: Environment): EngineFacts {
  return {
    platform: process.platform,
    root: process.getuid?.() === 0,
    debian: isDebian(),
    dockerHost: environment.DOCKER_HOST || undefined,
    refused: 'refused' in search && search.refused,
    daemon: findDaemon(environment) !== undefined,
    client: search.missing !== 'client',
    init: findInit(),
  };
}

function isDebian(): boolean {
  return existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

function findDaemon(environment: Environment): string | undefined {
  const folders = [...(environment.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, 'dockerd')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findInit(): EngineFacts['init'] {
  if (existsSync('/run/systemd/system')) return 'systemd';
  return readText('/proc/1/comm').trim() === 'init' && existsSync('/etc/init.d') ? 'sysv' : 'none';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function installEngine(tools: EngineTools): Promise<void> {
  const docker = await findDocker(tools.run, tools.environment, tools.signal);
  // Whether a compose plugin is there can be told without an engine, but not without a docker command.
  const standalone = await tools.run('docker-compose', ['version', '--short'], { signal: tools.signal });
  const plugin =
    'reason' in docker ? await tools.run('docker', ['compose', 'version'], { signal: tools.signal }) : undefined;
  const wanted = {
    engine: true,
    compose: standalone.code !== 0 && plugin?.code !== 0,
    apparmor: readText('/sys/module/apparmor/parameters/enabled').startsWith('Y'),
    cgroups: existsSync('/sys/fs/cgroup') && readdirSync('/sys/fs/cgroup').length > 0,
  };
  await installPackages(tools, 'a Docker engine', (exists) => choosePackages(wanted, exists));
}

async function startEngine(tools: EngineTools, by: 'systemctl' | 'service' | 'dockerd'): Promise<void> {
  await tools.progress.during('Starting the Docker engine', async () => {
    if (by === 'dockerd') return startByHand(tools);
    const args = by === 'systemctl' ? ['start', 'docker'] : ['docker', 'start'];
    const started = await tools.run(by, args, { signal: tools.signal });
    if (started.code !== 0) {
      const remedy = by === 'systemctl' ? 'See `journalctl -u docker -n 50`.' : 'See /var/log/docker.log.';
      const message = `${by} could not start the Docker engine: ${started.stderr.trim()}`;
      throw new MesitaError('MESITA_ENGINE_UNREACHABLE', { message, remedy });
    }
    await untilAnswers(tools, () => undefined);
  });
}

/** A daemon of its own session, that lives on when this process ends. */
async function startByHand(tools: EngineTools): Promise<void> {
  const daemon = findDaemon(tools.environment);
  if (daemon === undefined) throw unanswered('dockerd is not installed');
  mkdirSync(handDirectory, { recursive: true });
  const logFile = join(handDirectory, 'dockerd.log');
  const log = openSync(logFile, 'w');
  sweepStalePids();
  const child = spawn(daemon, [], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `it ended with ${signal ?? `code ${code}`}`;
  });
  if (child.pid !== undefined) writeFileSync(join(handDirectory, 'dockerd.pid'), `${child.pid}\n`);
  try {
    await untilAnswers(tools, () => ended && diedWith(ended, logFile));
  } catch (error) {
    // An engine that does not come up, or is no longer wanted, is not left behind.
    if (ended === undefined) child.kill('SIGTERM');
    throw error;
  }
  child.removeAllListeners();
  child.unref();
}

function diedWith(ended: string, logFile: string): MesitaError {
  const lines = readText(logFile).trim().split('\n');
  return new MesitaError('MESITA_ENGINE_UNREACHABLE', {
    message: `The Docker engine does not start (${ended}); its last words, from ${logFile}:\n${lastWords(lines).join('\n')}`,
    remedy: remedyFor(lines),
  });
}

/** Waits for an engine to answer; `failure` tells that it never will. */
async function untilAnswers(tools: EngineTools, failure: () => MesitaError | '' | undefined): Promise<void> {
  const deadline = performance.now() + startPatience;
  for (;;) {
    const search = await findDocker(tools.run, tools.environment, tools.signal);
    if ('found' in search) return;
    const failed = failure();
    if (failed instanceof MesitaError) throw failed;
    if (performance.now() > deadline) throw unanswered('reason' in search ? search.reason : 'no docker command');
    await sleep(200, undefined, { signal: tools.signal });
  }
}

function unanswered(reason: string): MesitaError {
  return new MesitaError('MESITA_ENGINE_UNREACHABLE', {
    message: `The Docker engine was started and does not answer: ${reason}`,
    remedy: `See its log (${handDirectory}/dockerd.log, or \`journalctl -u docker\`).`,
  });
}
