import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { onJsonLines, readJournal } from './process-journal.ts';

/** What the keeper is asked to run. */
export interface LaunchOrder {
  /** Of the container; the keeper knows it by nothing else. */
  mark: string;
  words: readonly string[];
  environment: Record<string, string>;
  directory: string;
  /** Files that are appended to. */
  stdout: string;
  stderr: string;
  oomScore?: number;
}

/** A line to the keeper. */
export type KeeperOrder = { launch: LaunchOrder } | { forget: string };

/** A line of the keeper, to the agent and in its log, where the first one is the keeper itself. */
export type KeeperReport =
  | ({ kind: 'keeper' } & ProcessId)
  | ({ kind: 'started'; mark: string } & ProcessId)
  | { kind: 'ended'; mark: string; exitStatus: number }
  | { kind: 'failed'; mark: string; message: string; code: string | undefined };

/** `start`: see `ProcessRow`; tells it from another process that is given its pid later. */
export interface ProcessId {
  pid: number;
  start: number;
}

/** The process that leads a container's session, and its parent, the keeper, who waits for it. */
export interface Started extends ProcessId {
  keeper: ProcessId;
}

/** What a keeper says of a container. */
export type Notice = { mark: string } & (
  | { kind: 'started'; started: Started }
  /** 0 to 255 */
  | { kind: 'ended'; exitStatus: number }
  | { kind: 'failed'; error: Error }
);

/** Reads one keeper's reports in their order. */
export class ReportReader {
  keeper: ProcessId = { pid: 0, start: 0 };

  /** Undefined when it says nothing of a container. */
  read(report: KeeperReport): Notice | undefined {
    if (report.kind === 'keeper') this.keeper = { pid: report.pid, start: report.start };
    if (report.kind === 'started') {
      const { kind, mark, pid, start } = report;
      return { kind, mark, started: { pid, start, keeper: this.keeper } };
    }
    if (report.kind === 'failed') {
      const { kind, mark, message, code } = report;
      return { kind, mark, error: Object.assign(new Error(message), { code }) };
    }
    return report.kind === 'ended' ? report : undefined;
  }
}

/** All that a keeper has said of containers that it was not told to forget. */
export function readKeeperLog(path: string): { keeper: ProcessId; notices: Notice[] } {
  const reader = new ReportReader();
  const notices = readJournal(path).flatMap((report) => reader.read(report as KeeperReport) ?? []);
  return { keeper: reader.keeper, notices };
}

export interface KeeperOptions {
  /** A path for the log of a new keeper. */
  newLog(): string;
  hear(notice: Notice): void;
  /** It was killed. Whatever it has said by then, is in its log. */
  died(keeper: ProcessId, log: string): void;
}

const program = join(import.meta.dirname, 'process-keeper-main.ts');
/** It is small, so that forking it is fast. */
const small = ['--max-semi-space-size=1', '--no-warnings'];
export const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The process that is the parent of this engine's processes (process-keeper-main.ts). It is a process of its own because it outlives the agent:
 * nobody but a parent is told how a process ended.
 */
export class ProcessKeeper {
  readonly #options: KeeperOptions;
  #child: ChildProcess | undefined;
  #orders: KeeperOrder[] = [];

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Starts it, where it is not there: it takes a moment to be ready. One that was killed is replaced. */
  prepare(): void {
    this.#child ??= this.#start();
  }

  launch(order: LaunchOrder): void {
    this.prepare();
    this.#say({ launch: order });
  }

  /** The container is removed. */
  forget(mark: string): void {
    if (this.#child !== undefined) this.#say({ forget: mark });
  }

  /** It goes on until its children have ended. */
  close(): void {
    this.#flush();
    this.#child?.stdin?.end();
    this.#child?.stdout?.destroy();
    this.#child?.removeAllListeners();
    this.#child = undefined;
  }

  /** Those of one turn of the event loop go together. */
  #say(order: KeeperOrder): void {
    if (this.#orders.push(order) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const text = this.#orders.map((order) => `${JSON.stringify(order)}\n`).join('');
    this.#orders = [];
    if (text !== '') this.#child?.stdin?.write(text);
  }

  #start(): ChildProcess {
    const { newLog, hear, died } = this.#options;
    const log = newLog();
    const { NODE_COMPILE_CACHE: cache } = process.env;
    const child = spawn(process.execPath, [...small, program, log], {
      cwd: '/',
      detached: true,
      env: { PATH: standardPath, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const reader = new ReportReader();
    onJsonLines(child.stdout, (report) => {
      const notice = reader.read(report as KeeperReport);
      if (notice !== undefined) hear(notice);
    });
    const gone = (): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      // What it has not read would be begun twice.
      this.#orders = [];
      died(reader.keeper, log);
    };
    child.on('error', gone);
    child.on('exit', gone);
    child.stdin.on('error', gone);
    child.unref();
    (child.stdin as Socket).unref();
    (child.stdout as Socket).unref();
    return child;
  }
}
