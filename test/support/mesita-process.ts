import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { eventually, Hopeless } from './eventually.ts';

/** How a process ended, and all that it wrote. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const main = resolve(import.meta.dirname, '../../cli/main.ts');

/** `node cli/main.ts …` as a child process: a daemon, or a command of a person's. */
export class MesitaProcess {
  readonly args: readonly string[];
  /** Resolves when the process is over and its output complete. */
  readonly outcome: Promise<Outcome>;
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  #over = false;

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.args = args;
    this.#child = spawn(process.execPath, [main, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.outcome = once(this.#child, 'close').then(([code, signal]) => {
      this.#over = true;
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get over(): boolean {
    return this.#over;
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** Closes our end of its stdout, as `| head` does. */
  hangUp(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Outcome> {
    this.kill(signal);
    return this.outcome;
  }

  /** Waits until a stream has what the pattern describes; fails when the process ends without it. */
  says(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stderr'): Promise<RegExpExecArray> {
    return eventually(`\`mesita ${this.args.join(' ')}\` says ${pattern}`, () => {
      const found = pattern.exec(this[stream]);
      if (found === null && this.#over)
        throw new Hopeless(
          `\`mesita ${this.args.join(' ')}\` does not say ${pattern}; it ended, and had said: ${this.stdout}, and had said: ${this.stderr}`,
        );
      return found ?? undefined;
    });
  }
}
