import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Target } from './wire-client.ts';

const launcher = resolve(import.meta.dirname, '../mesita');
const ticksPerSecond = 100;

/** A master as in production, on core 0 where `taskset` is there to say so; it can be killed, and started again on what it left. */
export class MasterProcess {
  readonly target: Target;
  readonly #child: ChildProcess;

  private constructor(target: Target, child: ChildProcess) {
    this.target = target;
    this.#child = child;
  }

  /** Resolves when it leads. `port`: 0 for any. */
  static async start(workDirectory: string, port = 0, flags: readonly string[] = []): Promise<MasterProcess> {
    const pinned = spawnSync('taskset', ['--version']).error === undefined ? ['taskset', '-c', '0'] : [];
    const command = [launcher, 'master', `--port=${port}`, `--work_dir=${workDirectory}`, ...flags];
    const [file = '', ...args] = [...pinned, ...command];
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    let isUp = false;
    const listening = await new Promise<number>((done, fail) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (isUp) return;
        text += chunk.toString();
        const match = /address=127\.0\.0\.1:(\d+)/.exec(text);
        isUp = match !== null;
        if (match !== null) done(Number(match[1]));
      });
      child.once('exit', (code) => fail(new Error(`the master ended with ${code}: ${text}`)));
    });
    return new MasterProcess({ host: '127.0.0.1', port: listening }, child);
  }

  /** CPU seconds so far. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid ?? 0}/stat`, 'utf8');
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user + system) / ticksPerSecond;
  }

  /** MB resident. */
  resident(): number {
    const status = readFileSync(`/proc/${this.#child.pid ?? 0}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill(signal);
    await ended;
  }
}
