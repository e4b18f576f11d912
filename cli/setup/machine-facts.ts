import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { imagesAreCurrent, roleImages } from '../../images/build.ts';
import type { DockerClient } from '../../images/ports.ts';
import type { EngineFacts, MachineFacts } from './checkup.ts';
import { clusterPlace, defaultCluster } from './cluster.ts';
import { findCompose } from './compose.ts';
import { findDocker } from './docker-client.ts';
import { obstacleToEngine } from './engine.ts';
import type { MachineOptions } from './machine.ts';

/** Looks at the machine and changes nothing. */
export async function gatherMachineFacts(tools: MachineOptions): Promise<MachineFacts> {
  const { run, signal } = tools;
  const search = await findDocker(run, tools.environment, signal);
  const docker = 'found' in search ? search.found : undefined;
  const compose = docker === undefined ? undefined : await findCompose(run, docker, signal);
  const info = docker === undefined ? undefined : await readInfo(docker, signal);
  const place = clusterPlace(defaultCluster, tools.checkout, tools.environment);
  return {
    nodeVersion: process.version,
    ...('found' in search ? {} : { noEngine: obstacleToEngine(search, tools.environment) }),
    ...(docker === undefined || info === undefined ? {} : { engine: await describeEngine(docker, info, signal) }),
    compose: compose === undefined ? undefined : `${compose.name} ${compose.version}`,
    ports: [await describePort(5050, 'the master'), await describePort(5051, 'an agent without compose')],
    disks: [
      ...(await describeDisk('sandboxes', place.workDirectory)),
      ...(info === undefined ? [] : await describeDisk('engine', info.DockerRootDir)),
    ],
    imagesAreCurrent: docker === undefined ? undefined : await imagesAreCurrent({ ...tools, docker }),
  };
}

/** What we read of `docker info`. */
interface EngineInfo {
  OperatingSystem: string;
  DockerRootDir: string;
  CgroupVersion?: string;
  MemoryLimit: boolean;
  CpuCfsQuota: boolean;
  PidsLimit?: boolean;
  MemTotal: number;
  SystemTime: string;
  /** Milliseconds: our own clock when the engine's was read. */
  askedAt: number;
}

async function readInfo(docker: DockerClient, signal: AbortSignal): Promise<EngineInfo | undefined> {
  const before = Date.now();
  const result = await docker.run(['info', '--format', '{{json .}}'], { signal, timeout: 15_000 });
  if (result.code !== 0) return undefined;
  return { ...(JSON.parse(result.stdout) as EngineInfo), askedAt: (before + Date.now()) / 2 };
}

async function describeEngine(docker: DockerClient, info: EngineInfo, signal: AbortSignal): Promise<EngineFacts> {
  return {
    version: docker.engineVersion,
    apiVersion: docker.apiVersion,
    system: info.OperatingSystem,
    cgroupVersion: info.CgroupVersion ?? '1',
    memoryLimit: info.MemoryLimit,
    cpuQuota: info.CpuCfsQuota,
    pidsLimit: info.PidsLimit ?? true,
    enforcedMemory: await tryMemoryLimit(docker, signal),
    memory: info.MemTotal,
    clockSkew: Date.parse(info.SystemTime) - info.askedAt,
  };
}

/** Runs a container with a memory limit and lets it read that back; undefined where there is no image to do it with. */
async function tryMemoryLimit(docker: DockerClient, signal: AbortSignal): Promise<EngineFacts['enforcedMemory']> {
  const asked = 32 * 2 ** 20;
  const look = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null';
  const limits = [`--memory=${asked}`, '--cpus=0.5', '--network=none', '--pull=never'];
  const args = ['run', '--rm', ...limits, `${roleImages.task}:latest`, 'sh', '-c', look];
  const result = await docker.run(args, { signal, timeout: 30_000 });
  const seen = Number(result.stdout.trim());
  return result.stdout.trim() === '' || Number.isNaN(seen) ? undefined : { asked, seen };
}

async function describePort(port: number, use: string): Promise<MachineFacts['ports'][number]> {
  if (!(await isListening(port))) return { port, use, holder: 'nobody' };
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/version`, { signal: AbortSignal.timeout(3000) });
    const version = (await answer.json()) as object;
    return { port, use, holder: 'mesita_version' in version ? 'mesita' : 'another process' };
  } catch {
    return { port, use, holder: 'another process' };
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2000 });
    const end = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Nothing where the directory is not of this machine: Docker Desktop's engine lives in a machine of its own. */
async function describeDisk(what: string, path: string): Promise<MachineFacts['disks']> {
  if (what === 'engine' && !existsSync(path)) return [];
  let present = path;
  while (!existsSync(present)) present = dirname(present);
  const { bavail, bsize } = await statfs(present);
  return [{ what, path, free: bavail * bsize }];
}
