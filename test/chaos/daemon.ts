import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { moment } from './journal.ts';
import { Network } from './network.ts';

export interface DaemonOptions {
  name: string;
  host: string;
  command: readonly string[];
  directory: string;
  environment: NodeJS.ProcessEnv;
  /** All that it says, in all of its lives. */
  log: string;
  /** It ended without having been asked to. Started again after a second. */
  died(death: Death): void;
}

export interface Death {
  daemon: string;
  at: number;
  how: string;
}

/** A process on a host that is killed, stopped, and started again. */
export class Daemon {
  readonly name: string;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #over: Promise<void> = Promise.resolve();
  /** Whether it is meant to run. */
  #wanted = false;

  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#wanted = true;
    if (this.#child !== undefined) return;
    const { host, command, directory, environment, log } = this.#options;
    const [program = '', ...args] = [...Network.on(host), ...command];
    const output = openSync(log, 'a');
    // Its own session: a Ctrl-C at the terminal is for the run alone, which ends them in order.
    const child = spawn(program, args, {
      cwd: directory,
      env: environment,
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    this.#child = child;
    this.#over = new Promise((over) => {
      const ended = (how: string) => {
        this.#child = undefined;
        over();
        if (this.#wanted) this.#died(how);
      };
      child.once('error', (error) => ended(error.message));
      child.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it by this signal, and resolves when it has ended; false when SIGKILL had to help after the patience (ms). */
  async end(signal: NodeJS.Signals, patience = 20_000): Promise<boolean> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return true;
    child.kill(signal);
    // A stopped process would not hear of it.
    child.kill('SIGCONT');
    const late = new AbortController();
    const timeout = sleep(patience, 'late', { signal: late.signal }).catch(() => 'over');
    const first = await Promise.race([this.#over, timeout]);
    late.abort();
    if (first !== 'late') return true;
    child.kill('SIGKILL');
    await this.#over;
    return false;
  }

  #died(how: string): void {
    this.#options.died({ daemon: this.name, at: moment(), how });
    setTimeout(() => {
      if (this.#wanted) this.start();
    }, 1000).unref();
  }
}
