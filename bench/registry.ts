// Claims: to admit 50,000 agents to the registry takes ≤ 0.5 s, and a new master has taken them over in ≤ 0.3 s (SQLite).
//
// Admitting is from the first record to the moment in which what waits for the last one may go out: the records come in turns of the event loop of 100
// agents each, as many agents dial at once; encoding and writing to the disk are in it, the master's own commands are not. The peer does it with
// bare `node:sqlite`, in the same groups and with the same care for the disk. Taking over is `open` and `recover`; beside it the peer reads all rows.
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HierarchicalAllocator } from '../master/allocator/hierarchical-allocator.ts';
import { registerAgent } from '../master/commands/register-agent.ts';
import { newMetrics } from '../master/metrics.ts';
import { admitted, type RegistryEntry } from '../master/registry/entries.ts';
import { recover } from '../master/registry/recovery.ts';
import { Registrar } from '../master/registry/registrar.ts';
import { SqliteRegistry } from '../master/registry/sqlite-registry.ts';
import type { MasterState } from '../master/state.ts';
import { systemClock } from '../runtime/clock.ts';
import { newMasterState } from '../simulator/master-state.ts';
import { subscriptionText } from './emulated-agents.ts';
import { ratio, spread } from './statistics.ts';

const agents = Number(process.env.MESITA_BENCH_AGENTS ?? 50_000);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const atATime = 100;
const now = systemClock.now();
const directory = mkdtempSync(join(tmpdir(), 'mesita-bench-'));

function newMaster(): MasterState {
  const sorting = 'drf';
  const times = { allocationInterval: 1, agentPingTimeout: 75, offerTimeout: undefined };
  const scenario = { ...times, roleSorter: sorting, frameworkSorter: sorting } as const;
  return newMasterState(scenario, new HierarchicalAllocator(), 'bench', now);
}

function entries(): RegistryEntry[] {
  const state = newMaster();
  const cluster = { agents, tasksEach: 0, frameworks: 1 };
  for (let index = 0; index < agents; index++) {
    registerAgent(state, JSON.parse(subscriptionText(cluster, index, undefined)), now);
  }
  return [...state.agents.values()].map(admitted);
}

interface Times {
  wall: number;
  /** Of the process, all threads. */
  cpu: number;
}

async function timed(work: () => Promise<void> | void): Promise<Times> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000 };
}

function registrarOf(store: SqliteRegistry): Registrar {
  const onLoss = (error: Error) => {
    throw error;
  };
  return new Registrar({
    store,
    clock: systemClock,
    storeTimeout: 20,
    fetchTimeout: 60,
    onLoss,
    metrics: newMetrics(),
  });
}

async function admit(path: string, all: readonly RegistryEntry[]): Promise<Times> {
  const registrar = registrarOf(new SqliteRegistry(path));
  await registrar.open(new AbortController().signal);
  const times = await timed(async () => {
    for (let first = 0; first < all.length; first += atATime) {
      registrar.record(all.slice(first, first + atATime));
      await setImmediate();
    }
    await new Promise<void>((done) => registrar.pass(done));
  });
  await registrar.close();
  return times;
}

async function takeOver(path: string): Promise<Times> {
  const registrar = registrarOf(new SqliteRegistry(path));
  const state = newMaster();
  const times = await timed(async () => recover(state, await registrar.open(new AbortController().signal), now));
  if (state.recovery.agents.size !== agents) throw new Error(`${state.recovery.agents.size} agents were taken over`);
  await registrar.close();
  return times;
}

async function admitBare(path: string, all: readonly RegistryEntry[]): Promise<Times> {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('CREATE TABLE agents (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
  const insert = database.prepare('INSERT INTO agents VALUES (?, ?)');
  const log = openSync(`${path}-wal`, 'r+');
  const sync = promisify(fdatasync);
  let syncing = Promise.resolve();
  let waiting = false;
  const times = await timed(async () => {
    for (let first = 0; first < all.length; first += atATime) {
      database.exec('BEGIN');
      for (const { key, value } of all.slice(first, first + atATime)) insert.run(key, JSON.stringify(value));
      database.exec('COMMIT');
      // What is written while the disk is at work waits together.
      if (!waiting) {
        waiting = true;
        syncing = syncing.then(() => {
          waiting = false;
          return sync(log);
        });
      }
      await setImmediate();
    }
    await syncing;
  });
  closeSync(log);
  database.close();
  return times;
}

function readBare(path: string): Promise<Times> {
  return timed(() => {
    const database = new DatabaseSync(path);
    const rows = database.prepare('SELECT key, value FROM agents ORDER BY key').all();
    if (rows.length !== agents) throw new Error(`${rows.length} rows`);
    database.close();
  });
}

const all = entries();
const names = ['admit', 'bare insert', 'take over', 'bare read'] as const;
const results = Object.fromEntries(names.map((name) => [name, [] as Times[]])) as Record<
  (typeof names)[number],
  Times[]
>;
try {
  for (let round = 0; round < rounds; round++) {
    const [ours, bare] = [join(directory, `ours-${round}.sqlite`), join(directory, `bare-${round}.sqlite`)];
    results.admit.push(await admit(ours, all));
    results['bare insert'].push(await admitBare(bare, all));
    results['take over'].push(await takeOver(ours));
    results['bare read'].push(await readBare(bare));
    console.log(
      `round ${round + 1}  ${names.map((name) => `${name} ${results[name].at(-1)?.wall.toFixed(0)} ms (CPU ${results[name].at(-1)?.cpu.toFixed(0)})`).join(', ')}`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const wall = (name: (typeof names)[number]) => results[name].map((times) => times.wall);
const cpu = (name: (typeof names)[number]) => results[name].map((times) => times.cpu);
const row = (name: (typeof names)[number]) => `ms ${spread(wall(name), 0)}, of CPU ${spread(cpu(name), 0)}`;
console.log(`${agents} agents admitted: ${row('admit')} (aim: ≤ 500); bare SQLite: ${row('bare insert')}`);
console.log(`  over the peer, by CPU: ${ratio(cpu('admit'), cpu('bare insert'))}`);
console.log(`taken over: ${row('take over')} (aim: ≤ 300); bare SQLite reads the rows: ${row('bare read')}`);
