import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { prepareCodecs } from '../protocol/codec.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { asMasterId } from '../protocol/ids.ts';
import type { DomainInfo } from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { parseDomain } from '../runtime/domain-flag.ts';
import { createHttpServer, gentleEnd, isLoopback, listen } from '../runtime/http-server.ts';
import type { Log } from '../runtime/log.ts';
import { LoggingLevel } from '../runtime/logging-level.ts';
import { outwardIp } from '../runtime/outward-ip.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { mesosVersion } from '../runtime/version.ts';
import { parseZooKeeperUrl } from '../runtime/zookeeper/zookeeper-url.ts';
import { HierarchicalAllocator } from './allocator/hierarchical-allocator.ts';
import { parseMinimum } from './allocator/minimum.ts';
import { heartbeatIntervalSeconds } from './commands/subscribe.ts';
import { standForElection } from './election/candidate-master.ts';
import { serve } from './endpoints.ts';
import { EventSubscribers } from './event-subscribers.ts';
import type { MasterFlags } from './flags.ts';
import { freshState } from './fresh-state.ts';
import { holdAnswers } from './http/held-answers.ts';
import { type Leader, leaderRedirect } from './http/leader-redirect.ts';
import { count } from './metrics.ts';
import { Performer } from './performer.ts';
import { parseRateLimits } from './rate-limits/rate-limit-table.ts';
import { RateLimits } from './rate-limits/rate-limits.ts';
import { MemoryRegistry } from './registry/memory-registry.ts';
import { recover } from './registry/recovery.ts';
import { Registrar } from './registry/registrar.ts';
import type { RegistryStore } from './registry/registry-store.ts';
import { SqliteRegistry } from './registry/sqlite-registry.ts';
import { ZooKeeperRegistry } from './registry/zookeeper-registry.ts';
import { checkedValue, settingsOf } from './settings.ts';
import type { MasterSettings, MasterState } from './state.ts';

// A call with ten thousand tasks is about 10 MB.
const megabyte = 1024 * 1024;
const longestBody = 64 * megabyte;

// How long a stopping master waits for clients to take the answers that they asked for.
const answeringMs = 2_000;

// With what goes out to the frameworks, the event loop is held for less than 20 ms at a time.
const allocationSliceMs = 8;

export interface MasterOptions {
  flags: MasterFlags;
  log: Log;
  shutdown: Shutdown;
  clock?: Clock;
  /** Who leads; without an election it is always this master. */
  leader?: () => Leader;
  /** Whether this master leads for certain; asked before anything goes out. */
  holds?(): boolean;
  /** Where the registry is kept; by default what the flags say. */
  store?: RegistryStore;
  /** In place of what the flags say. */
  settings?: Partial<MasterSettings>;
  /** The master cannot go on, having lost its registry or most of its agents: nothing it says counts any more. By default it is stopped. */
  giveUp?(error: MesitaError): void;
}

export interface RunningMaster {
  /** host:port as clients on this machine reach it. */
  address: string;
  state: MasterState;
}

/** It listens, and answers 503, or names who leads. */
export interface StandbyMaster extends RunningMaster {
  /**
   * Takes the registry over, learns what the masters before knew, and serves, once. Throws the coded errors of the registry, and what the
   * signal is aborted with.
   */
  lead(signal: AbortSignal): Promise<void>;
}

/** Starts a master that leads at once, or with --zk when it is elected. Throws as `standByMaster` and its `lead` do. */
export async function startMaster(options: MasterOptions): Promise<RunningMaster> {
  const { flags, log, shutdown, clock = systemClock, giveUp = stoppingOn(log, shutdown) } = options;
  if (flags.zk !== undefined) {
    const url = checkedValue(parseZooKeeperUrl(flags.zk));
    const sessionTimeout = flags.zk_session_timeout * 1000;
    const memory = flags.registry === 'in_memory' ? new MemoryRegistry() : undefined;
    return standForElection(
      { url, sessionTimeout, registry: (kept) => memory ?? new ZooKeeperRegistry(kept), clock, log, shutdown, giveUp },
      (part) => standByMaster({ ...options, ...part, giveUp }),
    );
  }
  const master = await standByMaster(options);
  await master.lead(options.shutdown.signal);
  return master;
}

/** Wires state, commands and HTTP. Throws MESITA_PORT_IN_USE, MESITA_LISTEN_FAILED, MESITA_WORK_DIR_UNUSABLE. */
export async function standByMaster({
  flags,
  log,
  shutdown,
  clock = systemClock,
  leader = () => 'self',
  holds = () => true,
  store,
  settings = {},
  giveUp = stoppingOn(log, shutdown),
}: MasterOptions): Promise<StandbyMaster> {
  await makeWorkDirectory(flags.work_dir);
  prepareCodecs();
  const server = createHttpServer({
    log,
    actor: 'master',
    bodyLimit: longestBody,
    streamBacklog: flags.max_stream_backlog * megabyte,
    gentle: true,
    onCutOff: () => count(state, 'master/slow_streams_closed'),
  });
  const state = createState(flags, settings, clock.now());
  const registrar = new Registrar({
    store: store ?? registryOf(flags),
    clock: systemClock,
    metrics: state.metrics,
    storeTimeout: flags.registry_store_timeout,
    fetchTimeout: flags.registry_fetch_timeout,
    holds,
    onLoss: giveUp,
  });
  shutdown.register('registry', () => registrar.close());
  const subscribers = new EventSubscribers({
    state,
    clock,
    log,
    maximum: flags.max_operator_event_stream_subscribers,
    heartbeatInterval: heartbeatIntervalSeconds,
    gate: registrar,
  });
  const performer = new Performer({
    state,
    clock,
    random: Math.random,
    log,
    registrar,
    giveUp,
    announce: (news) => subscribers.announce(news),
    allocationInterval: flags.allocation_interval,
    allocationSlice: allocationSliceMs,
    pingInterval: flags.agent_ping_timeout,
    heartbeatInterval: heartbeatIntervalSeconds,
    registryGcInterval: flags.registry_gc_interval,
  });
  let isLeading = false;
  const whoLeads = () => {
    const found = leader();
    return found === 'self' && !isLeading ? 'recovering' : found;
  };
  leaderRedirect(server, whoLeads, () => ({ hostname: state.master.hostname ?? '', port: state.master.port }));
  holdAnswers(server, registrar);
  const limits = makeRateLimits(flags, state, clock);
  const loggingLevel = new LoggingLevel(log, clock);
  serve({ server, performer, subscribers, flags, limits, loggingLevel });
  const port = await listen(server, flags);
  const ending = gentleEnd(server, answeringMs);
  shutdown.register('http server', () => ending.finish());
  setAddress(state, flags, port);
  let stop: () => void | Promise<void> = () => undefined;
  shutdown.register('master', () => stop());
  shutdown.register('operator events', () => subscribers.close());
  shutdown.register('rate limits', () => limits?.stop());
  shutdown.register('logging level', () => loggingLevel.stop());
  shutdown.register('new requests', () => {
    ending.begin();
    sayWhatIsLeft(state, log);
  });
  const address = `${flags.ip === '0.0.0.0' ? '127.0.0.1' : flags.ip}:${port}`;
  if (!isLoopback(flags.ip)) {
    log.warn(
      { ip: flags.ip },
      'listening beyond loopback without authentication: whoever reaches this port can run anything on the agents',
    );
  }
  const lead = async (signal: AbortSignal) => {
    recover(state, await registrar.open(signal), clock.now());
    isLeading = true;
    signal.throwIfAborted();
    stop = performer.start();
    const { recovery, frameworks, reign } = state;
    log.info(
      { ...reign, agents: recovery.total, frameworks: frameworks.size },
      'the registry is read: this master leads',
    );
    log.info({ id: state.master.id, address: `${flags.ip}:${port}` }, 'master is up');
  };
  return { address, state, lead };
}

function stoppingOn(log: Log, shutdown: Shutdown): (error: MesitaError) => void {
  return (error) => {
    log.error({ code: error.code, error: error.message }, 'the master cannot go on');
    shutdown.stop().catch(() => undefined);
  };
}

function registryOf({ registry, work_dir }: MasterFlags): RegistryStore {
  return registry === 'in_memory' ? new MemoryRegistry() : new SqliteRegistry(join(work_dir, 'registry.sqlite'));
}

/** A master may stop: whatever runs on the agents does so without it. */
function sayWhatIsLeft({ agents, frameworks }: MasterState, log: Log): void {
  const tasks = [...agents.values()]
    .flatMap((agent) => [...agent.tasks.values()])
    .filter(({ state }) => !isTerminal(state));
  const left = { tasks: tasks.length, agents: agents.size, frameworks: frameworks.size };
  log.info(left, 'the master stops: tasks run on, agents and frameworks come back to the next one that leads');
}

async function makeWorkDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    throw new MesitaError('MESITA_WORK_DIR_UNUSABLE', {
      message: `The work directory ${directory} cannot be made: ${describeError(cause)}`,
      cause,
    });
  }
}

function createState(flags: MasterFlags, settings: Partial<MasterSettings>, now: number): MasterState {
  const id = asMasterId(randomUUID());
  const domain = checkedValue(parseDomain(flags.domain ?? '{}'));
  return freshState({
    master: {
      id,
      ...(flags.domain === undefined ? {} : { domain }),
      ip: 0,
      port: flags.port,
      version: mesosVersion,
      // Not QUOTA_V2: mesos-go, which does not know it, cannot read a JSON event that has it, SUBSCRIBED first of all.
      capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }],
    },
    startedAt: now,
    settings: { ...settingsOf(flags), ...settings },
    allocator: makeAllocator(flags, domain),
  });
}

function makeAllocator(flags: MasterFlags, domain: DomainInfo): HierarchicalAllocator {
  return new HierarchicalAllocator({
    minimum: checkedValue(parseMinimum(flags.min_allocatable_resources)),
    filterGpus: flags.filter_gpu_resources,
    region: domain.fault_domain?.region.name,
    roleSorter: flags.role_sorter,
    frameworkSorter: flags.framework_sorter,
    excludedFromShares: flags.fair_sharing_excluded_resource_names?.split(',').map((name) => name.trim()) ?? [],
  });
}

function makeRateLimits({ rate_limits }: MasterFlags, state: MasterState, clock: Clock): RateLimits | undefined {
  return rate_limits === undefined
    ? undefined
    : new RateLimits(checkedValue(parseRateLimits(rate_limits)), state, clock);
}

/** What MasterInfo says of the address, once the port is known; in the order of the message's declaration. */
function setAddress(state: MasterState, flags: MasterFlags, port: number): void {
  const ip = flags.advertise_ip ?? (flags.ip === '0.0.0.0' ? outwardIp() : flags.ip);
  const hostname = flags.hostname ?? (isLoopback(ip) ? 'localhost' : machineName());
  Object.assign(state.master, {
    ip: networkOrder(ip),
    port,
    pid: `master@${ip}:${port}`,
    hostname,
    address: { hostname, ip, port },
  });
}

/** The four bytes of an IPv4 address in network order, read as a little-endian integer, as MasterInfo.ip has it. */
export function networkOrder(ip: string): number {
  const bytes = ip.split('.').map(Number);
  return bytes.length === 4 ? bytes.reduceRight((sum, byte) => sum * 256 + byte, 0) : 0;
}
