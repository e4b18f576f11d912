import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { MesitaError } from '../../protocol/errors.ts';
import { type BackoffOptions, backoff } from '../../runtime/backoff.ts';
import { type Clock, sleep, systemClock } from '../../runtime/clock.ts';
import { abortable, type DockerAddress, DockerConnection } from './docker-connection.ts';
import { createOptions, limitOptions } from './docker-create-options.ts';
import { engineError, isUnanswered, readFailure } from './docker-errors.ts';
import { type DockerEvent, DockerEvents, pastEvents, timeParameter } from './docker-events.ts';
import { executeInContainer, killForsaken } from './docker-exec.ts';
import { ExitReporter, type ListedContainer } from './docker-exits.ts';
import { type EngineInfo, engineFacts } from './docker-facts.ts';
import { openInput, resizeContainer } from './docker-input.ts';
import { demultiplex, passThrough } from './docker-logs.ts';
import { DockerImages } from './docker-pull.ts';
import { openSession } from './docker-session.ts';
import { containerUsage, type DockerStats } from './docker-usage.ts';
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
  ImageStore,
  LogSinks,
} from './engine.ts';
import { endForgotten } from './forgotten-processes.ts';
import type { ContainerInput, EngineSession, SessionOptions, WindowSize } from './session.ts';

export interface DockerEngineOptions {
  address: DockerAddress;
  /** Labels that every container of this engine object carries, and without which it sees none. At least one. */
  scope: Record<string, string>;
  clock?: Clock;
  /** From 0 to 1, spreads reconnections. */
  random?: () => number;
}

const megabyte = 1024 * 1024;
/**
 * Milliseconds: the events stream begins this long before the first listing. The engine's list shows an exit a moment after
 * its event, so an event of just before may be the only news of it; what the listing shows as ended is not reported again.
 */
const overlap = 5000;
/** What an engine that does not let containers go on without it sends them when it is back. */
const lastSignals: ReadonlySet<string | undefined> = new Set(['9', '15']);
/** Inspections at a time when many ended containers are listed. */
const inspectionsAtOnce = 4;
const retries: BackoffOptions = { initial: 200, maximum: 2000 };

/** The engine port on a Docker engine, through dockerode. See engine.ts for what each method promises. */
export class DockerEngine implements Engine {
  private readonly connection: DockerConnection;
  private readonly docker: Docker;
  private readonly scope: Record<string, string>;
  private readonly filter: string[];
  private readonly clock: Clock;
  private readonly random: () => number;
  /** What the commands that it runs in containers are known by. */
  private readonly owner = randomUUID();
  private readonly images: DockerImages;
  private readonly exits: ExitReporter;
  private readonly events: DockerEvents;
  private readonly listeners = new Set<(event: EngineEvent) => void>();
  private readonly closing = new AbortController();
  /** Events that came before it was known which containers there are, or what was missed. */
  private early: DockerEvent[] | undefined = [];
  /** Whether the events stream was opened before. */
  private listening = false;
  /** Nanoseconds since the epoch, of the last event that came. */
  private lastEvent: number | undefined;
  /** Of containers created by this object: whether their output comes without frames. */
  private readonly terminals = new Map<ContainerName, boolean>();
  /** The end of commands that nobody talks with or waits for any more. */
  private forsaken: Promise<void> = Promise.resolve();
  /** Of terminals that were asked for. */
  private readonly sizes = new Map<ContainerName, Partial<WindowSize>>();

  constructor(options: DockerEngineOptions) {
    const clock = options.clock ?? systemClock;
    this.clock = clock;
    this.random = options.random ?? Math.random;
    this.connection = new DockerConnection(options.address);
    this.docker = this.connection.docker;
    this.scope = options.scope;
    this.filter = Object.entries(options.scope).map(([key, value]) => `${key}=${value}`);
    if (this.filter.length === 0) throw new Error('An engine without a scope would see the containers of others');
    this.images = new DockerImages(this.docker, this.connection.address, clock);
    this.exits = new ExitReporter({
      emit: (event) => this.emit(event),
      inspect: (id) => this.inspectExit(id),
      readPeak: async (id) => (await this.usage(id).catch(() => undefined))?.memPeak,
      isClosed: () => this.connection.isClosed(),
    });
    this.events = new DockerEvents({
      clock,
      random: this.random,
      open: (since, signal) => this.openEvents(since, signal),
      reconcile: (since) => this.reconcile(since),
      onEvent: (event) => this.take(event),
      onDisconnected: (reason) =>
        this.emit({ kind: 'disconnected', reason: `The events stream of ${this.connection.address} broke: ${reason}` }),
      onConnected: () => this.emit({ kind: 'connected' }),
    });
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    const versions = await this.connection.negotiate(signal);
    return this.call('begin to listen to the engine', async () => {
      const info: EngineInfo = await abortable(this.docker.info(), signal);
      await this.events.start((await this.engineTime(info)) - overlap * 1e6);
      const listed = await this.listed();
      this.exits.baseline(listed);
      this.forsaken = this.killForsaken(listed);
      const early = this.early ?? [];
      this.early = undefined;
      for (const event of early) this.take(event);
      this.emit({ kind: 'connected' });
      return engineFacts(info, versions);
    });
  }

  async ensureImage(image: string, options: EnsureImageOptions): Promise<void> {
    await this.images.ensure(image, options);
  }

  get imageStore(): ImageStore {
    return this.images;
  }

  async create(spec: ContainerSpec): Promise<void> {
    const body = createOptions(spec, this.scope);
    if (body instanceof MesitaError) throw body;
    await this.call(`create the container ${spec.name}`, async () => {
      if (spec.command?.length === 0 && body.Entrypoint === undefined) await this.useEntrypointAlone(body, spec.image);
      const container = await this.createOnce(body, spec);
      this.terminals.set(spec.name, body.Tty === true);
      if (spec.terminal !== undefined) this.sizes.set(spec.name, spec.terminal);
      this.exits.created(spec.name, container.id);
    });
  }

  async start(name: ContainerName): Promise<void> {
    this.exits.starting(name);
    try {
      await this.call(`start the container ${name}`, () => this.startOnce(name));
    } catch (error) {
      this.exits.startFailed(name);
      throw error;
    }
    this.exits.started(name);
    const { rows, columns } = this.sizes.get(name) ?? {};
    if (rows && columns) await resizeContainer(this.docker.getContainer(name), { rows, columns });
  }

  async addresses(name: ContainerName): Promise<ContainerAddress[]> {
    const { HostConfig, NetworkSettings } = await this.inspect(name);
    if (/^(host|none|container:.*)$/.test(HostConfig.NetworkMode ?? '')) return [];
    return Object.entries(NetworkSettings.Networks).flatMap(([network, endpoint]) => [
      ...(endpoint.IPAddress ? [{ network, protocol: 'IPv4' as const, address: endpoint.IPAddress }] : []),
      ...(endpoint.GlobalIPv6Address
        ? [{ network, protocol: 'IPv6' as const, address: endpoint.GlobalIPv6Address }]
        : []),
    ]);
  }

  async stop(name: ContainerName, graceSeconds: number): Promise<void> {
    this.exits.stopping(name);
    await this.unless([304, 404], `stop the container ${name}`, () =>
      this.docker.getContainer(name).stop({ t: Math.max(0, Math.ceil(graceSeconds)) }),
    );
  }

  async signal(name: ContainerName, signal: string): Promise<void> {
    this.exits.stopping(name);
    await this.unless([404, 409], `send ${signal} to the container ${name}`, () =>
      this.docker.getContainer(name).kill({ signal }),
    );
  }

  async update(name: ContainerName, limits: ContainerLimits): Promise<void> {
    // 409: it is being removed.
    await this.unless([404, 409], `change the limits of the container ${name}`, () =>
      this.docker.getContainer(name).update(limitOptions(limits)),
    );
  }

  async attach(
    name: ContainerName,
    sinks: LogSinks,
    { signal }: { signal: AbortSignal },
  ): Promise<{ ended: Promise<void> }> {
    const either = AbortSignal.any([signal, this.closing.signal]);
    const source = await this.call(`attach to the container ${name}`, () => {
      either.throwIfAborted();
      const query = { stream: true, stdout: true, stderr: true, abortSignal: either };
      return this.docker.getContainer(name).attach(query);
    });
    const read = this.terminals.get(name) === true ? passThrough : demultiplex;
    const ended = read(source as AsyncIterable<Buffer>, sinks, either).catch(() => undefined);
    return { ended };
  }

  async listen(
    name: ContainerName,
    sinks: LogSinks,
    options: { signal: AbortSignal },
  ): Promise<{ ended: Promise<void> } | undefined> {
    return (await this.runs(name)) ? this.attach(name, sinks, options) : undefined;
  }

  async openInput(name: ContainerName): Promise<ContainerInput | undefined> {
    if (!(await this.runs(name))) return undefined;
    const open = () => openInput(this.docker.getContainer(name), this.closing.signal);
    return this.unless([404, 409], `attach to the input of the container ${name}`, open);
  }

  async logs(name: ContainerName, sinks: LogSinks, options: { follow: boolean; signal: AbortSignal }): Promise<void> {
    const terminal = this.terminals.get(name) ?? (await this.inspect(name)).Config.Tty;
    const signal = AbortSignal.any([options.signal, this.closing.signal]);
    await this.call(`read the output of the container ${name}`, async () => {
      signal.throwIfAborted();
      // Without `follow` dockerode gathers the answer in memory and parses what looks like JSON; the engine sees the query alone.
      const query = {
        follow: true,
        abortSignal: signal,
        _query: { stdout: true, stderr: true, follow: options.follow },
      };
      const source = await this.docker.getContainer(name).logs(query as { follow: true });
      const read = terminal ? passThrough : demultiplex;
      await read(source as AsyncIterable<Buffer>, sinks, signal);
    }).catch((error: unknown) => {
      options.signal.throwIfAborted();
      throw error;
    });
  }

  async exec(name: ContainerName, command: readonly string[], options: ExecOptions): Promise<ExecResult | undefined> {
    const { owner, clock } = this;
    const run = () => executeInContainer(this.docker.getContainer(name), command, options, { owner, clock });
    return this.unless([404, 409], `run ${command[0]} in the container ${name}`, run).catch((error: unknown) => {
      options.signal.throwIfAborted();
      throw error;
    });
  }

  async openSession(
    name: ContainerName,
    command: readonly string[],
    sinks: LogSinks,
    options: SessionOptions,
  ): Promise<EngineSession | undefined> {
    const { clock, owner } = this;
    const closing = this.closing.signal;
    const run = () =>
      openSession(this.docker.getContainer(name), command, sinks, { ...options, owner, clock, closing });
    return this.unless([404, 409], `run ${command[0]} in the container ${name}`, run);
  }

  async usage(name: ContainerName): Promise<ContainerUsage | undefined> {
    const query = { stream: false as const, 'one-shot': true };
    const stats = await this.unless([404, 409], `read the usage of the container ${name}`, () =>
      this.docker.getContainer(name).stats(query),
    );
    return stats && containerUsage(stats as unknown as DockerStats);
  }

  async remove(name: ContainerName): Promise<void> {
    this.exits.stopping(name);
    // 409: somebody else is removing it just now.
    await this.unless([404, 409], `remove the container ${name}`, () =>
      this.docker.getContainer(name).remove({ force: true, v: true }),
    );
    this.terminals.delete(name);
    this.sizes.delete(name);
    this.exits.removed(name);
  }

  async list(): Promise<ContainerSummary[]> {
    return this.call('list the containers', async () => {
      const listed = (await this.listed()).map((container) =>
        // The engine tells of an exit a moment before its list shows it.
        container.state === 'running' && this.exits.hasEnded(container.name)
          ? { ...container, state: 'exited' as const }
          : container,
      );
      const summaries: ContainerSummary[] = [];
      for (let index = 0; index < listed.length; index += inspectionsAtOnce) {
        const some = listed.slice(index, index + inspectionsAtOnce);
        summaries.push(...(await Promise.all(some.map((container) => this.summary(container)))).flat());
      }
      return summaries;
    });
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.forsaken;
    this.images.close();
    await this.events.stop();
    this.listeners.clear();
    this.connection.close();
  }

  /** Runs a call to the engine; its errors come out as ours. */
  private async call<Result>(doing: string, run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      throw engineError(error, doing, this.connection.address);
    }
  }

  /** Like `call`, but an answer with one of these statuses is no error: undefined. */
  private unless<Result>(statuses: number[], doing: string, run: () => Promise<Result>): Promise<Result | undefined> {
    return this.call(doing, async () => {
      try {
        return await run();
      } catch (error) {
        if (statuses.includes(readFailure(error).status ?? 0)) return undefined;
        throw error;
      }
    });
  }

  /** The connection may break before the engine has answered: then the engine is asked, when it is back, whether the container runs or has run. */
  private async startOnce(name: ContainerName): Promise<void> {
    try {
      await this.docker.getContainer(name).start();
    } catch (error) {
      if (!isUnanswered(error) || !(await this.wasStarted(name))) throw error;
    }
  }

  /** Waits for an engine that is away; false also when there is no such container, and when this object is closed meanwhile. */
  private async wasStarted(name: ContainerName): Promise<boolean> {
    const { signal } = this.closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const { Id, State } = await this.docker.getContainer(name).inspect();
        if (State.Status !== 'created') return true;
        await endForgotten(Id);
        return false;
      } catch (error) {
        if (readFailure(error).status !== undefined) return false;
      }
      await sleep(this.clock, backoff(attempt, retries, this.random), signal);
    }
    return false;
  }

  /** An image that was there when it was ensured may have been deleted since: then it is fetched again. */
  private async createOnce(body: Docker.ContainerCreateOptions, spec: ContainerSpec): Promise<Docker.Container> {
    try {
      return await this.post(body);
    } catch (error) {
      const { status, words } = readFailure(error);
      if (status === undefined) await this.removeUnanswered(spec);
      if (status !== 404 || !/no such image/i.test(words) || !this.images.has(spec.image)) throw error;
      const again = this.images.forget(spec.image);
      await this.images.ensure(spec.image, { ...again, force: false, signal: this.closing.signal });
      return this.post(body);
    }
  }

  private post({ name, ...body }: Docker.ContainerCreateOptions): Promise<Docker.Container> {
    // Without these two, dockerode puts all of the body in the query as well, which a large environment makes too long.
    return this.docker.createContainer({ _query: { name }, _body: body } as Docker.ContainerCreateOptions);
  }

  /** The connection broke before the engine answered: what it may have made must not stay. */
  private async removeUnanswered(spec: ContainerSpec): Promise<void> {
    try {
      const { Config, State } = await this.docker.getContainer(spec.name).inspect();
      const own = Object.entries({ ...spec.labels, ...this.scope }).every(
        ([key, value]) => Config.Labels[key] === value,
      );
      if (own && State.Status === 'created') await this.remove(spec.name);
    } catch {
      // The engine does not answer at all; `list` shows the container when it is back.
    }
  }

  /** To an engine an empty command means the image's own, unless the entrypoint is given. */
  private async useEntrypointAlone(body: Docker.ContainerCreateOptions, image: string): Promise<void> {
    const { Config } = await this.docker.getImage(image).inspect();
    body.Entrypoint = Config.Entrypoint ?? [];
  }

  /** Whoever ran these commands is gone. */
  private async killForsaken(listed: ListedContainer[]): Promise<void> {
    const open = (id: string) => this.docker.getExec(id);
    for (const { id, state } of listed) {
      if (this.closing.signal.aborted) return;
      if (state === 'running')
        await killForsaken(this.docker.getContainer(id), open, this.owner).catch(() => undefined);
    }
  }

  private async runs(name: ContainerName): Promise<boolean> {
    const inspect = () => this.docker.getContainer(name).inspect();
    const found = await this.unless([404], `inspect the container ${name}`, inspect);
    return found?.State.Running ?? false;
  }

  private inspect(name: ContainerName): Promise<Docker.ContainerInspectInfo> {
    return this.call(`inspect the container ${name}`, () => this.docker.getContainer(name).inspect());
  }

  private async inspectExit(id: string): Promise<(ContainerExit & { memoryLimit: number }) | undefined> {
    const found = await this.unless([404], `inspect the container ${id}`, () => this.docker.getContainer(id).inspect());
    if (found === undefined) return undefined;
    const { State, HostConfig } = found;
    return {
      exitCode: State.ExitCode,
      outOfMemory: State.OOMKilled,
      memoryLimit: (HostConfig.Memory ?? 0) / megabyte,
    };
  }

  private async summary(container: ListedContainer & { labels: Record<string, string> }): Promise<ContainerSummary[]> {
    const { id, name, labels, state } = container;
    if (state !== 'exited') return [{ name, labels, state }];
    const found = await this.inspectExit(id);
    // Removed since it was listed.
    if (found === undefined) return [];
    const { exitCode, outOfMemory, memoryLimit } = found;
    const memPeak = outOfMemory && memoryLimit > 0 ? { memPeak: memoryLimit } : {};
    return [{ name, labels, state, exit: { exitCode, outOfMemory, ...memPeak } }];
  }

  private async listed(): Promise<(ListedContainer & { labels: Record<string, string> })[]> {
    const containers = await this.docker.listContainers({ all: true, filters: { label: this.filter } });
    return containers.map(({ Id, Names, State, Labels }) => ({
      id: Id,
      // A link gives a container further names, with a second slash in them.
      name: (Names.find((name) => name.lastIndexOf('/') === 0) ?? Id).replace(/^\//, ''),
      labels: Labels,
      state: containerState(State),
    }));
  }

  private async openEvents(since: number, signal: AbortSignal): Promise<NodeJS.ReadableStream> {
    // The engine may have come back as another version.
    if (this.listening) {
      await this.connection.negotiate(signal);
      this.early ??= [];
    }
    this.listening = true;
    return this.docker.getEvents(this.eventsQuery({ since: timeParameter(since), abortSignal: signal }));
  }

  private eventsQuery(times: { since: string; until?: string; abortSignal: AbortSignal }): Docker.GetEventsOptions {
    const filters = { type: ['container'], event: ['start', 'kill', 'die', 'oom'], label: this.filter };
    return { ...times, filters } as unknown as Docker.GetEventsOptions;
  }

  /**
   * What was missed since `since`. The order counts: a container that is not in the listing ended before it, so its exit code
   * is among the past events that are read after it, if the engine still has them.
   */
  private async reconcile(since: number): Promise<void> {
    const ranBefore = this.exits.running();
    const listed = await this.listed();
    // The engine's time is read in whole milliseconds.
    const now = (await this.engineTime()) + 1e6;
    const query = { since: timeParameter(since), until: timeParameter(now) };
    const past = await pastEvents(
      await this.docker.getEvents(this.eventsQuery({ ...query, abortSignal: this.closing.signal })),
    );
    const early = this.early ?? [];
    this.early = undefined;
    // An engine that was started anew has forgotten what it told before.
    const forgot = this.lastEvent !== undefined && !past.some(({ time }) => time <= since);
    if (forgot) for (const event of [...past, ...early]) this.noteEnding(event);
    for (const event of past) if (event.action === 'die') this.take(event);
    for (const event of early) this.take(event);
    this.exits.reconcile(listed, ranBefore);
  }

  /** Without live-restore an engine ends, when it is back, what ran while it was away. */
  private noteEnding({ action, id, attributes }: DockerEvent): void {
    if (action === 'kill' && lastSignals.has(attributes.signal)) this.exits.endedByEngine(attributes.name ?? id, id);
  }

  /** Nanoseconds since the epoch, by the engine's clock. */
  private async engineTime(info?: EngineInfo): Promise<number> {
    const { SystemTime }: EngineInfo = info ?? (await this.docker.info());
    const milliseconds = Date.parse(SystemTime ?? '');
    return (Number.isNaN(milliseconds) ? this.clock.now() : milliseconds) * 1e6;
  }

  private take(event: DockerEvent): void {
    this.lastEvent = Math.max(event.time, this.lastEvent ?? 0);
    if (this.early !== undefined) {
      this.early.push(event);
      return;
    }
    const { action, id, attributes } = event;
    const name = attributes.name ?? id;
    if (action === 'oom') this.exits.oom(name, id);
    else if (action === 'kill' && lastSignals.has(attributes.signal)) this.exits.killed(name, id);
    else if (action === 'die') this.exits.died(name, id, Number(attributes.exitCode ?? 'NaN'));
  }

  private emit(event: EngineEvent): void {
    if (this.closing.signal.aborted) return;
    for (const listener of this.listeners) listener(event);
  }
}

function containerState(state: string): ContainerSummary['state'] {
  if (state === 'created') return 'created';
  return state === 'exited' || state === 'dead' || state === 'removing' ? 'exited' : 'running';
}
