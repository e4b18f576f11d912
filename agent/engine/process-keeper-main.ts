import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { constants as system } from 'node:os';
import { procFiles } from '../../runtime/proc-files.ts';
import { onJsonLines, ProcessJournal } from './process-journal.ts';
import type { KeeperOrder, KeeperReport, LaunchOrder } from './process-keeper.ts';

/** A link in place of the file must not lead elsewhere, nor a pipe make anybody wait. */
const safely =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Reports that are told together, where more is to be done. */
const together = 8;
const retryMs = 1_000;
/** Lines of the log before what is forgotten is taken out of it. */
const longLog = 4_000;

/** How likely the kernel is to kill this process, and those it starts, when memory runs out: 1000 is first. */
class OomScore {
  readonly #given = readFileSync('/proc/self/oom_score_adj', 'latin1').trim();
  readonly #file = openSync('/proc/self/oom_score_adj', 'w');
  #own = '-999';

  constructor() {
    try {
      this.#write(this.#own);
    } catch {
      // Only root may be spared.
      this.#own = this.#given;
    }
  }

  /** What it starts has that score, from its first moment on. */
  lend<T>(score: number | undefined, start: () => T): T {
    const wanted = score === undefined ? this.#given : String(score);
    if (wanted === this.#own) return start();
    try {
      this.#write(wanted);
    } catch {
      // Less than this user may choose.
    }
    try {
      return start();
    } finally {
      this.#write(this.#own);
    }
  }

  #write(score: string): void {
    writeSync(this.#file, score, 0);
  }
}

/**
 * The parent of host processes: `node process-keeper-main.ts LOG`. Reads orders, starts each process in a session of its own, and tells how it ended;
 * all that it tells is in the log, too. When its input ends (the agent stopped, or died) it goes on until its last child has ended.
 */
class Keeper {
  readonly #log: ProcessJournal;
  readonly #self: KeeperReport;
  readonly #oomScore = new OomScore();
  /** By mark: what was told of containers that are not forgotten. */
  readonly #told = new Map<string, KeeperReport[]>();
  readonly #orders: LaunchOrder[] = [];
  #living = 0;
  #untold: KeeperReport[] = [];
  #unwritten: KeeperReport[] = [];
  #turning = false;
  #alone = false;

  constructor(log: string) {
    this.#self = { kind: 'keeper', pid: process.pid, start: procFiles.row(process.pid)?.start ?? 0 };
    this.#log = new ProcessJournal(log, [this.#self]);
    this.#untold.push(this.#self);
    this.#turn();
  }

  take(order: KeeperOrder): void {
    if ('forget' in order) {
      this.#told.delete(order.forget);
      return;
    }
    this.#orders.push(order.launch);
    this.#turn();
  }

  /** The agent is gone, and has all it wanted. */
  end(): void {
    this.#alone = true;
    this.#turn();
  }

  /** One start at a time, and between two of them whatever has ended. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const order = this.#orders.shift();
      if (order !== undefined) this.#launch(order);
      if (this.#orders.length === 0 || this.#untold.length >= together) this.#tell();
      if (this.#orders.length > 0) this.#turn();
      else this.#leaveWhenDone();
    });
  }

  #launch(order: LaunchOrder): void {
    const { mark } = order;
    try {
      const child = this.#spawn(order);
      const { pid } = child;
      child.once('error', (error) => this.#failed(mark, error));
      if (pid === undefined) return;
      this.#living++;
      const report: KeeperReport = { kind: 'started', mark, pid, start: procFiles.row(pid)?.start ?? 0 };
      this.#told.set(mark, [report]);
      this.#untold.push(report);
      child.once('exit', (code, signal) => {
        this.#living--;
        this.#ended(mark, code ?? 128 + (signal === null ? 0 : system.signals[signal]));
      });
    } catch (error) {
      this.#failed(mark, error as NodeJS.ErrnoException);
    }
  }

  #spawn({ words, environment, directory, stdout, stderr, oomScore }: LaunchOrder): ReturnType<typeof spawn> {
    const [program = '', ...rest] = words;
    const outputs: number[] = [];
    try {
      for (const path of [stdout, stderr]) outputs.push(openOutput(path));
      return this.#oomScore.lend(oomScore, () =>
        spawn(program, rest, {
          cwd: directory,
          env: environment,
          detached: true,
          stdio: ['ignore', ...outputs],
        }),
      );
    } finally {
      for (const output of outputs) closeSync(output);
    }
  }

  #ended(mark: string, exitStatus: number): void {
    const report: KeeperReport = { kind: 'ended', mark, exitStatus };
    this.#told.get(mark)?.push(report);
    this.#untold.push(report);
    this.#turn();
  }

  #failed(mark: string, { message, code }: NodeJS.ErrnoException): void {
    this.#untold.push({ kind: 'failed', mark, message, code });
    this.#turn();
  }

  #tell(): void {
    if (this.#untold.length === 0) return;
    this.#unwritten.push(...this.#untold);
    this.#write();
    if (process.stdout.writable) process.stdout.write(this.#untold.map((each) => `${JSON.stringify(each)}\n`).join(''));
    this.#untold = [];
  }

  /** A full disk must not lose it. */
  #write(): void {
    try {
      if (this.#log.lines + this.#unwritten.length > longLog + 4 * this.#told.size) {
        this.#log.replace([this.#self, ...[...this.#told.values()].flat()]);
      } else {
        this.#log.append(this.#unwritten);
      }
      this.#unwritten = [];
    } catch {
      setTimeout(() => {
        this.#write();
        this.#leaveWhenDone();
      }, retryMs);
    }
  }

  #leaveWhenDone(): void {
    if (!this.#alone || this.#living > 0 || this.#untold.length + this.#unwritten.length > 0) return;
    if (this.#told.size === 0) rmSync(this.#log.path, { force: true });
    flushCompileCache();
    process.exit();
  }
}

function openOutput(path: string): number {
  const file = openSync(path, safely, 0o666);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new Error(`${path} is not a file`);
}

// What ends the agent's session must not end who knows how processes end.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.stdout.on('error', () => undefined);
const keeper = new Keeper(process.argv[2] ?? '');
onJsonLines(process.stdin, (order) => keeper.take(order as KeeperOrder));
process.stdin.on('end', () => keeper.end());
flushCompileCache();
