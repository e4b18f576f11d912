import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ClusterState, tasksOf } from '../../cli/cluster-state.ts';
import { containersBelow, docker, runningContainers } from './docker.ts';
import { eventually } from './eventually.ts';
import { MesitaProcess, type Outcome } from './mesita-process.ts';
import { ensureTestImage, testImage } from './test-image.ts';

export interface AgentProcess {
  readonly process: MesitaProcess;
  readonly name: string;
  readonly workDirectory: string;
  /** As the master gave it. */
  readonly id: string;
}

const mark = 'MESITA_TEST_CLUSTER';

/**
 * A master and agents as processes of their own on free ports, with all that they make below one temporary directory.
 *
 * INVARIANT: after `close` nothing of it is left, whatever a test did; what the cluster's own stop left is removed, and
 * reported as a failure.
 */
export class Cluster {
  readonly directory: string;
  readonly agents: AgentProcess[] = [];
  readonly #processes = new Set<MesitaProcess>();
  readonly #environment: NodeJS.ProcessEnv;
  /** The last resort, when the test run itself is ended: agents that are told to stop take their containers with them. */
  readonly #abandon = () => {
    for (const child of this.#processes) if (!child.over) child.kill(this.#lastWord(child));
  };
  readonly #interrupted = () => process.exit(1);
  #master: MesitaProcess | undefined;
  #address = '';

  private constructor(directory: string) {
    this.directory = directory;
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    this.#environment = {
      ...environment,
      TMPDIR: join(directory, 'tmp'),
      NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../../.mesita/compile-cache'),
      [mark]: directory,
    };
    process.on('exit', this.#abandon);
    process.on('SIGTERM', this.#interrupted);
  }

  /** A master and one agent for each element: its flags. */
  static async start(agents: readonly string[][] = [[]]): Promise<Cluster> {
    await ensureTestImage();
    const cluster = await Cluster.empty();
    try {
      await cluster.startMaster();
      await Promise.all(agents.map((flags, index) => cluster.startAgent(`agent-${index + 1}`, flags)));
      return cluster;
    } catch (error) {
      await cluster.close().catch(() => undefined);
      throw error;
    }
  }

  static async empty(): Promise<Cluster> {
    const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'mesita-e2e-')));
    await mkdir(join(cluster.directory, 'tmp'));
    return cluster;
  }

  /** host:port */
  get address(): string {
    return this.#address;
  }

  get master(): MesitaProcess {
    assert.ok(this.#master, 'the cluster has no master');
    return this.#master;
  }

  get agent(): AgentProcess {
    const [agent] = this.agents;
    assert.ok(agent, 'the cluster has no agent');
    return agent;
  }

  /** host:port of the agents' operator API, the latest last. */
  async agentAddresses(): Promise<string[]> {
    const { slaves } = (await (await this.get('/slaves')).json()) as { slaves: { pid: string }[] };
    return slaves.map(({ pid }) => pid.split('@')[1] ?? '');
  }

  /** Where the children make their temporary files. */
  get temporary(): string {
    return join(this.directory, 'tmp');
  }

  /** On the port of the last one, if there was one. */
  async startMaster(flags: string[] = []): Promise<MesitaProcess> {
    const port = this.#address.split(':')[1] ?? '0';
    const workDirectory = join(this.directory, 'master');
    const all = ['master', `--port=${port}`, `--work_dir=${workDirectory}`, '--log_format=json', ...flags];
    const master = this.spawn(all);
    this.#master = master;
    const found = await master.says(/"address":"([^"]+)","msg":"master is up"/);
    this.#address = found[1] ?? '';
    return master;
  }

  /** In the work directory of that name, which an earlier agent may have used. */
  async startAgent(name: string, flags: string[] = []): Promise<AgentProcess> {
    const workDirectory = join(this.directory, name);
    const process = this.spawn(this.agentArguments(workDirectory, flags));
    const found = await process.says(/"id":"([^"]+)".*"msg":"registered with the master"/);
    const agent = { process, name, workDirectory, id: found[1] ?? '' };
    this.agents.push(agent);
    return agent;
  }

  /** Kills the agent of that name, or ends it by another signal, and starts it again, at once or `away` milliseconds later. */
  async restartAgent(
    name: string,
    flags: string[] = [],
    away = 0,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<AgentProcess> {
    const index = this.agents.findIndex((agent) => agent.name === name);
    await this.agents[index]?.process.end(signal);
    this.agents.splice(index, 1);
    await new Promise((resolve) => setTimeout(resolve, away));
    return this.startAgent(name, flags);
  }

  agentArguments(workDirectory: string, flags: string[] = []): string[] {
    return [
      'agent',
      `--master=${this.#address}`,
      '--port=0',
      `--work_dir=${workDirectory}`,
      '--resources=cpus:4;mem:2048;disk:10000;ports:[]',
      `--default_image=${testImage}`,
      '--registration_backoff_factor=100ms',
      '--log_format=json',
      ...flags,
    ];
  }

  /** Any command, without waiting for it. */
  spawn(args: readonly string[], environment: NodeJS.ProcessEnv = {}): MesitaProcess {
    const process = new MesitaProcess(args, { ...this.#environment, MESITA_MASTER: this.#address, ...environment });
    this.#processes.add(process);
    return process;
  }

  /** A command that talks to the master of this cluster, to its end. */
  mesita(...args: string[]): Promise<Outcome> {
    return this.spawn(args).outcome;
  }

  /** `mesita run` of the test image, to its end. */
  run(options: readonly string[], ...command: string[]): Promise<Outcome> {
    return this.mesita('run', ...options, testImage, ...(command.length > 0 ? ['--', ...command] : []));
  }

  /** `mesita run` of the test image, as soon as it has written `up` on stdout. */
  async running(name: string, script = 'sleep 1000', options: readonly string[] = []): Promise<MesitaProcess> {
    const command = ['sh', '-c', `trap 'exit 7' TERM; echo up; ${script} & wait`];
    const process = this.spawn(['run', `--name=${name}`, ...options, testImage, '--', ...command]);
    await process.says(/up/, 'stdout');
    return process;
  }

  /** Runs a small task to its good end: the cluster is well. */
  async provesHealthy(): Promise<void> {
    const { code, stdout, stderr } = await this.run([], 'echo', 'healthy');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'healthy\n' }, stderr);
  }

  async get(path: string): Promise<Response> {
    return fetch(`http://${this.#address}${path}`);
  }

  async state(): Promise<ClusterState> {
    return (await (await this.get('/state')).json()) as ClusterState;
  }

  /** The container of a task of that name (or id), by the engine. */
  async containerOf(task: string): Promise<string> {
    return eventually(`the task ${task} has a container`, async () => {
      const found = tasksOf(await this.state(), false).find(({ id, name }) => id === task || name === task);
      if (found === undefined) return undefined;
      const labels = [`org.mesita.task=${found.id}`, `org.mesita.framework=${found.framework_id}`];
      return (await runningContainers(...labels))[0];
    });
  }

  /** The running containers of an executor on the first agent, by the engine: other clusters may have one of that id as well. */
  async containersOf(executor: string): Promise<string[]> {
    return runningContainers(`org.mesita.executor=${executor}`, `org.mesita.agent=${this.agent.id}`);
  }

  /** Where agents keep the sandboxes of a task of that name; the newest of them. */
  async sandboxOf(task: string): Promise<string> {
    const all = tasksOf(await this.state(), true).filter(({ id, name }) => id === task || name === task);
    const found = all.at(-1);
    assert.ok(found, `no task ${task}`);
    const agent = this.agents.find(({ id }) => id === found.slave_id);
    assert.ok(agent, `no agent ${found.slave_id}`);
    const { framework_id, id } = found;
    const executor = ['slaves', agent.id, 'frameworks', framework_id, 'executors', id, 'runs', 'latest'];
    return join(agent.workDirectory, ...executor);
  }

  /** Resolves when no task runs but the named ones, and nothing of the others is left. */
  async settled(...expected: string[]): Promise<void> {
    for (const daemon of [this.master, ...this.agents.map((agent) => agent.process)])
      assert.ok(!daemon.over, `${daemon.args[0]} has ended: ${daemon.stderr}`);
    await eventually('all other tasks are gone', async () => {
      const tasks = tasksOf(await this.state(), false);
      assert.deepEqual(tasks.map(({ name }) => name).sort(), [...expected].sort());
      const containers = await containersBelow(this.directory);
      assert.equal(containers.length, expected.length, `containers: ${containers.join(', ')}`);
      return true;
    });
    await eventually('the artifact store is empty', async () => {
      const files = await readdir(join(this.directory, 'master/artifacts')).catch(() => []);
      return files.length === 0;
    });
    for (const { workDirectory } of this.agents) {
      const entries = await readdir(workDirectory, { recursive: true }).catch(() => []);
      assert.deepEqual(
        entries.filter((entry) => entry.includes('.mesita-fetch-')),
        [],
        'an agent left something half fetched',
      );
    }
  }

  /**
   * Stops everything, removes everything, and fails if the cluster's own stop had left anything. `stopped` is done when no
   * process runs any more.
   */
  async close(stopped: () => void = () => undefined): Promise<void> {
    const left: string[] = [];
    try {
      for (const process of this.#processes) if (!this.#isDaemon(process)) await end(process, 'SIGKILL', left);
      await Promise.all(this.agents.map(({ process }) => end(process, 'SIGUSR1', left)));
      if (this.#master !== undefined) await end(this.#master, 'SIGTERM', left);
      for (const process of this.#processes) await end(process, 'SIGKILL', left);
      for (const pid of processesOf(this.directory)) left.push(`the process ${pid}`);
      for (const name of await containersBelow(this.directory)) {
        left.push(`the container ${name}`);
        await docker('rm', '-f', '-v', name);
      }
      for (const name of await readdir(this.temporary)) left.push(`the temporary file ${name}`);
    } finally {
      stopped();
      process.off('exit', this.#abandon);
      process.off('SIGTERM', this.#interrupted);
      await rm(this.directory, { recursive: true, force: true });
    }
    assert.deepEqual(left, [], 'the cluster left something');
  }

  /** Of an agent SIGUSR1, which ends its tasks. */
  #lastWord(process: MesitaProcess): NodeJS.Signals {
    if (process === this.#master) return 'SIGTERM';
    return this.#isDaemon(process) ? 'SIGUSR1' : 'SIGKILL';
  }

  #isDaemon(process: MesitaProcess): boolean {
    return process === this.#master || this.agents.some((agent) => agent.process === process);
  }
}

const patienceMs = 30_000;

async function end(process: MesitaProcess, signal: NodeJS.Signals, left: string[]): Promise<void> {
  if (process.over) return;
  process.kill(signal);
  const giveUp = setTimeout(() => {
    left.push(`\`mesita ${process.args[0]}\`, which did not stop on ${signal}: ${process.stderr}`);
    process.kill('SIGKILL');
  }, patienceMs);
  await process.outcome;
  clearTimeout(giveUp);
}

/** Processes that have the cluster's mark in their environment, where the system shows it. */
function processesOf(directory: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${mark}=${directory}`);
    } catch {
      // It has ended, or is another user's.
      return false;
    }
  });
}

/** A port of 127.0.0.1 on which nobody listens at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
