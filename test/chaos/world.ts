import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { agentFlags } from '../../agent/flags.ts';
import { testImage } from '../support/test-image.ts';
import type { SchedulerRoom } from './chaos-scheduler.ts';
import { Daemon, type Death } from './daemon.ts';
import { Network } from './network.ts';
import { type AgentShape, addressOf, agentResources, type Shape } from './shape.ts';
import type { Unit } from './workload.ts';
import { zookeeperCommand } from './zookeeper-files.ts';

const run = promisify(execFile);
const checkout = resolve(import.meta.dirname, '../..');
const main = join(checkout, 'cli/main.ts');
const masterPort = 5050;
const agentPort = 5051;
/** MB of an agent's file system, which is what a disk fault fills. */
const smallDiskMb = 96;

export interface WorldOptions {
  /** All that is made is below it. */
  directory: string;
  shape: Shape;
  units: readonly Unit[];
  /** The library that makes clocks differ; undefined: they don't. */
  clockLibrary: string | undefined;
  /** The engine's image, as `docker save` writes it. */
  imageFile: string;
  cgroup: string;
}

/** A whole cluster as processes of this checkout on hosts of its own. */
export class World {
  readonly network: Network;
  readonly shape: Shape;
  readonly directory: string;
  readonly deaths: Death[] = [];
  readonly #options: WorldOptions;
  readonly #daemons = new Map<string, Daemon>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.shape = options.shape;
    this.directory = options.directory;
    this.network = new Network(options.shape);
  }

  get units(): readonly Unit[] {
    return this.#options.units;
  }

  get ledger(): string {
    return this.#folder('ledger');
  }

  get journal(): string {
    return join(this.directory, 'journal.jsonl');
  }

  get temporary(): string {
    return this.#folder('tmp');
  }

  workDirectory(daemon: string): string {
    return this.#folder('work', daemon);
  }

  async start(): Promise<void> {
    const { engine, zookeepers, masters, agents } = this.shape;
    await this.network.open();
    // What libraries keep in shared memory, and the sockets of containers, are gone with the run.
    await mkdir('/run/containerd', { recursive: true });
    for (const path of ['/dev/shm', '/run/containerd']) await run('mount', ['-t', 'tmpfs', 'tmpfs', path]);
    if (engine !== undefined) this.#add(engine, engineCommand(this.#folder('engine'), this.#options.cgroup));
    const ensemble = zookeepers.map((name) => addressOf(this.shape, name));
    for (const [index, name] of zookeepers.entries()) {
      this.#add(name, zookeeperCommand(this.#folder('zookeeper', name), index + 1, ensemble));
    }
    if (engine !== undefined) await this.#loadImage();
    for (const name of masters) this.#add(name, this.#masterCommand(name));
    for (const agent of agents) await this.#addAgent(agent);
    await this.#allAgentsRegistered();
    this.#addScheduler();
  }

  daemon(name: string): Daemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`there is no daemon ${name}`);
    return daemon;
  }

  /** host:port of the master that leads, as soon as there is one. */
  async leader(): Promise<string> {
    for (;;) {
      for (const name of this.shape.masters) {
        const address = `${addressOf(this.shape, name)}:${masterPort}`;
        const state = await getJson(`http://${address}/master/state`).catch(() => undefined);
        if (state !== undefined && state['leader'] === state['pid']) return address;
      }
      await sleep(200);
    }
  }

  async #allAgentsRegistered(): Promise<void> {
    for (;;) {
      const [death] = this.deaths;
      if (death !== undefined) throw new Error(`${death.daemon} died before anything was done to it: ${death.how}`);
      const state = await getJson(`http://${await this.leader()}/master/state`).catch(() => undefined);
      if (state?.['activated_slaves'] === this.shape.agents.length) return;
      await sleep(100);
    }
  }

  agentAddress(name: string): string {
    return `${addressOf(this.shape, name)}:${agentPort}`;
  }

  /** So many seconds off, from now on. The library looks once a second. */
  setClock(daemon: string, offset: number): void {
    writeFileSync(this.#clockFile(daemon), `${offset < 0 ? '' : '+'}${offset}\n`);
  }

  /** The command line of Docker's client for the run's engine. */
  docker(...args: string[]): Promise<string> {
    return run('docker', ['-H', `unix://${this.#socket}`, ...args], { maxBuffer: 2 ** 26 }).then(
      ({ stdout }) => stdout,
    );
  }

  get #socket(): string {
    return join(this.#folder('engine'), 'socket');
  }

  /** A directory, made if need be. */
  #folder(...names: string[]): string {
    const path = join(this.directory, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  #clockFile(daemon: string): string {
    return join(this.#folder('clocks'), daemon);
  }

  #add(name: string, command: readonly string[], environment: NodeJS.ProcessEnv = {}): void {
    const daemon = new Daemon({
      name,
      host: name,
      command,
      directory: checkout,
      environment: {
        PATH: process.env['PATH'],
        HOME: this.directory,
        TMPDIR: this.temporary,
        NODE_COMPILE_CACHE: join(checkout, '.mesita/compile-cache'),
        ...environment,
      },
      log: join(this.#folder('logs'), `${name}.log`),
      died: (death) => this.deaths.push(death),
    });
    this.#daemons.set(name, daemon);
    daemon.start();
  }

  #masterCommand(name: string): string[] {
    const ip = addressOf(this.shape, name);
    const highlyAvailable =
      this.#zk === undefined ? [] : [`--zk=${this.#zk}`, '--quorum=2', '--zk_session_timeout=4secs'];
    this.setClock(name, 0);
    return this.#clocked(name, [
      ...[process.execPath, main, 'master', `--ip=${ip}`, `--port=${masterPort}`, `--hostname=${ip}`],
      ...[`--work_dir=${this.workDirectory(name)}`, ...highlyAvailable],
      ...['--agent_ping_timeout=1secs', '--max_agent_ping_timeouts=4', '--log_format=json'],
    ]);
  }

  get #zk(): string | undefined {
    const { zookeepers } = this.shape;
    if (zookeepers.length === 0) return undefined;
    return `zk://${zookeepers.map((name) => `${addressOf(this.shape, name)}:2181`).join(',')}/mesos`;
  }

  async #addAgent({ name, containerizer }: AgentShape): Promise<void> {
    const workDirectory = this.workDirectory(name);
    if (containerizer === 'process') {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskMb}m`, 'tmpfs', workDirectory]);
    }
    const { cpus, mem, disk } = agentResources;
    const masters = this.shape.masters.map((master) => `${addressOf(this.shape, master)}:${masterPort}`);
    this.setClock(name, 0);
    const command = [
      ...[process.execPath, main, 'agent', `--ip=${addressOf(this.shape, name)}`, `--port=${agentPort}`],
      ...[`--hostname=${name}`, `--work_dir=${workDirectory}`, `--master=${this.#zk ?? masters.join(',')}`],
      ...[`--resources=cpus:${cpus};mem:${mem};disk:${disk};ports:[]`, `--attributes=containerizer:${containerizer}`],
      ...[`--containerizers=${containerizer}`, `--docker_socket=${this.#socket}`, `--default_image=${testImage}`],
      ...['--registration_backoff_factor=100ms', '--executor_registration_timeout=30secs', '--log_format=json'],
      // All agents' resources are the machine's; measured use of disk is of no interest.
      ...[
        '--no-enforce_container_disk_quota',
        ...('executor_reregistration_timeout' in agentFlags ? ['--executor_reregistration_timeout=15secs'] : []),
      ],
    ];
    this.#add(name, this.#clocked(name, command));
  }

  /** With a clock that can be set. What it starts in turn gets none of this, for tasks have an environment of their own. */
  #clocked(name: string, command: string[]): string[] {
    const { clockLibrary } = this.#options;
    if (clockLibrary === undefined) return command;
    const file = `FAKETIME_TIMESTAMP_FILE=${this.#clockFile(name)}`;
    const own = ['FAKETIME_DONT_FAKE_MONOTONIC=1', 'FAKETIME_CACHE_DURATION=1', 'NO_FAKE_STAT=1'];
    return ['env', `LD_PRELOAD=${clockLibrary}`, file, ...own, ...command];
  }

  #addScheduler(): void {
    const room: SchedulerRoom = {
      masters: this.shape.masters.map((name) => `${addressOf(this.shape, name)}:${masterPort}`),
      journal: this.journal,
      ledger: this.ledger,
      image: testImage,
      units: [...this.#options.units],
    };
    const file = join(this.directory, 'scheduler.json');
    writeFileSync(file, JSON.stringify(room));
    this.#add(this.shape.scheduler, [process.execPath, join(import.meta.dirname, 'scheduler-main.ts'), file]);
  }

  async #loadImage(): Promise<void> {
    await this.engineReady();
    await this.docker('load', '--input', this.#options.imageFile);
  }

  async engineReady(): Promise<void> {
    while (
      !(await this.docker('version').then(
        () => true,
        () => false,
      ))
    )
      await sleep(100);
  }

  /** Ends everything in order; what does not end of itself, and what is there afterwards. */
  async stop(): Promise<string[]> {
    const { scheduler, agents, masters, engine, zookeepers } = this.shape;
    const left: string[] = [];
    const end = async (name: string, signal: NodeJS.Signals) => {
      const daemon = this.#daemons.get(name);
      if (daemon !== undefined && !(await daemon.end(signal))) left.push(`${name} did not end on ${signal}`);
    };
    await end(scheduler, 'SIGTERM');
    await Promise.all(agents.map(({ name }) => end(name, 'SIGUSR1')));
    if (engine !== undefined && this.#daemons.has(engine)) {
      const containers = await this.docker('ps', '--all', '--format', '{{.Names}} {{.Status}}').catch(() => '');
      left.push(
        ...containers
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => `container ${line}`),
      );
    }
    await Promise.all(masters.map((name) => end(name, 'SIGTERM')));
    if (engine !== undefined) await end(engine, 'SIGTERM');
    await Promise.all(zookeepers.map((name) => end(name, 'SIGTERM')));
    return [...left, ...(await leftovers(this.temporary))];
  }

  /** Whatever happens: no daemon is left. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.end('SIGKILL', 1000)));
  }
}

/** Processes of the run's own process namespace, and temporary files. */
async function leftovers(temporary: string): Promise<string[]> {
  let processes: string[] = [];
  for (let attempt = 0; attempt < 30; attempt++) {
    processes = strangers();
    if (processes.length === 0) break;
    await sleep(100);
  }
  return [...processes, ...readdirSync(temporary).map((name) => `temporary file ${name}`)];
}

/** Living processes but this one, its parent, and what it waits for. */
function strangers(): string[] {
  const own = [1, process.pid, process.ppid];
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || own.includes(Number(pid))) return [];
    try {
      const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      return state === 'Z' || words === '' ? [] : [`process ${pid}: ${words.slice(0, 200)}`];
    } catch {
      // It has ended.
      return [];
    }
  });
}

function engineCommand(directory: string, cgroup: string): string[] {
  const pidFile = join(directory, 'pid');
  if (!existsSync(dirname(pidFile))) mkdirSync(dirname(pidFile), { recursive: true });
  return [
    ...['dockerd', `--data-root=${join(directory, 'data')}`, `--exec-root=${join(directory, 'exec')}`],
    ...[`--host=unix://${join(directory, 'socket')}`, `--pidfile=${pidFile}`, `--cgroup-parent=${cgroup}`],
    // Containers outlive it. No network of its own is needed.
    ...['--live-restore', '--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
  ];
}

export async function getJson(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3000), redirect: 'error' });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}
