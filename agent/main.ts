import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { flagTexts } from '../runtime/flags.ts';
import { createHttpServer, isLoopback } from '../runtime/http-server.ts';
import type { Log } from '../runtime/log.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { Timer } from '../runtime/timer.ts';
import { addressOf, describeAgent } from './agent-description.ts';
import { withCheckpointed } from './checkpoint.ts';
import { restoreOperations } from './commands/operations.ts';
import { ContainerEnds } from './container-ends.ts';
import { ContainerLauncher, type LauncherOptions } from './container-launcher.ts';
import { ContainerLogs } from './container-logs.ts';
import type { ContainerSettings } from './container-plan.ts';
import { ContainerStatistics } from './container-statistics.ts';
import { DiskWatch } from './disk-watch.ts';
import { serve } from './endpoints.ts';
import { DockerEngine } from './engine/docker-engine.ts';
import type { Engine } from './engine/engine.ts';
import { ProcessEngine } from './engine/process-engine.ts';
import { type Containerizer, chooseEngine } from './engine-choice.ts';
import { setUpFetcher } from './fetcher-setup.ts';
import { type AgentFlags, agentFlags } from './flags.ts';
import type { MutableIdentity } from './identity.ts';
import { ImageGc } from './image-gc.ts';
import { joinMaster } from './membership.ts';
import type { LaunchMetrics } from './metrics.ts';
import { ContainerRunner } from './nested/container-runner.ts';
import { outputInPlace } from './output-in-place.ts';
import { makeEstimator } from './oversubscription/estimator.ts';
import { Oversubscription } from './oversubscription/oversubscription.ts';
import { makeQosController } from './oversubscription/qos-controller.ts';
import { Performer } from './performer.ts';
import { readBootId } from './recovery/agent-memory.ts';
import { listenAsBefore, openMemory, restore } from './recovery/earlier-run.ts';
import { checkReconfiguration, checkRoom } from './recovery/reconfiguration.ts';
import { WriteGate } from './recovery/write-gate.ts';
import { noRegistries } from './registry-credentials.ts';
import { SandboxGc } from './sandbox-gc.ts';
import { type AgentState, emptyState } from './state.ts';
import { makeVolume, removeVolume } from './volumes.ts';

const megabyte = 1024 * 1024;
// What executors say may be as long as what schedulers say.
const longestBody = 64 * megabyte;
// Starting one is an affair of milliseconds, and mostly waiting.
const processesAtOnce = 64;
// Seconds, as Mesos' agents have it by default.
const longestSubscriptionBackoff = 2;

export interface AgentOptions {
  flags: AgentFlags;
  log: Log;
  shutdown: Shutdown;
  clock?: Clock;
  /** For tests; else the Docker engine at --docker_socket. */
  engine?: Engine;
  /** Asked when the agent stops: whether its tasks stay, for its next start. By default they end with it. */
  leavesTasks?: () => boolean;
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
 * MESITA_WORK_DIR_IN_USE, MESITA_DATABASE_TOO_NEW, MESITA_DATABASE_FAILED, MESITA_DISK_FULL, MESITA_CHECKPOINT_INVALID,
 * MESITA_CHECKPOINT_INCOMPATIBLE.
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { flags, log, shutdown, clock = systemClock } = options;
  const workDirectory = resolve(flags.work_dir);
  const memory = openMemory(workDirectory, shutdown);
  const knownId = memory.id;
  const { kind, engine, facts } = await openEngine(options, workDirectory, memory.containerizer);
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
  const rebooted = memory.rebootedSince(readBootId());
  // What is not to go on need not fit.
  const goesOn = !rebooted && flags.recover === 'reconnect';
  if (goesOn) checkReconfiguration(flags.reconfiguration_policy, memory.info, info);
  const kept = memory.checkpoint();
  const total = withCheckpointed(info.resources ?? [], kept.resources);
  const state = emptyState(
    {
      killGrace: flags.executor_shutdown_grace_period,
      executorShutdownGrace: flags.executor_shutdown_grace_period,
      executorRegistrationTimeout: flags.executor_registration_timeout,
      executorReregistrationTimeout: flags.executor_reregistration_timeout,
    },
    total,
  );
  const runs = restore(memory, state, { strict: flags.strict, log });
  if (goesOn) checkRoom(state);
  const server = createHttpServer({ log, actor: 'slave(1)', bodyLimit: longestBody });
  const fetcher = await setUpFetcher(flags, workDirectory, shutdown, () => identity.master);
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
  let running: ContainerRunner | undefined;
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
    runner: () => running,
  });
  identity.address.port = await listenAsBefore(server, flags, memory.port);
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
  const launcher = (own: Pick<LauncherOptions, 'observer' | 'output' | 'change'>) =>
    new ContainerLauncher({
      engine,
      fetcher,
      settings,
      registries: flags.docker_config ?? noRegistries,
      concurrency: kind === 'process' ? Math.max(processesAtOnce, flags.launch_concurrency) : flags.launch_concurrency,
      sandboxes,
      images,
      log,
      metrics: launches,
      ...own,
    });
  const gate = new WriteGate({ write: (changes) => memory.write(changes), clock, log });
  shutdown.register('what is to be kept', () => gate.stop());
  const performer = new Performer({
    state,
    engine,
    ends,
    logs,
    launcher: (observer) => launcher({ observer, output: logs }),
    settings,
    agent: () => identity.info,
    clock,
    ids: { uuid: randomUUID },
    sandboxes,
    images,
    storage: {
      makeVolume: (volume) => makeVolume(workDirectory, volume),
      removeVolume: (volume) => removeVolume(workDirectory, volume),
      write: (content) => memory.writeCheckpoint(content),
    },
    memory: runs,
    gate,
    log,
    address: identity.address.ip,
  });
  shutdown.register('performer', performer.start());
  running = new ContainerRunner({ engine, ends, logs, launcher, sandboxes, images, log });
  shutdown.register('containers of operators', running.start());
  if (flags.enforce_container_disk_quota) watchDisk(flags, state, performer, clock, log, shutdown);
  oversubscribe(flags, { state, engine, performer, clock, log, shutdown });
  const { address } = identity;
  const start = { boot_id: readBootId(), info: identity.info, port: String(address.port), containerizer: kind };
  gate.pass(memory.keep(start), () => undefined);
  await performer.recover(rebooted);
  performing = performer;
  if (flags.recover === 'cleanup') return cleanUp(performer, state, identity, options);
  performer.perform(restoreOperations(state, kept.operations));
  warnIfOpen(flags.ip, log);
  const registered = joinMaster({
    flags,
    log,
    shutdown,
    clock,
    performer,
    identity,
    memory,
    gate,
    leavesTasks: options.leavesTasks ?? (() => false),
    workDirectory,
    settings,
    server,
    sandboxes,
  });
  return { address: `${flags.ip}:${identity.address.port}`, registered, state };
}

/** Ends what an earlier run of the agent left, tells nobody yet, and stops: its next start tells. */
async function cleanUp(
  performer: Performer,
  state: AgentState,
  { address }: MutableIdentity,
  { log, shutdown, flags }: AgentOptions,
): Promise<RunningAgent> {
  await performer.shutdownTasks();
  await performer.leave();
  log.info('all that an earlier run of this agent left is ended');
  shutdown.stop().catch(() => undefined);
  return { address: `${flags.ip}:${address.port}`, registered: new Promise(() => undefined), state };
}

function openEngine(
  { flags, log, shutdown, engine, clock = systemClock }: AgentOptions,
  workDirectory: string,
  before: Containerizer | undefined,
): ReturnType<typeof chooseEngine> {
  const scope = { 'org.mesita.work_dir': workDirectory };
  const directory = join(workDirectory, 'processes');
  return chooseEngine({
    containerizers: engine === undefined ? flags.containerizers : ['docker'],
    before,
    open: {
      docker: () => engine ?? new DockerEngine({ address: { socketPath: flags.docker_socket }, scope }),
      process: () => new ProcessEngine({ directory, scope, warn: (message) => log.warn(message) }),
    },
    cpuQuota: flags.cgroups_enable_cfs,
    clock,
    log,
    signal: shutdown.signal,
  });
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

/** Offers what is not used a second time, and takes it back, if flags say how. */
function oversubscribe(
  flags: AgentFlags,
  {
    state,
    engine,
    performer,
    clock,
    log,
    shutdown,
  }: Pick<AgentOptions, 'log' | 'shutdown'> & {
    state: AgentState;
    engine: Engine;
    performer: Performer;
    clock: Clock;
  },
): void {
  const statistics = new ContainerStatistics(state, engine, flags.cgroups_enable_cfs, clock);
  const oversubscription = new Oversubscription({
    estimator: flags.resource_estimator && makeEstimator(flags.resource_estimator),
    controller: flags.qos_controller && makeQosController(flags.qos_controller),
    estimateInterval: flags.oversubscribed_resources_interval,
    correctionInterval: flags.qos_correction_interval_min,
    measure: () => statistics.measure(),
    clock,
    log,
    estimated: (resources) => performer.oversubscribe(resources),
    correct: (because) => performer.preemptRevocable(because),
  });
  shutdown.register('oversubscription', oversubscription.start());
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
    recoveryTimeout: flags.recovery_timeout,
    // They must look at least once while the agent waits for them.
    subscriptionBackoff: Math.min(longestSubscriptionBackoff, flags.executor_reregistration_timeout),
  };
}

function warnIfOpen(ip: string, log: Log): void {
  if (!isLoopback(ip))
    log.warn({ ip }, 'listening beyond loopback without authentication: whoever reaches this port can read sandboxes');
}
