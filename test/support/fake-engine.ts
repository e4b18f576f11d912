import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import type {
  ContainerAddress,
  ContainerExit,
  ContainerLimits,
  ContainerName,
  ContainerSpec,
  ContainerSummary,
  ContainerUsage,
  Engine,
  EngineEvent,
  EngineFacts,
  EnsureImageOptions,
  ExecOptions,
  ExecResult,
  LogSinks,
} from '../../agent/engine/engine.ts';
import type { ContainerInput, EngineSession, SessionOptions } from '../../agent/engine/session.ts';
import { MesitaError } from '../../protocol/errors.ts';

/** What a faked container does from its start. Without `exit` it runs until it is stopped, signalled or `exit`ed by the test. */
export interface FakeProgram {
  stdout?: string;
  stderr?: string;
  exit?: Partial<ContainerExit>;
  /** Goes on after SIGTERM, so that `stop` ends it with 137. */
  ignoresTerm?: boolean;
}

/** How a faked pull goes: the sentences of progress, then success, or `error`; not before `until` has settled. */
export interface FakePull {
  progress?: string[];
  until?: Promise<unknown>;
  error?: Error;
}

export interface FakeEngineOptions {
  /** Share one machine between several engines to test that they leave one another's containers alone. */
  machine?: FakeMachine;
  scope?: Record<string, string>;
  facts?: Partial<EngineFacts>;
  /** Images that are there already. */
  images?: string[];
  /** What each container does from its start; by default it runs until something ends it. */
  program?: (spec: ContainerSpec) => FakeProgram;
  /** What a command does that is run beside a container's own. One that hangs returns a promise that never settles. */
  exec?: FakeExec;
  /** The same of one that is talked with; what it resolves with is its exit code. */
  session?: FakeSession;
}

export type FakeSession = (talk: {
  command: readonly string[];
  options: SessionOptions;
  sinks: LogSinks;
  input: PassThrough;
}) => number | Promise<number>;

export type FakeExec = (
  spec: ContainerSpec,
  command: readonly string[],
  options: ExecOptions,
) => ExecResult | Promise<ExecResult>;

interface FakeContainer {
  spec: ContainerSpec;
  labels: Record<string, string>;
  state: 'created' | 'running' | 'exited';
  program: FakeProgram;
  stdout: string;
  stderr: string;
  exit?: ContainerExit;
  usage?: ContainerUsage;
  addresses?: ContainerAddress[];
  /** Wakes those who follow the logs. */
  changed: Set<() => void>;
}

/** The containers and images that several fake engines may share. */
export class FakeMachine {
  readonly containers = new Map<ContainerName, FakeContainer>();
  readonly images = new Set<string>();
  readonly engines = new Set<FakeEngine>();
}

type FailingCall =
  | 'connect'
  | 'create'
  | 'start'
  | 'stop'
  | 'signal'
  | 'update'
  | 'remove'
  | 'list'
  | 'logs'
  | 'exec'
  | 'usage'
  | 'addresses';

const facts: EngineFacts = {
  version: '0.0-fake',
  apiVersion: '1.41',
  cgroupVersion: '2',
  cpus: 4,
  mem: 8192,
  operatingSystem: 'a fake',
  rootDirectory: '/var/lib/fake',
  survives: true,
  enforces: { cpuQuota: true, memory: true, swap: true, pids: true },
};

/**
 * The engine port in memory, scripted by the test. There is no time in it: a grace period is over at once.
 * An exit that `program` asks for is reported before `start` resolves, as it may be with a real engine.
 * What the test has not scripted (an image, a usage, bridge addresses) throws an error that says so.
 */
export class FakeEngine implements Engine {
  readonly machine: FakeMachine;
  /** Every call in order, e.g. `start task-1`. */
  readonly calls: string[] = [];
  private readonly scope: Record<string, string>;
  private readonly facts: EngineFacts;
  private readonly program: (spec: ContainerSpec) => FakeProgram;
  private readonly runExec: FakeExec | undefined;
  private readonly runSession: FakeSession | undefined;
  private readonly pulls = new Map<string, FakePull>();
  private readonly failures: { call: FailingCall; error: Error }[] = [];
  private readonly listeners = new Set<(event: EngineEvent) => void>();
  private connected = false;
  /** Events of a broken stream, delivered when it is back. */
  private missed: EngineEvent[] | undefined;

  constructor(options: FakeEngineOptions = {}) {
    this.machine = options.machine ?? new FakeMachine();
    this.scope = options.scope ?? {};
    this.facts = { ...facts, ...options.facts };
    this.program = options.program ?? (() => ({}));
    this.runExec = options.exec;
    this.runSession = options.session;
    for (const image of options.images ?? []) this.machine.images.add(image);
  }

  // What the test scripts

  addImage(image: string): void {
    this.machine.images.add(image);
  }

  scriptPull(image: string, pull: FakePull): void {
    this.pulls.set(image, pull);
  }

  /** The next such call throws `error` and does nothing. */
  failNext(call: FailingCall, error: Error): void {
    this.failures.push({ call, error });
  }

  scriptUsage(name: ContainerName, usage: ContainerUsage): void {
    this.known(name).usage = usage;
  }

  scriptAddresses(name: ContainerName, addresses: ContainerAddress[]): void {
    this.known(name).addresses = addresses;
  }

  write(name: ContainerName, stream: 'stdout' | 'stderr', text: string): void {
    const container = this.known(name);
    container[stream] += text;
    wake(container);
  }

  /** Ends a running container, as if its process had ended. */
  exit(name: ContainerName, exitCode: number, details: Omit<Partial<ContainerExit>, 'exitCode'> = {}): void {
    const container = this.known(name);
    if (container.state !== 'running') throw new Error(`FakeEngine: ${name} is ${container.state}, it cannot exit`);
    this.end(name, container, { exitCode, outOfMemory: false, ...details });
  }

  /** The kernel kills something in the container; with `exit` the container ends by it. */
  oom(name: ContainerName, memPeak?: number, options: { exit?: boolean } = {}): void {
    const container = this.known(name);
    this.report(container, { kind: 'oom', name });
    if (options.exit !== false) {
      this.end(name, container, {
        exitCode: 137,
        outOfMemory: true,
        ...(memPeak === undefined ? {} : { memPeak }),
      });
    }
  }

  /** The events stream breaks; what happens until `restoreEvents` is reported then. */
  breakEvents(reason: string): void {
    this.deliver({ kind: 'disconnected', reason });
    this.missed = [];
  }

  restoreEvents(): void {
    const missed = this.missed ?? [];
    this.missed = undefined;
    this.deliver({ kind: 'connected' });
    for (const event of missed) this.deliver(event);
  }

  /** The spec with which a container was created, and its state; undefined when there is none. */
  container(name: ContainerName): { spec: ContainerSpec; state: 'created' | 'running' | 'exited' } | undefined {
    const container = this.machine.containers.get(name);
    return container && { spec: container.spec, state: container.state };
  }

  // The port

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    this.begin('connect');
    signal.throwIfAborted();
    this.connected = true;
    this.machine.engines.add(this);
    this.deliver({ kind: 'connected' });
    return this.facts;
  }

  async ensureImage(image: string, options: EnsureImageOptions): Promise<void> {
    this.begin(`ensureImage ${image}`);
    options.signal.throwIfAborted();
    if (this.machine.images.has(image) && !options.force) return;
    const pull = this.pulls.get(image);
    if (pull === undefined) throw new Error(`FakeEngine: neither addImage nor scriptPull was called for ${image}`);
    for (const sentence of pull.progress ?? []) options.progress?.(sentence);
    await abortable(pull.until, options.signal);
    if (pull.error !== undefined) throw pull.error;
    this.machine.images.add(image);
  }

  async create(spec: ContainerSpec): Promise<void> {
    this.begin('create', spec.name);
    if (!this.machine.images.has(spec.image)) {
      throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', { message: `No such image: ${spec.image}` });
    }
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(spec.name)) {
      throw new MesitaError('MESITA_CONTAINER_INVALID', { message: `Invalid container name (${spec.name})` });
    }
    if (this.machine.containers.has(spec.name)) {
      throw new MesitaError('MESITA_CONTAINER_INVALID', { message: `The name ${spec.name} is in use` });
    }
    this.machine.containers.set(spec.name, {
      spec,
      labels: { ...spec.labels, ...this.scope },
      state: 'created',
      program: this.program(spec),
      stdout: '',
      stderr: '',
      changed: new Set(),
    });
  }

  async start(name: ContainerName): Promise<void> {
    this.begin('start', name);
    const container = this.existing(name);
    if (container.state !== 'created') throw new Error(`FakeEngine: ${name} was started before`);
    const { network } = container.spec;
    if (network.mode === 'container' && this.machine.containers.get(network.name)?.state !== 'running')
      throw new MesitaError('MESITA_ENGINE_FAILED', { message: `Cannot join the network of ${network.name}` });
    container.state = 'running';
    const { stdout, stderr, exit } = container.program;
    container.stdout += stdout ?? '';
    container.stderr += stderr ?? '';
    wake(container);
    if (exit === undefined) return;
    if (exit.outOfMemory === true) this.report(container, { kind: 'oom', name });
    this.end(name, container, { exitCode: 0, outOfMemory: false, ...exit });
  }

  async addresses(name: ContainerName): Promise<ContainerAddress[]> {
    this.begin('addresses', name);
    const container = this.existing(name);
    if (container.addresses !== undefined) return container.addresses;
    if (['host', 'none', 'container'].includes(container.spec.network.mode)) return [];
    throw new Error(`FakeEngine: scriptAddresses was not called for ${name}`);
  }

  async stop(name: ContainerName, graceSeconds: number): Promise<void> {
    this.begin('stop', name, `${graceSeconds}`);
    const container = this.existing(name);
    if (container.state !== 'running') return;
    this.end(name, container, { exitCode: container.program.ignoresTerm ? 137 : 143, outOfMemory: false });
  }

  async signal(name: ContainerName, signal: string): Promise<void> {
    this.begin('signal', name, signal);
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return;
    if (signal === 'SIGKILL') return this.end(name, container, { exitCode: 137, outOfMemory: false });
    if (signal !== 'SIGTERM') throw new Error(`FakeEngine: the effect of ${signal} is not faked`);
    if (!container.program.ignoresTerm) this.end(name, container, { exitCode: 143, outOfMemory: false });
  }

  async update(name: ContainerName, limits: ContainerLimits): Promise<void> {
    this.begin('update', name);
    const container = this.machine.containers.get(name);
    if (container?.state === 'running') container.spec = { ...container.spec, ...limits };
  }

  async logs(name: ContainerName, sinks: LogSinks, options: { follow: boolean; signal: AbortSignal }): Promise<void> {
    this.begin('logs', name);
    await this.hand(this.existing(name), { stdout: 0, stderr: 0 }, sinks, options);
  }

  private async hand(
    container: FakeContainer,
    written: { stdout: number; stderr: number },
    sinks: LogSinks,
    options: { follow: boolean; signal: AbortSignal },
  ): Promise<void> {
    for (;;) {
      for (const stream of ['stdout', 'stderr'] as const) {
        const text = container[stream].slice(written[stream]);
        written[stream] += text.length;
        if (text !== '') await new Promise<void>((resolve) => sinks[stream].write(text, () => resolve()));
      }
      options.signal.throwIfAborted();
      const behind = container.stdout.length > written.stdout || container.stderr.length > written.stderr;
      if (behind) continue;
      if (!options.follow || container.state === 'exited') return;
      await change(container, options.signal);
    }
  }

  async listen(
    name: ContainerName,
    sinks: LogSinks,
    { signal }: { signal: AbortSignal },
  ): Promise<{ ended: Promise<void> } | undefined> {
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return undefined;
    const written = { stdout: container.stdout.length, stderr: container.stderr.length };
    return { ended: this.hand(container, written, sinks, { follow: true, signal }).catch(() => undefined) };
  }

  async openInput(name: ContainerName): Promise<ContainerInput | undefined> {
    this.begin('openInput', name);
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return undefined;
    const input = new PassThrough();
    input.on('data', (chunk) => this.calls.push(`input ${name} ${chunk}`));
    return {
      input,
      resize: async ({ rows, columns }) => void this.calls.push(`resize ${name} ${rows}x${columns}`),
    };
  }

  async exec(name: ContainerName, command: readonly string[], options: ExecOptions): Promise<ExecResult | undefined> {
    this.begin('exec', name, ...command);
    options.signal.throwIfAborted();
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return undefined;
    if (this.runExec === undefined) throw new Error(`FakeEngine: it was not said what commands do in ${name}`);
    options.started?.();
    const result = Promise.resolve(this.runExec(container.spec, command, options));
    await abortable(result, options.signal);
    return result;
  }

  async openSession(
    name: ContainerName,
    command: readonly string[],
    sinks: LogSinks,
    options: SessionOptions,
  ): Promise<EngineSession | undefined> {
    this.begin('openSession', name, ...command);
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return undefined;
    if (this.runSession === undefined) throw new Error(`FakeEngine: it was not said how to talk with ${name}`);
    const input = new PassThrough();
    const { promise: killed, resolve: kill } = Promise.withResolvers<number>();
    const ownEnd = Promise.resolve(this.runSession({ command, options, sinks, input }));
    const exitCode = Promise.race([ownEnd, killed, ended(container)]);
    return {
      input,
      resize: async ({ rows, columns }) => void this.calls.push(`resize ${name} ${rows}x${columns}`),
      signal: async (signal) => {
        this.calls.push(`signal session ${signal}`);
        kill(128 + constants.signals[signal as NodeJS.Signals]);
      },
      ended: exitCode.then(async (code) => {
        await Promise.all([sinks.stdout, sinks.stderr].map(flushed));
        return { exitCode: code };
      }),
    };
  }

  async usage(name: ContainerName): Promise<ContainerUsage | undefined> {
    this.begin('usage', name);
    const container = this.machine.containers.get(name);
    if (container?.state !== 'running') return undefined;
    if (container.usage === undefined) throw new Error(`FakeEngine: scriptUsage was not called for ${name}`);
    return container.usage;
  }

  async remove(name: ContainerName): Promise<void> {
    this.begin('remove', name);
    const container = this.machine.containers.get(name);
    if (container === undefined) return;
    if (container.state === 'running') this.end(name, container, { exitCode: 137, outOfMemory: false });
    this.machine.containers.delete(name);
  }

  async list(): Promise<ContainerSummary[]> {
    this.begin('list');
    return [...this.machine.containers]
      .filter(([, container]) => this.sees(container))
      .map(([name, { labels, state, exit }]) => ({ name, labels, state, ...(exit === undefined ? {} : { exit }) }));
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.calls.push('close');
    this.connected = false;
    this.machine.engines.delete(this);
  }

  private begin(call: string, ...words: string[]): void {
    this.calls.push([call, ...words].join(' '));
    if (!this.connected && call !== 'connect') throw new Error(`FakeEngine: ${call} before connect or after close`);
    const index = this.failures.findIndex((failure) => failure.call === call);
    if (index < 0) return;
    const [failure] = this.failures.splice(index, 1);
    if (failure !== undefined) throw failure.error;
  }

  /** For the test's own calls: a name that does not exist is a mistake in the test. */
  private known(name: ContainerName): FakeContainer {
    const container = this.machine.containers.get(name);
    if (container === undefined) throw new Error(`FakeEngine: there is no container ${name}`);
    return container;
  }

  private existing(name: ContainerName): FakeContainer {
    const container = this.machine.containers.get(name);
    if (container === undefined) {
      throw new MesitaError('MESITA_ENGINE_FAILED', { message: `No such container: ${name}` });
    }
    return container;
  }

  private end(name: ContainerName, container: FakeContainer, exit: ContainerExit): void {
    container.state = 'exited';
    container.exit = exit;
    wake(container);
    this.report(container, { kind: 'exited', name, ...exit });
  }

  /** To each engine on the machine whose scope the container is in. */
  private report(container: FakeContainer, event: EngineEvent): void {
    for (const engine of this.machine.engines) {
      if (!engine.sees(container)) continue;
      if (engine.missed === undefined) engine.deliver(event);
      else engine.missed.push(event);
    }
  }

  private sees(container: FakeContainer): boolean {
    return Object.entries(this.scope).every(([key, value]) => container.labels[key] === value);
  }

  private deliver(event: EngineEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function wake(container: FakeContainer): void {
  for (const waiter of [...container.changed]) waiter();
}

function change(container: FakeContainer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      container.changed.delete(settle);
      signal.removeEventListener('abort', settle);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    container.changed.add(settle);
    signal.addEventListener('abort', settle);
  });
}

async function abortable(until: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  if (until === undefined) return;
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
  });
  try {
    await Promise.race([until, aborted]);
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort);
  }
}

/** Resolves with what is said of those that a container takes with it. */
async function ended(container: FakeContainer): Promise<number> {
  while (container.state === 'running') await change(container, new AbortController().signal);
  return 137;
}

/** An empty write is called back after all that were made before it. */
function flushed(sink: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    sink.write('', () => resolve());
  });
}
