import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants, cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { procFiles, procFilesMarkedBy } from '../../runtime/proc-files.ts';
import { ProcessTable } from '../../runtime/process-table.ts';
import { TreeEnder } from '../../runtime/tree-ender.ts';
import type {
  ContainerAddress,
  ContainerLimits,
  ContainerName,
  ContainerSpec,
  ContainerSummary,
  ContainerUsage,
  Engine,
  EngineEvent,
  EngineFacts,
  ExecOptions,
  ExecResult,
  LogSinks,
} from './engine.ts';
import { invalid, markVariable, superviseCall } from './process-command.ts';
import { isSupervised, ProcessContainer } from './process-container.ts';
import { ProcessKeeper, standardPath } from './process-keeper.ts';
import { copyOutput } from './process-logs.ts';
import { putAway, sizeOf } from './process-rotation.ts';
import { ProcessSampler } from './process-sampler.ts';
import { noImage, refusal } from './process-spec.ts';
import { type FoundContainer, type Notice, type OutputStream, ProcessStore } from './process-store.ts';

export interface ProcessEngineOptions {
  /** Where containers are kept; made when it is not there. */
  directory: string;
  /** Labels that every container of this engine object carries, and without which it sees none. At least one. */
  scope: Record<string, string>;
  clock?: Clock;
  /** What a person should know, e.g. that a container was killed for its number of processes. */
  warn?: (message: string) => void;
}

const megabyte = 2 ** 20;
const apiVersion = '1.0';
/** Milliseconds that the keeper has to start a process. */
const startPatience = 30_000;
/** Milliseconds after which what a keeper had begun when it was killed is known. */
const deathSettles = 1_000;
/** Milliseconds between two looks for what is left of containers that have ended, and how many times as long as a look takes they are apart. */
const settling = { every: 40, times: 9 };
const outputKept = 1024;

interface Tools {
  reset: boolean;
  /** Bytes. */
  pageSize: number;
}

/**
 * The engine port on host processes, for machines without a container engine. Linux only, with util-linux and coreutils.
 * See engine.ts for what each method promises; what a process cannot be given (an image, a network, a read-only mount, parameters of
 * docker run) is refused by name. CPU limits are not enforced; those of memory and of processes are by looking now and then.
 *
 * INVARIANTS
 * - `exited` is reported when no process of the container is left.
 * - All that is needed to go on is on the disk before it is needed (process-store.ts), the agent may be killed at any time: processes and their
 *   supervisors are children of the keeper, which outlives it.
 */
export class ProcessEngine implements Engine {
  readonly #options: ProcessEngineOptions;
  readonly #clock: Clock;
  readonly #store: ProcessStore;
  readonly #keeper: ProcessKeeper;
  readonly #table = new ProcessTable(procFilesMarkedBy(markVariable));
  readonly #ender: TreeEnder;
  readonly #containers = new Map<ContainerName, ProcessContainer>();
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #closing = new AbortController();
  #sampler: ProcessSampler | undefined;
  #tools: Tools = { reset: true, pageSize: 4096 };
  /** Whose main process is over, with its status, until the next look for what is left of them. */
  #settling = new Map<ProcessContainer, number>();
  #cancelSettling: (() => void) | undefined;
  /** Milliseconds since the epoch. */
  #settleNext = 0;

  constructor(options: ProcessEngineOptions) {
    if (Object.keys(options.scope).length === 0) {
      throw new Error('An engine without a scope would see the containers of others');
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#store = new ProcessStore(options.directory);
    this.#keeper = new ProcessKeeper(options.directory, this.#clock, () => this.#keeperDied());
    this.#ender = new TreeEnder({ table: this.#table, clock: this.#clock, signal: send });
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    this.#tools = await findTools(signal);
    this.#sampler = new ProcessSampler({
      table: this.#table,
      clock: this.#clock,
      pageSize: this.#tools.pageSize,
      exceeded: (container, what) => this.#exceeded(container, what),
      looked: (container) => void this.#rotate(container),
      unattended: (container) => this.#unattended(container),
    });
    this.#openStore();
    await this.#takeOver(this.#store.find());
    this.#emit({ kind: 'connected' });
    return {
      version: release(),
      apiVersion,
      cgroupVersion: '2',
      cpus: cpus().length,
      mem: Math.floor(totalmem() / megabyte),
      operatingSystem: type(),
      rootDirectory: this.#options.directory,
      enforces: { cpuQuota: false, memory: true, swap: false, pids: false },
    };
  }

  async ensureImage(image: string): Promise<void> {
    if (image !== '') throw noImage(image);
  }

  async create(spec: ContainerSpec): Promise<void> {
    const refused = refusal(spec);
    if (refused !== undefined) throw refused;
    if (this.#containers.has(spec.name)) throw invalid(`The name ${spec.name} is in use`);
    const labelled = { ...spec, labels: { ...spec.labels, ...this.#options.scope } };
    this.#make(new ProcessContainer({ spec: labelled, mark: randomUUID() }));
  }

  async start(name: ContainerName): Promise<void> {
    const container = this.#existing(name);
    if (container.state !== 'created') return;
    this.#link(container);
    this.#prepareOutput(container);
    await this.#begin(container);
  }

  async addresses(name: ContainerName): Promise<ContainerAddress[]> {
    this.#existing(name);
    return [];
  }

  async stop(name: ContainerName, graceSeconds: number): Promise<void> {
    const container = this.#existing(name);
    if (!container.runs) return;
    container.stops++;
    this.#ender.ask(container.mark);
    const cancel = this.#clock.after(Math.max(0, graceSeconds) * 1000, () => void this.#kill(container));
    await container.over.promise;
    cancel();
  }

  async signal(name: ContainerName, signal: string): Promise<void> {
    const container = this.#containers.get(name);
    const started = container?.state === 'running' ? container.started : undefined;
    // Another process may have the pid by now; whose parent is the supervisor, is it.
    if (started === undefined || procFiles.row(started.pid)?.parent !== started.supervisor.pid) return;
    if (!(signal in constants.signals)) throw invalid(`There is no signal ${signal}`);
    send(started.pid, signal as NodeJS.Signals);
  }

  async update(name: ContainerName, limits: ContainerLimits): Promise<void> {
    const container = this.#containers.get(name);
    if (container === undefined || !container.runs) return;
    container.kept = { ...container.kept, spec: { ...container.spec, ...limits } };
    this.#store.make(container.kept, this.#callOf(container));
  }

  async logs(name: ContainerName, sinks: LogSinks, options: { follow: boolean; signal: AbortSignal }): Promise<void> {
    const { spec, over } = this.#existing(name);
    const source = {
      path: (stream: OutputStream) => this.#store.outputOf(spec, stream),
      over: options.follow ? over.promise : undefined,
    };
    await copyOutput(source, sinks, AbortSignal.any([options.signal, this.#closing.signal]));
  }

  async exec(name: ContainerName, command: readonly string[], options: ExecOptions): Promise<ExecResult | undefined> {
    options.signal.throwIfAborted();
    const container = this.#containers.get(name);
    if (container?.state !== 'running') return undefined;
    const run = this.#commandWithin(container, command, options);
    const problem = this.#problemOf(run);
    if (problem !== undefined) return { exitCode: 126, output: problem };
    const giveUp = () => void this.#kill(run);
    options.signal.addEventListener('abort', giveUp);
    container.over.promise.then(giveUp, giveUp);
    try {
      this.#make(run);
      await this.#begin(run);
      if (options.signal.aborted) giveUp();
      await run.over.promise;
      options.signal.throwIfAborted();
      const output = await endOf(this.#store.outputOf(run.spec, 'stdout'));
      return { exitCode: run.exit?.exitCode ?? 137, output };
    } finally {
      options.signal.removeEventListener('abort', giveUp);
      await this.remove(run.name);
    }
  }

  async usage(name: ContainerName): Promise<ContainerUsage | undefined> {
    const container = this.#containers.get(name);
    if (container === undefined || !container.runs) return undefined;
    this.#sampler?.measure([container]);
    return container.usage.figures;
  }

  async remove(name: ContainerName): Promise<void> {
    const container = this.#containers.get(name);
    if (container === undefined) return;
    container.removal ??= this.#remove(container);
    await container.removal;
  }

  async list(): Promise<ContainerSummary[]> {
    return [...this.#containers.values()].flatMap((each) => (each.kept.within === undefined ? [each.summary()] : []));
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelSettling?.();
    this.#sampler?.stop();
    this.#store.close();
    this.#keeper.close();
    this.#listeners.clear();
  }

  #openStore(): void {
    const { directory } = this.#options;
    try {
      this.#store.open((notice) => this.#hear(notice));
    } catch (cause) {
      throw new MesitaError('MESITA_WORK_DIR_UNUSABLE', {
        message: `The process engine cannot keep its state in ${directory}: ${describeError(cause)}`,
        cause,
      });
    }
  }

  /** What an earlier engine object of this scope has left. What ended meanwhile is not reported, but listed. */
  async #takeOver(found: readonly FoundContainer[]): Promise<void> {
    const own = found.filter(({ spec }) => this.#inScope(spec));
    await Promise.all(own.map((each) => this.#takeOverOne(each)));
  }

  async #takeOverOne(found: FoundContainer): Promise<void> {
    const { spec, mark, within, started, exitStatus, memPeak } = found;
    const { name } = spec;
    const container = new ProcessContainer({ spec, mark, ...(within === undefined ? {} : { within }) });
    container.memPeak = memPeak;
    container.started = started;
    this.#containers.set(name, container);
    const supervised =
      started !== undefined && procFiles.row(started.supervisor.pid)?.start === started.supervisor.start;
    if (exitStatus === undefined && supervised) {
      this.#running(container, started);
      // Nobody waits for its answer any more.
      if (within !== undefined) await this.remove(name);
      return;
    }
    // One that was being started when the agent died may have begun, and not have said so.
    this.#table.register(container.mark, undefined);
    await this.#ender.end(container.mark);
    this.#table.forget(container.mark);
    if (exitStatus !== undefined || started !== undefined) this.#exited(container, exitStatus ?? 137);
    if (within !== undefined) await this.remove(name);
  }

  #inScope({ labels }: ContainerSpec): boolean {
    return Object.entries(this.#options.scope).every(([key, value]) => labels[key] === value);
  }

  #make(container: ProcessContainer): void {
    const { kept, name } = container;
    const call = this.#callOf(container);
    try {
      this.#store.make(kept, call);
    } catch (cause) {
      throw ioError(`make the container ${name}`, cause);
    }
    this.#containers.set(name, container);
  }

  #callOf({ spec, kept, mark }: ProcessContainer): string {
    const stdout = this.#store.outputOf(spec, 'stdout');
    // Of a command beside, what comes last is wanted, whichever of both it is.
    const stderr = kept.within === undefined ? this.#store.outputOf(spec, 'stderr') : stdout;
    return superviseCall(spec, { mark, stdout, stderr, reset: this.#tools.reset });
  }

  #prepareOutput({ spec, name }: ProcessContainer): void {
    if (spec.output === undefined) return;
    try {
      this.#store.makeOutput(spec);
    } catch (cause) {
      throw ioError(`make the files for the output of ${name}`, cause);
    }
  }

  /** Puts away output that has grown too large. */
  async #rotate(container: ProcessContainer): Promise<void> {
    const { spec, mark } = container;
    if (spec.output === undefined || spec.output.maxSize === 0 || container.rotating) return;
    container.rotating = true;
    const writers = { pids: () => (this.#table.members().get(mark) ?? []).map(({ pid }) => pid), signal: send };
    for (const stream of ['stdout', 'stderr'] as const) {
      const path = this.#store.outputOf(spec, stream);
      if (sizeOf(path) < spec.output.maxSize) continue;
      await putAway(path, spec.output.files, writers).catch((error: unknown) =>
        this.#options.warn?.(`${path} cannot be put away: ${describeError(error)}`),
      );
    }
    container.rotating = false;
  }

  #link({ spec }: ProcessContainer): void {
    for (const mount of spec.mounts) {
      if (mount.kind !== 'bind') continue;
      try {
        mkdirSync(dirname(mount.containerPath), { recursive: true });
        symlinkSync(mount.hostPath, mount.containerPath);
      } catch (cause) {
        throw ioError(`link ${mount.containerPath} to ${mount.hostPath}`, cause);
      }
    }
  }

  async #begin(container: ProcessContainer): Promise<void> {
    const { name } = container;
    container.state = 'starting';
    container.launched = true;
    this.#table.register(container.mark, undefined);
    this.#keeper.launch(name);
    const cancel = this.#clock.after(startPatience, () => this.#giveUpStart(container, 'nothing was heard of it'));
    try {
      await container.begun.promise;
    } catch (cause) {
      await this.#ender.end(container.mark);
      container.state = 'created';
      throw ioError(`start the process of ${name}`, cause);
    } finally {
      cancel();
    }
  }

  #giveUpStart(container: ProcessContainer, reason: string): void {
    if (container.state !== 'starting') return;
    for (const notice of this.#store.noticesOf(container.name)) this.#hear(notice);
    container.begun.reject(new Error(reason));
  }

  /** Whatever has begun by then, has said so. */
  #keeperDied(): void {
    const starting = [...this.#containers.values()].filter(({ state }) => state === 'starting');
    this.#clock.after(deathSettles, () => {
      for (const container of starting) this.#giveUpStart(container, 'the shell that starts processes was killed');
    });
  }

  #hear(notice: Notice): void {
    const container = this.#containers.get(notice.name);
    if (container === undefined) return;
    if (notice.kind === 'started' && container.state === 'starting') this.#running(container, notice.started);
    if (notice.kind === 'ended' && container.state === 'starting') {
      // Both came at once, and this one first.
      const [started] = this.#store.noticesOf(notice.name);
      if (started?.kind === 'started') this.#running(container, started.started);
      else container.state = 'running';
    }
    if (notice.kind === 'ended' && container.state === 'running') this.#ended(container, notice.exitStatus);
  }

  #running(container: ProcessContainer, started: NonNullable<FoundContainer['started']>): void {
    container.state = 'running';
    container.started = started;
    const main = procFiles.row(started.pid);
    // Its supervisor does not let it go before it has said so; and whose parent that is, is it.
    const alive = main?.parent === started.supervisor.pid;
    this.#table.register(container.mark, alive ? main.pid : undefined, main?.start);
    this.#sampler?.watch(container);
    container.begun.resolve();
  }

  #ended(container: ProcessContainer, exitStatus: number): void {
    container.state = 'ending';
    container.begun.resolve();
    this.#sampler?.forget(container);
    this.#keeper.collect();
    this.#settling.set(container, exitStatus);
    const wait = Math.max(0, this.#settleNext - this.#clock.now());
    this.#cancelSettling ??= this.#clock.after(wait, () => this.#settle());
  }

  /** One quick look for what is left of all that have ended; almost always it is nothing. */
  #settle(): void {
    const ended = this.#settling;
    this.#settling = new Map();
    this.#cancelSettling = undefined;
    const began = this.#clock.now();
    const members = this.#table.members('quick');
    for (const [container, exitStatus] of ended) {
      const finish = () => {
        this.#table.forget(container.mark);
        this.#exited(container, exitStatus);
        this.#tellExit(container);
      };
      if ((members.get(container.mark) ?? []).length === 0) finish();
      // A shell dies of the first signal; what it has started may use its grace period.
      else if (container.stops > 0) void this.#ender.gone(container.mark).then(finish);
      else void this.#ender.end(container.mark).then(finish);
    }
    const now = this.#clock.now();
    this.#settleNext = now + Math.max(settling.every, (now - began) * settling.times);
  }

  #exited(container: ProcessContainer, exitCode: number): void {
    const { memPeak } = container;
    container.state = 'exited';
    container.exit = { exitCode, outOfMemory: memPeak !== undefined, ...(memPeak === undefined ? {} : { memPeak }) };
    container.begun.resolve();
    container.over.resolve();
  }

  #tellExit({ name, exit, kept }: ProcessContainer): void {
    if (exit !== undefined && kept.within === undefined) this.#emit({ kind: 'exited', name, ...exit });
  }

  #exceeded(container: ProcessContainer, what: 'memory' | 'processes'): void {
    const { name, usage, kept, spec } = container;
    if (what === 'memory' && container.memPeak === undefined) {
      container.memPeak = usage.memory;
      this.#store.noteMemoryKill(name, usage.memory);
      if (kept.within === undefined) this.#emit({ kind: 'oom', name });
    }
    if (what === 'processes') {
      this.#options.warn?.(`${name} is killed: it has ${usage.processes} processes, and may have ${spec.pidsLimit}`);
    }
    void this.#kill(container);
  }

  /** Kills until nothing is left; its end is told after that, by its supervisor or for want of one. */
  async #kill(container: ProcessContainer): Promise<void> {
    container.stops = 0;
    await this.#ender.end(container.mark);
    this.#unattended(container);
  }

  /** Whatever was not heard is asked for. One whose supervisor was killed ends here: nobody will ever know how. */
  #unattended(container: ProcessContainer): void {
    const { name, state, started } = container;
    if (state !== 'running' || started === undefined) return;
    const supervised = isSupervised(started);
    const ended = this.#store.noticesOf(name).find((notice) => notice.kind === 'ended');
    if (ended === undefined && supervised) return;
    if (ended === undefined)
      this.#options.warn?.(`The supervisor of ${name} was killed, and so is what it watched over`);
    this.#ended(container, ended?.exitStatus ?? 137);
  }

  async #remove(container: ProcessContainer): Promise<void> {
    const { name } = container;
    if (container.state === 'starting') await container.begun.promise.catch(() => undefined);
    // It was not heard of in time, which does not mean that it will not begin.
    if (container.state === 'created' && container.launched) await this.#ender.end(container.mark);
    if (container.runs) {
      await this.#kill(container);
      await container.over.promise;
    }
    this.#table.forget(container.mark);
    this.#sampler?.forget(container);
    this.#store.remove(container.spec, container.exit?.exitCode);
    this.#containers.delete(name);
  }

  #commandWithin(container: ProcessContainer, command: readonly string[], options: ExecOptions): ProcessContainer {
    container.commands++;
    const { spec, name } = container;
    const { environment, user } = options;
    const own: ContainerSpec = {
      ...spec,
      name: `${name}.exec-${container.commands}`,
      entrypoint: [...command],
      command: [],
      environment: { ...spec.environment, ...environment },
      ...(user === undefined ? {} : { user }),
      mounts: [],
    };
    const { output: _, ...within } = own;
    return new ProcessContainer({ spec: within, mark: randomUUID(), within: name });
  }

  /** Why it cannot be executed. */
  #problemOf(container: ProcessContainer): string | undefined {
    try {
      this.#callOf(container);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  #existing(name: ContainerName): ProcessContainer {
    const container = this.#containers.get(name);
    if (container === undefined) {
      throw new MesitaError('MESITA_ENGINE_FAILED', { message: `No such container: ${name}` });
    }
    return container;
  }

  #emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** What this machine has of what we need. Throws MESITA_ENGINE_UNREACHABLE. */
async function findTools(signal: AbortSignal): Promise<Tools> {
  const script =
    'setsid true && env -i true && { env -i --default-signal true 2>/dev/null && echo reset; getconf PAGESIZE; }';
  try {
    const environment = { env: { PATH: standardPath }, signal };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], environment);
    return { reset: stdout.includes('reset'), pageSize: Number(/\d+/.exec(stdout)?.[0] ?? 4096) };
  } catch (cause) {
    signal.throwIfAborted();
    throw new MesitaError('MESITA_ENGINE_UNREACHABLE', {
      message: `Host processes cannot be run here: ${describeError(cause).trim()}`,
      remedy: 'Run the agent on Linux, with the packages util-linux and coreutils.',
      cause,
    });
  }
}

async function endOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - outputKept);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(outputKept), 0, outputKept, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function ioError(doing: string, cause: unknown): MesitaError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new MesitaError(full ? 'MESITA_DISK_FULL' : 'MESITA_ENGINE_FAILED', {
    message: `Could not ${doing}: ${describeError(cause)}`,
    cause,
  });
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
