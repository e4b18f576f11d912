import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../runtime/clock.ts';

const script = join(import.meta.dirname, 'process-keeper.sh');
export const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Milliseconds between two rounds of collecting what has ended. */
const collectEvery = 250;

/**
 * The shell that is the parent of this engine's processes (process-keeper.sh). It is small, so that forking is fast, which of a Node process it is
 * not; and it outlives the agent.
 */
export class ProcessKeeper {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #died: () => void;
  #child: ChildProcess | undefined;
  #collecting: (() => void) | undefined;

  /** `died`: what it was asked for last may not have been begun. */
  constructor(directory: string, clock: Clock, died: () => void) {
    this.#directory = directory;
    this.#clock = clock;
    this.#died = died;
  }

  /** Runs the file `run` of that container. One that was killed is replaced. */
  launch(name: string): void {
    this.#child ??= this.#start();
    this.#child.stdin?.write(`${name}\n`);
  }

  /** A child has ended: it will not stay a zombie for long. */
  collect(): void {
    this.#collecting ??= this.#clock.after(collectEvery, () => {
      this.#collecting = undefined;
      this.#child?.stdin?.write('\n');
    });
  }

  /** It goes on until its children have ended. */
  close(): void {
    this.#collecting?.();
    this.#child?.stdin?.end();
    this.#child?.removeAllListeners();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    const child = spawn('/bin/sh', [script, this.#directory], {
      cwd: '/',
      detached: true,
      env: { PATH: standardPath },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const gone = (): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#died();
    };
    child.on('error', gone);
    child.on('exit', gone);
    child.stdin.on('error', gone);
    child.unref();
    (child.stdin as Socket).unref();
    return child;
  }
}
