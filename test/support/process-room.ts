import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ContainerSpec, Engine, EngineEvent } from '../../agent/engine/engine.ts';
import { ProcessEngine } from '../../agent/engine/process-engine.ts';
import { procFiles } from '../../runtime/proc-files.ts';

export const never = new AbortController().signal;
const scope = { 'mesita.test.scope': 'process room' };

/** A directory with the state of a process engine, and engine objects that come and go on it. */
export class ProcessRoom {
  readonly directory: string;
  readonly state: string;
  readonly warnings: string[] = [];
  readonly #engines: ProcessEngine[] = [];
  readonly #agents: ChildProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.state = join(directory, 'state');
  }

  static async open(): Promise<ProcessRoom> {
    return new ProcessRoom(await mkdtemp(join(tmpdir(), 'mesita-test-processes-')));
  }

  engine(): ProcessEngine {
    const warn = (message: string) => void this.warnings.push(message);
    const engine = new ProcessEngine({ directory: this.state, scope, warn });
    this.#engines.push(engine);
    return engine;
  }

  async connected(): Promise<ProcessEngine> {
    const engine = this.engine();
    await engine.connect(never);
    return engine;
  }

  async run(engine: Engine, name: string, script: string, change: Partial<ContainerSpec> = {}): Promise<void> {
    await engine.create({ ...specOf(name, script, this.directory), ...change });
    await engine.start(name);
  }

  /** Another Node process with an engine of its own, which runs these containers; resolves when the first one has ended. */
  async agentThatRuns(
    containers: Record<string, string>,
    awaited: string,
    sessions: Record<string, string> = {},
  ): Promise<ChildProcess> {
    const given = JSON.stringify({
      state: this.state,
      scope,
      awaited,
      directory: this.directory,
      containers,
      sessions,
    });
    const agent = spawn(process.execPath, [join(import.meta.dirname, 'process-agent.ts'), given], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#agents.push(agent);
    await new Promise<void>((ready, failed) => {
      agent.stdout?.once('data', () => ready());
      agent.once('exit', (code) => failed(new Error(`the agent ended with ${code}`)));
    });
    return agent;
  }

  /** The pids of this room's keepers. */
  async keepers(): Promise<number[]> {
    const found: number[] = [];
    for (const pid of procFiles.pids()) {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      const isKeeper = words.some((word) => word.endsWith('process-keeper-main.ts'));
      if (isKeeper && words.some((word) => word.startsWith(this.state))) found.push(pid);
    }
    return found;
  }

  /** What there is on the disk, as one text. */
  async logs(kind: 'keeper' | 'containers'): Promise<string> {
    const files = await readdir(this.state, { recursive: true });
    const logs = files.filter((file) => basename(file).startsWith(kind));
    return (await Promise.all(logs.map((file) => readFile(join(this.state, file), 'utf8')))).join('');
  }

  /** Of the one container that there was. */
  async mark(): Promise<string> {
    return /"mark":"([^"]+)"/.exec(await this.logs('containers'))?.[1] ?? 'nothing';
  }

  /** Zombies, too. */
  childrenOf(parents: readonly number[]): number[] {
    return procFiles.pids().filter((pid) => parents.includes(procFiles.row(pid)?.parent ?? -1));
  }

  /** Living processes of a container. */
  async processesOf(name: string): Promise<number[]> {
    const lines = (await this.logs('containers')).split('\n').filter((line) => line.includes(`"name":"${name}"`));
    const mark = /"mark":"([^"]+)"/.exec(lines.at(-1) ?? '')?.[1] ?? 'nothing';
    const found: number[] = [];
    for (const pid of procFiles.pids()) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (environment.includes(mark)) found.push(pid);
    }
    return found;
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.kill('SIGKILL');
    for (const engine of this.#engines) await engine.close();
    const last = await this.connected();
    for (const { name } of await last.list()) await last.remove(name);
    await last.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function specOf(name: string, script: string, workingDirectory: string): ContainerSpec {
  return {
    name,
    image: '',
    labels: { color: 'red' },
    entrypoint: ['/bin/sh'],
    command: ['-c', script],
    environment: { PATH: '/usr/bin:/bin' },
    workingDirectory,
    cpuShares: 1,
    pidsLimit: 100,
    network: { mode: 'host' },
    mounts: [],
    privileged: false,
    parameters: [],
  };
}

/** The end of a container that is still to come. */
export function exitOf(engine: Engine, name: string): Promise<EngineEvent & { kind: 'exited' }> {
  return new Promise((resolve) => {
    engine.onEvent((event) => {
      if (event.kind === 'exited' && event.name === name) resolve(event);
    });
  });
}
