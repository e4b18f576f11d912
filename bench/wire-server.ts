import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pidusage from 'pidusage';
import type { Target } from './wire-client.ts';

const launcher = resolve(import.meta.dirname, '../mesita');
const bare = resolve(import.meta.dirname, 'bare-server.ts');

/** A server under load, in a process of its own on core 0 where `taskset` is there to say so. */
export class WireServer {
  readonly target: Target;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(target: Target, child: ChildProcess, directory: string) {
    this.target = target;
    this.#child = child;
    this.#directory = directory;
  }

  static async start(kind: 'master' | 'bare'): Promise<WireServer> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-bench-'));
    const command =
      kind === 'bare'
        ? [process.execPath, bare]
        : [launcher, 'master', '--port=0', `--work_dir=${directory}`, '--allocation_interval=1secs'];
    const pinned = spawnSync('taskset', ['--version']).error === undefined ? ['taskset', '-c', '0'] : [];
    const [file = '', ...args] = [...pinned, ...command];
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    const port = await new Promise<number>((done, fail) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const match = /address=127\.0\.0\.1:(\d+)/.exec(text);
        if (match !== null) done(Number(match[1]));
      });
      child.once('exit', (code) => fail(new Error(`the ${kind} server ended with ${code}: ${text}`)));
    });
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGTERM' && code !== 0)
        console.error(`the ${kind} server ended with ${code ?? signal}: ${text.slice(-2000)}`);
    });
    return new WireServer({ host: '127.0.0.1', port }, child, directory);
  }

  /** CPU seconds so far. */
  async cpuSeconds(): Promise<number> {
    return (await pidusage(this.#pid())).ctime / 1000;
  }

  /** Bytes resident. */
  resident(): number {
    const pages = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#pid()}/status`, 'utf8'))?.[1];
    return Number(pages) * 1024;
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
    pidusage.clear();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #pid(): number {
    return this.#child.pid ?? 0;
  }
}
