import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants, cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { procFiles } from '../../runtime/proc-files.ts';
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
import { invalid, launchOrder, sessionWords } from './process-command.ts';
import { ProcessContainer } from './process-container.ts';
import { examineHost, hostError, type ProcessHost, sendSignal } from './process-host.ts';
import { type LaunchOrder, ProcessKeeper } from './process-keeper.ts';
import { ProcessLives } from './process-lives.ts';
import { copyOutput } from './process-logs.ts';
import { ProcessOutput } from './process-output.ts';
import { ProcessSampler } from './process-sampler.ts';
import { openProcessSession } from './process-session.ts';
import { noImage, refusal } from './process-spec.ts';
import { type FoundContainer, type OutputStream, ProcessStore } from './process-store.ts';
import { onTerminal } from './process-terminal.ts';
import type { EngineSession, SessionOptions } from './session.ts';

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
/** Bytes of what a command wrote. */
const outputKept = 1024;

/**
 * The engine port on host processes, for machines without a container engine. Linux only.
 * See engine.ts for what each method promises; what a process cannot be given (an image, a network, a read-only mount, parameters of
 * docker run) is refused by name. CPU limits are not enforced; those of memory and of processes are by looking now and then.
 *
 * INVARIANT: all that is needed to go on is on the disk before it is needed (process-store.ts). The agent may be killed at any time: processes are
 * children of the keeper, which outlives it.
 */
export class ProcessEngine implements Engine {
  readonly #options: ProcessEngineOptions;
  readonly #clock: Clock;
  readonly #store: ProcessStore;
  readonly #keeper: ProcessKeeper;
  readonly #lives: ProcessLives;
  readonly #output: ProcessOutput;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #closing = new AbortController();
  #sampler: ProcessSampler | undefined;
  #host: ProcessHost = { setpriv: undefined, pageSize: 4096 };

  constructor(options: ProcessEngineOptions) {
    if (Object.keys(options.scope).length === 0) {
      throw new Error('An engine without a scope would see the containers of others');
    }
    const { directory, scope, clock = systemClock, warn = () => undefined } = options;
    this.#options = options;
    this.#clock = clock;
    this.#store = new ProcessStore(directory, scope);
    this.#keeper = new ProcessKeeper({
      newLog: () => this.#store.newKeeperLog(),
      hear: (notice) => this.#lives.hear(notice),
      died: (keeper, log) => this.#lives.keeperDied(keeper, log),
    });
    this.#lives = new ProcessLives({
      store: this.#store,
      keeper: this.#keeper,
      clock,
      watching: {
        watch: (container) => this.#sampler?.watch(container),
        forget: (container) => this.#sampler?.forget(container),
      },
      emit: (event) => this.#emit(event),
      warn,
    });
    this.#output = new ProcessOutput({ store: this.#store, table: this.#lives.table, warn });
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    this.#host = await examineHost(signal);
    const { pageSize } = this.#host;
    this.#sampler = new ProcessSampler({
      table: this.#lives.table,
      clock: this.#clock,
      pageSize,
      exceeded: (container, what) => this.#lives.exceeded(container, what),
      wrote: (container) => this.#output.limit(container),
      unattended: (container) => this.#lives.unattended(container),
    });
    await Promise.all(this.#openStore().map((each) => this.#lives.takeOver(each)));
    await Promise.all([...this.#lives.containers.values()].map((each) => this.#output.resume(each)));
    this.#store.follow((notice) => this.#lives.hear(notice));
    this.#emit({ kind: 'connected' });
    return {
      version: release(),
      apiVersion,
      cgroupVersion: '2',
      cpus: cpus().length,
      mem: Math.floor(totalmem() / megabyte),
      operatingSystem: type(),
      rootDirectory: this.#options.directory,
      survives: true,
      enforces: { cpuQuota: false, memory: true, swap: false, pids: false },
    };
  }

  async ensureImage(image: string): Promise<void> {
    if (image !== '') throw noImage(image);
  }

  async create(spec: ContainerSpec): Promise<void> {
    const refused = refusal(spec);
    if (refused !== undefined) throw refused;
    if (this.#lives.containers.has(spec.name)) throw invalid(`The name ${spec.name} is in use`);
    const labelled = { ...spec, labels: { ...spec.labels, ...this.#options.scope } };
    this.#keeper.prepare();
    this.#make(new ProcessContainer({ spec: labelled, mark: randomUUID() }));
  }

  async start(name: ContainerName): Promise<void> {
    const container = this.#existing(name);
    if (container.state !== 'created') return;
    this.#link(container);
    await this.#lives.begin(container, container.order ?? this.#orderOf(container));
  }

  async addresses(name: ContainerName): Promise<ContainerAddress[]> {
    this.#existing(name);
    return [];
  }

  async stop(name: ContainerName, graceSeconds: number): Promise<void> {
    const container = this.#existing(name);
    if (!container.runs) return;
    container.stops++;
    this.#lives.ender.ask(container.mark);
    const cancel = this.#clock.after(Math.max(0, graceSeconds) * 1000, () => void this.#lives.kill(container));
    await container.over.promise;
    cancel();
  }

  async signal(name: ContainerName, signal: string): Promise<void> {
    const container = this.#lives.containers.get(name);
    const started = container?.state === 'running' ? container.started : undefined;
    // Another process may have the pid by now.
    if (started === undefined || procFiles.row(started.pid)?.start !== started.start) return;
    if (!(signal in constants.signals)) throw invalid(`There is no signal ${signal}`);
    sendSignal(started.pid, signal as NodeJS.Signals);
  }

  async update(name: ContainerName, limits: ContainerLimits): Promise<void> {
    const container = this.#lives.containers.get(name);
    if (container === undefined || !container.runs) return;
    container.kept = { ...container.kept, spec: { ...container.spec, ...limits } };
    this.#store.keep(container.kept);
  }

  async logs(name: ContainerName, sinks: LogSinks, options: { follow: boolean; signal: AbortSignal }): Promise<void> {
    const { spec, over } = this.#existing(name);
    const source = {
      path: (stream: OutputStream) => this.#store.outputOf(spec, stream),
      over: options.follow ? over.promise : undefined,
    };
    await copyOutput(source, sinks, AbortSignal.any([options.signal, this.#closing.signal]));
  }

  async listen(
    name: ContainerName,
    sinks: LogSinks,
    options: { signal: AbortSignal },
  ): Promise<{ ended: Promise<void> } | undefined> {
    const container = this.#lives.containers.get(name);
    if (container === undefined || !container.runs) return undefined;
    const { spec, over } = container;
    const source = {
      path: (stream: OutputStream) => this.#store.outputOf(spec, stream),
      over: over.promise,
      fromNow: true,
    };
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    return { ended: copyOutput(source, sinks, signal).catch(() => undefined) };
  }

  async exec(name: ContainerName, command: readonly string[], options: ExecOptions): Promise<ExecResult | undefined> {
    options.signal.throwIfAborted();
    const container = this.#lives.containers.get(name);
    if (container?.state !== 'running') return undefined;
    const run = this.#commandWithin(container, command, options);
    const problem = this.#problemOf(run);
    if (problem !== undefined) return { exitCode: 126, output: problem };
    const giveUp = () => void this.#lives.kill(run);
    options.signal.addEventListener('abort', giveUp);
    container.over.promise.then(giveUp, giveUp);
    try {
      this.#make(run);
      await this.#lives.begin(run, run.order ?? this.#orderOf(run));
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

  async openSession(
    name: ContainerName,
    command: readonly string[],
    sinks: LogSinks,
    options: SessionOptions,
  ): Promise<EngineSession | undefined> {
    const container = this.#lives.containers.get(name);
    if (container?.state !== 'running') return undefined;
    const { terminal } = options;
    const run = this.#commandWithin(container, command, options);
    const problem = this.#problemOf(run);
    if (problem !== undefined) return impossibleSession(problem, terminal === undefined ? sinks.stderr : sinks.stdout);
    const around = (words: readonly string[]) => (terminal === undefined ? words : onTerminal(words, terminal));
    const words = sessionWords(run.spec, { mark: run.mark, setpriv: this.#host.setpriv }, around);
    const giveUp = () => void this.#lives.kill(run);
    try {
      this.#make(run);
      const closing = this.#closing.signal;
      const talk = { words, terminal: terminal !== undefined, sinks, lives: this.#lives, closing };
      const session = await openProcessSession(run, talk);
      container.over.promise.then(giveUp, giveUp);
      void run.over.promise.then(() => this.remove(run.name));
      return session;
    } catch (error) {
      await this.remove(run.name);
      throw error;
    }
  }

  async usage(name: ContainerName): Promise<ContainerUsage | undefined> {
    const container = this.#lives.containers.get(name);
    if (container === undefined || !container.runs) return undefined;
    this.#sampler?.measure([container]);
    return container.usage.figures;
  }

  async remove(name: ContainerName): Promise<void> {
    const container = this.#lives.containers.get(name);
    if (container !== undefined) await this.#lives.remove(container);
  }

  async list(): Promise<ContainerSummary[]> {
    return [...this.#lives.containers.values()].flatMap((each) =>
      each.kept.within === undefined ? [each.summary()] : [],
    );
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#lives.stop();
    this.#sampler?.stop();
    this.#store.close();
    this.#keeper.close();
    this.#listeners.clear();
  }

  #openStore(): FoundContainer[] {
    const { directory } = this.#options;
    try {
      return this.#store.open();
    } catch (cause) {
      throw new MesitaError('MESITA_WORK_DIR_UNUSABLE', {
        message: `The process engine cannot keep its state in ${directory}: ${describeError(cause)}`,
        cause,
      });
    }
  }

  #make(container: ProcessContainer): void {
    const { kept, name } = container;
    container.order = this.#orderOf(container);
    try {
      this.#store.keep(kept);
    } catch (cause) {
      throw hostError(`make the container ${name}`, cause);
    }
    this.#lives.add(container);
  }

  #orderOf({ spec, kept, mark }: ProcessContainer): LaunchOrder {
    const stdout = this.#store.outputOf(spec, 'stdout');
    // Of a command beside, what comes last is wanted, whichever of both it is.
    const stderr = kept.within === undefined ? this.#store.outputOf(spec, 'stderr') : stdout;
    return launchOrder(spec, { mark, stdout, stderr, setpriv: this.#host.setpriv });
  }

  #link({ spec }: ProcessContainer): void {
    for (const mount of spec.mounts) {
      if (mount.kind !== 'bind') continue;
      try {
        mkdirSync(dirname(mount.containerPath), { recursive: true });
        symlinkSync(mount.hostPath, mount.containerPath);
      } catch (cause) {
        throw hostError(`link ${mount.containerPath} to ${mount.hostPath}`, cause);
      }
    }
  }

  #commandWithin(
    container: ProcessContainer,
    command: readonly string[],
    options: Pick<SessionOptions, 'environment' | 'user' | 'terminal'>,
  ): ProcessContainer {
    container.commands++;
    const { spec, name } = container;
    const { environment, user, terminal } = options;
    const further = terminal === undefined ? environment : { TERM: 'xterm', ...environment };
    const own: ContainerSpec = {
      ...spec,
      name: `${name}.exec-${container.commands}`,
      entrypoint: [...command],
      command: [],
      environment: { ...spec.environment, ...further },
      ...(user === undefined ? {} : { user }),
      mounts: [],
    };
    const { output: _, ...within } = own;
    return new ProcessContainer({ spec: within, mark: randomUUID(), within: name });
  }

  /** Why it cannot be executed. */
  #problemOf(container: ProcessContainer): string | undefined {
    try {
      this.#orderOf(container);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  #existing(name: ContainerName): ProcessContainer {
    const container = this.#lives.containers.get(name);
    if (container === undefined) {
      throw new MesitaError('MESITA_ENGINE_FAILED', { message: `No such container: ${name}` });
    }
    return container;
  }

  #emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** It could not be executed, as a shell tells it. */
function impossibleSession(problem: string, sink: NodeJS.WritableStream): EngineSession {
  const nothing = async () => undefined;
  const said = new Promise<void>((resolve) => sink.write(`${problem}\n`, () => resolve()));
  const ended = said.then(() => ({ exitCode: 126 }));
  return { input: new PassThrough().resume(), resize: nothing, signal: nothing, ended };
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
