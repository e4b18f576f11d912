import { randomUUID } from 'node:crypto';
import { hostname as machineName, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import type { MasterMessage } from '../protocol/agent-link.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { AgentInfo } from '../protocol/messages.ts';
import { parseAttributes, parseResources } from '../protocol/resource-text.ts';
import { normalize } from '../protocol/resources.ts';
import { AccountNames } from '../runtime/account-names.ts';
import { type Clock, sleep, systemClock } from '../runtime/clock.ts';
import { parseDomain } from '../runtime/domain-flag.ts';
import { filesRoute } from '../runtime/files-route.ts';
import { flagTexts } from '../runtime/flags.ts';
import { createHttpServer, isLoopback, listen } from '../runtime/http-server.ts';
import type { Log } from '../runtime/log.ts';
import { attachedLog } from '../runtime/log-flags.ts';
import { LoggingLevel } from '../runtime/logging-level.ts';
import { processRoutes } from '../runtime/process-routes.ts';
import { ShownFiles } from '../runtime/shown-files.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { Timer } from '../runtime/timer.ts';
import { mesitaVersion } from '../runtime/version.ts';
import { AgentIdFile } from './agent-id.ts';
import { CheckpointFile, withCheckpointed } from './checkpoint.ts';
import { operationMessages, restoreOperations } from './commands/operations.ts';
import { ContainerEnds } from './container-ends.ts';
import { ContainerLauncher } from './container-launcher.ts';
import { ContainerLogs } from './container-logs.ts';
import type { ContainerSettings } from './container-plan.ts';
import { ContainerStatistics } from './container-statistics.ts';
import { DiskWatch } from './disk-watch.ts';
import { sandboxesDocument } from './documents/sandboxes.ts';
import { DockerEngine } from './engine/docker-engine.ts';
import type { Engine, EngineFacts } from './engine/engine.ts';
import { ProcessEngine } from './engine/process-engine.ts';
import { type Containerizer, chooseEngine } from './engine-choice.ts';
import { setUpFetcher } from './fetcher-setup.ts';
import { fingerprint } from './fingerprint/host.ts';
import { type AgentFlags, agentFlags } from './flags.ts';
import { executorRoute } from './http/executor-route.ts';
import { operatorRoute } from './http/operator-route.ts';
import { readOnlyRoutes } from './http/read-only-routes.ts';
import type { AgentIdentity } from './identity.ts';
import { ImageGc } from './image-gc.ts';
import { MasterLink } from './master-link.ts';
import { type LaunchMetrics, metricsSnapshot } from './metrics.ts';
import { NestedContainers } from './nested/nested-containers.ts';
import { outputInPlace } from './output-in-place.ts';
import { Performer } from './performer.ts';
import { noRegistries } from './registry-credentials.ts';
import { sandboxesUnder } from './sandbox-files.ts';
import { SandboxGc } from './sandbox-gc.ts';
import { SandboxPaths } from './sandbox-paths.ts';
import { type AgentState, emptyState } from './state.ts';
import { taskMessage } from './task-message.ts';
import { makeVolume, removeVolume } from './volumes.ts';

const megabyte = 1024 * 1024;
// What executors say may be as long as what schedulers say.
const longestBody = 64 * megabyte;
// Starting one is an affair of milliseconds, and mostly waiting.
const processesAtOnce = 64;
// How long a stopping agent waits for its tasks' ends to be acknowledged.
const partingMs = 3_000;

export interface AgentOptions {
  flags: AgentFlags;
  log: Log;
  shutdown: Shutdown;
  clock?: Clock;
  /** For tests; else the Docker engine at --docker_socket. */
  engine?: Engine;
}

export interface RunningAgent {
  address: string;
  /** Resolves when the master knows the agent. */
  registered: Promise<string>;
  state: AgentState;
}

/**
 * Starts an agent: engine, host facts, HTTP, and the link to the master.
 * Throws MESITA_ENGINE_UNREACHABLE, MESITA_PORT_IN_USE, MESITA_LISTEN_FAILED, MESITA_WORK_DIR_UNUSABLE,
 * MESITA_CHECKPOINT_INVALID, MESITA_CHECKPOINT_INCOMPATIBLE.
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { flags, log, shutdown, clock = systemClock } = options;
  const workDirectory = resolve(flags.work_dir);
  const idFile = new AgentIdFile(workDirectory);
  const knownId = await idFile.read();
  const scope = { 'org.mesita.work_dir': workDirectory };
  const { kind, engine, facts } = await chooseEngine({
    containerizers: options.engine === undefined ? flags.containerizers : ['docker'],
    open: {
      docker: () => options.engine ?? new DockerEngine({ address: { socketPath: flags.docker_socket }, scope }),
      process: () =>
        new ProcessEngine({
          directory: join(workDirectory, 'processes'),
          scope,
          warn: (message) => log.warn(message),
        }),
    },
    cpuQuota: flags.cgroups_enable_cfs,
    log,
    signal: shutdown.signal,
  });
  shutdown.register('engine', () => engine.close());
  const info = await describeAgent(flags, workDirectory, facts, knownId);
  const identity: MutableIdentity = {
    id: knownId,
    registered: false,
    info,
    address: addressOf(flags),
    startedAt: clock.now(),
    master: flags.master,
    flags: flagTexts(agentFlags, flags),
  };
  const checkpoint = new CheckpointFile(workDirectory);
  const kept = await checkpoint.read();
  const total = withCheckpointed(info.resources ?? [], kept.resources);
  const state = emptyState(
    {
      killGrace: flags.executor_shutdown_grace_period,
      executorShutdownGrace: flags.executor_shutdown_grace_period,
      executorRegistrationTimeout: flags.executor_registration_timeout,
    },
    total,
  );
  const server = createHttpServer({ log, actor: 'slave(1)', bodyLimit: longestBody });
  const fetcher = await setUpFetcher(flags, workDirectory, shutdown);
  const sandboxes = new SandboxGc({
    workDirectory,
    policy: { delay: flags.gc_delay, headroom: flags.gc_disk_headroom },
    interval: flags.disk_watch_interval,
    clock,
    log,
  });
  const launches: LaunchMetrics = {
    sandboxes,
    imagePull: new Timer(),
    fetchesSucceeded: 0,
    fetchesFailed: 0,
    fetcherCache: fetcher.cache,
  };
  const ends = new ContainerEnds();
  let performing: Performer | undefined;
  serve({
    server,
    state,
    identity,
    workDirectory,
    engine,
    flags,
    log,
    clock,
    launches,
    shutdown,
    ends,
    performer: () => performing,
  });
  identity.address.port = await listen(server, flags);
  shutdown.register('http server', () => server.close());
  info.port = identity.address.port;
  shutdown.register('sandbox gc', sandboxes.start());
  const images = new ImageGc({
    workDirectory,
    engineDirectory: facts.rootDirectory,
    store: engine.imageStore,
    policy: flags.image_gc_config,
    clock,
    log,
  });
  shutdown.register('image gc', await images.start());
  const limits = { maxSize: flags.max_log_size, files: flags.log_files };
  const settings = containerSettings(flags, workDirectory, identity, kind);
  const logs = kind === 'process' ? outputInPlace : new ContainerLogs({ engine, clock, log, limits });
  const performer = new Performer({
    state,
    engine,
    ends,
    logs,
    launcher: (observer) =>
      new ContainerLauncher({
        engine,
        fetcher,
        settings,
        registries: flags.docker_config ?? noRegistries,
        concurrency:
          kind === 'process' ? Math.max(processesAtOnce, flags.launch_concurrency) : flags.launch_concurrency,
        observer,
        output: logs,
        sandboxes,
        images,
        log,
        metrics: launches,
      }),
    settings,
    agent: () => identity.info,
    clock,
    ids: { uuid: randomUUID },
    sandboxes,
    images,
    storage: {
      makeVolume: (volume) => makeVolume(workDirectory, volume),
      removeVolume: (volume) => removeVolume(workDirectory, volume),
      write: (content) => checkpoint.write(content),
    },
    log,
    address: identity.address.ip,
  });
  performing = performer;
  shutdown.register('performer', performer.start());
  if (flags.enforce_container_disk_quota) watchDisk(flags, state, performer, clock, log, shutdown);
  performer.perform(restoreOperations(state, kept.operations));
  warnIfOpen(flags.ip, log);
  const registered = joinMaster({
    flags,
    log,
    shutdown,
    clock,
    performer,
    identity,
    idFile,
    workDirectory,
    settings,
    server,
    sandboxes,
  });
  return { address: `${flags.ip}:${identity.address.port}`, registered, state };
}

interface Serving {
  server: ReturnType<typeof createHttpServer>;
  state: AgentState;
  identity: AgentIdentity;
  workDirectory: string;
  engine: Engine;
  flags: AgentFlags;
  log: Log;
  clock: Clock;
  launches: LaunchMetrics;
  shutdown: Shutdown;
  ends: ContainerEnds;
  /** Undefined until the agent is ready for executors. */
  performer: () => Performer | undefined;
}

/** The agent's endpoints. */
function serve({
  server,
  state,
  identity,
  workDirectory,
  engine,
  flags,
  log,
  clock,
  launches,
  shutdown,
  ends,
  performer,
}: Serving): void {
  const attached = attachedLog(flags, 'agent');
  const locate = sandboxesUnder(() => new SandboxPaths(workDirectory, identity.id ?? '').slave);
  const files = new ShownFiles({ accounts: new AccountNames(), attached, locate });
  const statistics = new ContainerStatistics(state, engine, flags.cgroups_enable_cfs, clock);
  const metrics = () => metricsSnapshot(state, identity, launches, clock.now());
  const loggingLevel = new LoggingLevel(log, clock);
  shutdown.register('logging level', () => loggingLevel.stop());
  processRoutes(server, loggingLevel);
  filesRoute(server, files, () => ({ ...sandboxesDocument(state), ...attached }));
  readOnlyRoutes(server, { state, identity: () => identity, statistics, metrics });
  executorRoute(server, performer);
  const nested = new NestedContainers(state, engine, ends);
  shutdown.register('nested containers', () => nested.stop());
  const operated = { state, identity: () => identity, statistics, metrics, files, nested, loggingLevel };
  operatorRoute(server, operated, clock);
}

/** Ends what takes more disk than it asked for. */
function watchDisk(
  flags: AgentFlags,
  state: AgentState,
  performer: Performer,
  clock: Clock,
  log: Log,
  shutdown: Shutdown,
): void {
  const interval = flags.container_disk_watch_interval;
  const watch = new DiskWatch({
    state,
    interval,
    clock,
    log,
    exceeded: (...which) => performer.diskExceeded(...which),
  });
  shutdown.register('disk watch', watch.start());
}

type MutableIdentity = { -readonly [Key in keyof AgentIdentity]: AgentIdentity[Key] };

interface Joining {
  flags: AgentFlags;
  log: Log;
  shutdown: Shutdown;
  clock: Clock;
  performer: Performer;
  identity: MutableIdentity;
  idFile: AgentIdFile;
  workDirectory: string;
  settings: ContainerSettings;
  server: ReturnType<typeof createHttpServer>;
  sandboxes: SandboxGc;
}

function joinMaster(joining: Joining): Promise<string> {
  const { flags, log, shutdown, clock, performer, identity, idFile } = joining;
  const { promise, resolve: registered } = Promise.withResolvers<string>();
  const link: MasterLink = new MasterLink({
    master: flags.master,
    clock,
    random: Math.random,
    log,
    backoff: flags.registration_backoff_factor * 1000,
    subscription: () => ({
      agent: identity.info,
      address: identity.address,
      version: mesitaVersion,
      tasks: [...performer.state.tasks.values()]
        .filter((task) => !task.orphaned)
        .map((task) => taskMessage(task, task.queue[0]?.status)),
      executors: [...performer.state.executors.values()].flatMap(({ info, orphaned }) => (orphaned ? [] : info)),
      operations: operationMessages(performer.state, identity.id ?? ''),
      total: performer.state.total,
      frameworks: [
        ...new Map(
          [...performer.state.tasks.values(), ...performer.state.executors.values()].map(({ framework }) => [
            framework.id?.value,
            framework,
          ]),
        ).values(),
      ],
    }),
    onMessage: (message) => {
      if (message.type === 'REGISTERED') {
        becomeAgent(joining, message.agent_id, link);
        idFile
          .write(message.agent_id)
          .catch((error: unknown) => log.error({ error: describeError(error) }, 'the agent id cannot be kept'));
        registered(message.agent_id);
      } else {
        receive(joining, link, message);
      }
    },
    onBroken: () => {
      identity.registered = false;
    },
  });
  shutdown.register('tasks and link', async () => {
    await performer.shutdownTasks();
    const { signal } = new AbortController();
    for (let waited = 0; performer.state.tasks.size > 0 && waited < partingMs; waited += 50)
      await sleep(clock, 50, signal);
    link.send({ type: 'UNREGISTER' });
    await link.stop();
  });
  link.run().catch((error: unknown) => log.error({ error: describeError(error) }, 'the link to the master failed'));
  return promise;
}

function becomeAgent(
  { identity, performer, workDirectory, settings, log, sandboxes }: Joining,
  id: string,
  link: MasterLink,
): void {
  identity.id = id;
  identity.registered = true;
  identity.info.id = { value: id };
  settings.agentId = id;
  const paths = new SandboxPaths(workDirectory, id);
  performer.registered(id, paths, (message) => link.send(message));
  sandboxes
    .recover(paths)
    .catch((error: unknown) => log.warn({ error: describeError(error) }, 'old sandboxes cannot be listed'));
  log.info({ id, master: identity.master }, 'registered with the master');
}

function receive({ performer, log, shutdown, server }: Joining, link: MasterLink, message: MasterMessage): void {
  if (message.type === 'HTTP_REQUEST') {
    const { request_id, url } = message;
    server
      .inject({ method: 'GET', url })
      .then((answer) =>
        link.answer(request_id, {
          status: answer.statusCode,
          contentType: String(answer.headers['content-type'] ?? 'application/octet-stream'),
          body: answer.rawPayload,
        }),
      )
      .catch((error: unknown) =>
        log.warn({ url, error: describeError(error) }, 'a request by way of the master failed'),
      );
  } else if (message.type === 'SHUTDOWN') {
    log.error({ message: message.message }, 'the master tells this agent to stop');
    // It would be taken for a new agent while its tasks end.
    link.hangUp();
    shutdown.stop().catch(() => undefined);
  } else {
    performer.receive(message);
  }
}

async function describeAgent(
  flags: AgentFlags,
  workDirectory: string,
  engine: EngineFacts,
  id: string | undefined,
): Promise<AgentInfo> {
  const given = checkedValue(parseResources(flags.resources ?? '', flags.default_role), 'resources');
  const own = checkedValue(parseAttributes(flags.attributes ?? ''), 'attributes');
  const facts = await fingerprint({ workDirectory, engine }, new Set(given.map(({ name }) => name)));
  const named = new Set(own.map(({ name }) => name));
  const detected = facts.resources.map((resource) => ({ ...resource, role: flags.default_role }));
  return {
    hostname: flags.hostname ?? (isLoopback(flags.ip) ? 'localhost' : machineName()),
    resources: normalize([...given, ...detected]),
    attributes: [...own, ...facts.attributes.filter(({ name }) => !named.has(name))],
    ...(id === undefined ? {} : { id: { value: id } }),
    ...(flags.domain === undefined ? {} : { domain: checkedValue(parseDomain(flags.domain), 'domain') }),
  };
}

/** The flag table has checked the text already. */
function checkedValue<T>(parsed: { value: T } | { error: string }, flag: string): T {
  if ('error' in parsed) throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${flag}: ${parsed.error}` });
  return parsed.value;
}

function addressOf(flags: AgentFlags): { hostname: string; ip: string; port: number } {
  const ip = flags.advertise_ip ?? (flags.ip === '0.0.0.0' ? outwardIp() : flags.ip);
  return { hostname: flags.hostname ?? (isLoopback(ip) ? 'localhost' : machineName()), ip, port: flags.port };
}

function outwardIp(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}

function containerSettings(
  flags: AgentFlags,
  workDirectory: string,
  identity: MutableIdentity,
  kind: Containerizer,
): ContainerSettings {
  const logs = { maxSize: flags.max_log_size, files: flags.log_files };
  const switchUser = process.getuid?.() === 0;
  const hostProcesses = { containerizers: flags.containerizers.join(','), switchUser, logs };
  return {
    ...(kind === 'process' ? { hostProcesses } : {}),
    defaultImage: flags.default_image,
    enforceCpuQuota: flags.cgroups_enable_cfs,
    pidsLimit: flags.pids_limit,
    agentId: identity.id ?? '',
    workDirectory,
    agentEndpoint: `${identity.address.ip}:${identity.address.port}`,
    executorShutdownGrace: flags.executor_shutdown_grace_period,
  };
}

function warnIfOpen(ip: string, log: Log): void {
  if (!isLoopback(ip))
    log.warn({ ip }, 'listening beyond loopback without authentication: whoever reaches this port can read sandboxes');
}
