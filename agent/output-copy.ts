import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Clock, sleep } from '../runtime/clock.ts';
import { type LogLimits, RotatingFile } from '../runtime/rotating-file.ts';
import type { ContainerName, Engine, LogSinks } from './engine/engine.ts';
import type { Gate } from './gate.ts';
import { gapNotice, type KeptOutput, nothingKept, readKeptOutput } from './kept-output.ts';
import { OutputRest } from './output-rest.ts';

/** A moment, after which a container whose output is at its end has ended, too, if it has. */
const partingMs = 3_000;
/** What the engine has been given may take so long to be in its record. */
const recordingMs = 1_000;

export interface OutputCopyOptions {
  engine: Engine;
  clock: Clock;
  container: ContainerName;
  sandbox: string;
  limits: LogLimits;
  /** Aborting it abandons the copy. */
  stop: AbortSignal;
  /** When an agent comes back to many containers, reading what they wrote meanwhile must not take the engine from those that start. */
  catchingUp: Gate;
}

/**
 * One container's output on its way into the files `stdout` and `stderr` of its sandbox.
 *
 *     [attach | follow] → finish
 *
 * An engine that hands out what is being written (`attach`, before the start) makes the container wait for the copy, so nothing is
 * lost however much it writes; what such an engine keeps of it may then be little. Should that break off, or the agent end and another
 * one come, the engine's record is followed from where the files end.
 *
 * INVARIANT: what the engine has recorded is in the files once, in order. What it has not kept is missing where a line says so.
 */
export class OutputCopy {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #container: ContainerName;
  readonly #limits: LogLimits;
  readonly #catchingUp: Gate;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #finishing = new AbortController();
  readonly #following = new AbortController();
  readonly #abandoned = new AbortController();
  #attached: Promise<void> | undefined;
  #followed: Promise<void> | undefined;
  /** Of the reading that goes on now. */
  #rests: OutputRest[] = [];
  /** Bytes of the engine's record in earlier readings. */
  #taken = 0;

  constructor({ engine, clock, container, sandbox, limits, stop, catchingUp }: OutputCopyOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#container = container;
    this.#limits = limits;
    this.#catchingUp = catchingUp;
    const output = (path: string): Output => ({ path, file: new RotatingFile(path, limits) });
    this.#stdout = output(join(sandbox, 'stdout'));
    this.#stderr = output(join(sandbox, 'stderr'));
    // A file that cannot be written, e.g. on a full disk, ends the copy.
    for (const { file } of [this.#stdout, this.#stderr]) file.on('error', (error) => this.abandon(error));
    if (stop.aborted) this.abandon(stop.reason);
    else
      stop.addEventListener('abort', () => this.abandon(stop.reason), { once: true, signal: this.#abandoned.signal });
  }

  /** Copies what the container is going to write. Before its start; resolves when it may be started. */
  async attach(): Promise<void> {
    if (this.#engine.attach === undefined) return;
    // Its failure abandons the copy, and is nobody else's.
    const into = ({ file }: Output) =>
      new Writable({ write: (chunk: Buffer, _encoding, done) => void file.write(chunk, () => done()) });
    const sinks = { stdout: into(this.#stdout), stderr: into(this.#stderr) };
    const { ended } = await this.#engine.attach(this.#container, sinks, { signal: this.#abandoned.signal });
    this.#attached = ended.then(() => this.#resumeUnlessOver(sinks));
    this.#attached.catch(() => undefined);
  }

  get isAttached(): boolean {
    return this.#attached !== undefined;
  }

  /** Copies what comes, while the container runs, behind what the files have. */
  follow(): void {
    const signal = AbortSignal.any([this.#following.signal, this.#abandoned.signal]);
    this.#followed = this.#follow(signal);
  }

  /** The container has ended: resolves when all of its output is in the files. Throws the reason when the copy is abandoned. */
  async finish(): Promise<void> {
    this.#finishing.abort();
    const { signal } = this.#abandoned;
    const abandoned = new Promise<never>((_, reject) => {
      const giveUp = () => reject(signal.reason);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
    try {
      await Promise.race([this.#copyRest(), abandoned]);
    } finally {
      this.#close();
    }
  }

  abandon(reason: unknown): void {
    this.#abandoned.abort(reason);
  }

  /** The container never ran. */
  discard(): void {
    this.#finishing.abort();
    this.#close();
  }

  /** Grows as long as the copy goes on. */
  get progress(): number {
    const taken = this.#rests.reduce((sum, rest) => sum + rest.taken, this.#taken);
    return this.#stdout.file.bytesWritten + this.#stderr.file.bytesWritten + taken;
  }

  /** What was attached to has ended, with the container or without it. */
  async #resumeUnlessOver({ stdout, stderr }: LogSinks): Promise<void> {
    await sleep(this.#clock, partingMs, this.#finishing.signal);
    await Promise.all([drained(stdout), drained(stderr)]);
    if (!this.#finishing.signal.aborted && !this.#abandoned.signal.aborted) this.follow();
  }

  /**
   * Docker engines of version 20.10 end a followed log with the container, whatever of it is still to be sent. So what was followed is
   * passed over once more.
   */
  async #copyRest(): Promise<void> {
    await this.#attached;
    if (this.#attached === undefined || this.#followed !== undefined) {
      this.#following.abort();
      await this.#followed;
      await this.#catchUp(this.#abandoned.signal);
    }
    await Promise.all([end(this.#stdout.file), end(this.#stderr.file)]);
  }

  /** Again when that broke off, until the container ends: its engine may be away for a moment. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#followOnce(signal).catch(() => undefined);
      await sleep(this.#clock, partingMs, AbortSignal.any([signal, this.#finishing.signal]));
    }
  }

  /** First all that is recorded, so that it is known whether the record has the place. */
  async #followOnce(signal: AbortSignal): Promise<void> {
    const kept = await Promise.all([this.#kept(this.#stdout), this.#kept(this.#stderr)]);
    if (kept.some(({ size }) => size > 0)) await this.#catchUpInTurn(signal);
    if (!signal.aborted) await this.#read({ follow: true, signal });
  }

  /** Whoever is in line when the container ends is passed by. */
  async #catchUpInTurn(signal: AbortSignal): Promise<void> {
    const turn = this.#catchingUp.enter();
    const leave = await Promise.race([turn, aborted(signal)]);
    try {
      if (leave !== undefined) await this.#catchUp(signal);
    } finally {
      void turn.then((either) => either());
    }
  }

  /** Copies what the engine has recorded by now. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    if ((await this.#read({ follow: false, signal })).length === 0) return;
    await sleep(this.#clock, recordingMs, signal);
    const lost = await this.#read({ follow: false, signal });
    if (lost.length === 0) return;
    for (const { file } of lost) await written(file, `\n${gapNotice}: the engine has not kept all of it\n`);
    await this.#read({ follow: false, signal, from: lost });
  }

  /** Hands on what the files do not have, of some of them all that is recorded; returns those whose place the record did not have, and which got nothing. */
  async #read(options: { follow: boolean; signal: AbortSignal; from?: readonly Output[] }): Promise<Output[]> {
    const { from = [], ...reading } = options;
    const [stdout, stderr] = (await Promise.all(
      [this.#stdout, this.#stderr].map(async (output) => {
        const kept = from.includes(output) ? nothingKept : await this.#kept(output);
        return { output, rest: new OutputRest(kept, (bytes) => written(output.file, bytes)) };
      }),
    )) as [Reading, Reading];
    this.#rests = [stdout.rest, stderr.rest];
    try {
      await this.#engine.logs(this.#container, { stdout: stdout.rest, stderr: stderr.rest }, reading);
      await Promise.all(this.#rests.map(drained));
    } finally {
      for (const rest of this.#rests.splice(0)) {
        this.#taken += rest.taken;
        // What it has not handed on comes again with the next reading.
        rest.destroy();
      }
    }
    return [stdout, stderr].filter(({ rest }) => rest.lost).map(({ output }) => output);
  }

  /** What the file has, with all that was on its way to it. */
  async #kept({ path, file }: Output): Promise<KeptOutput> {
    await written(file, '');
    return readKeptOutput(path, this.#limits.files);
  }

  #close(): void {
    // A failure that comes after this is of no interest.
    this.#abandoned.abort();
    this.#stdout.file.destroy();
    this.#stderr.file.destroy();
  }
}

interface Output {
  readonly path: string;
  readonly file: RotatingFile;
}

interface Reading {
  output: Output;
  rest: OutputRest;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** With all that was written before. Its failure abandons the copy, and is nobody else's. */
function written(file: Writable, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => void file.write(bytes, () => resolve()));
}

const drained = (stream: NodeJS.WritableStream) => written(stream as Writable, '');

async function end(file: RotatingFile): Promise<void> {
  file.end();
  await finished(file);
}
