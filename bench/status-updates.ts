// Claim: an agent takes ≥ 20,000 status updates a second, each written down before it is sent, with group commit.
//
// 500 tasks run; each says one update after the other. An update is queued, written down and then sent; its acknowledgement comes as soon as it is sent,
// and is written down too before the next one of that task goes out. So an update is two writes of one row. It is the agent's own state, memory and
// gate; the link to the master is not in it. The peer makes the same writes in the same groups, with bare `node:sqlite` and the same care for the disk.
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { runTask } from '../agent/commands/run-task.ts';
import { AgentMemory } from '../agent/recovery/agent-memory.ts';
import { RunMemory } from '../agent/recovery/run-memory.ts';
import { WriteGate } from '../agent/recovery/write-gate.ts';
import { SandboxPaths } from '../agent/sandbox-paths.ts';
import { emptyState, type TaskRecord } from '../agent/state.ts';
import { acknowledged, type Context, report } from '../agent/status-updates.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Change } from '../runtime/database.ts';
import { silentLog } from '../runtime/log.ts';
import { Random } from '../simulator/random.ts';
import { ratio, spread } from './statistics.ts';

const tasks = Number(process.env.MESITA_BENCH_TASKS ?? 500);
const updates = Number(process.env.MESITA_BENCH_UPDATES ?? 100_000);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);

interface Rates {
  /** Updates a second of the clock, and a second of CPU time of the process, all threads. */
  wall: number;
  cpu: number;
}

async function rated(work: () => Promise<void>): Promise<Rates> {
  const before = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { wall: updates / seconds, cpu: updates / ((user + system) / 1e6) };
}

/** Notes down in which groups it wrote. */
async function ours(directory: string, groups: (readonly Change[])[]): Promise<Rates> {
  const database = new AgentMemory(directory);
  const timeouts = { executorRegistrationTimeout: 60, executorReregistrationTimeout: 2 };
  const state = emptyState({ killGrace: 3, executorShutdownGrace: 5, ...timeouts });
  const memory = new RunMemory(state);
  const write = (changes: readonly Change[]) => {
    groups.push(changes);
    return database.write(changes);
  };
  const gate = new WriteGate({ write, clock: systemClock, log: silentLog });
  const context: Context = { now: systemClock.now(), ids: new Random('bench') };
  const paths = new SandboxPaths('/work', 'agent');
  const framework = { user: 'root', name: 'bench', id: { value: 'framework' } };
  for (let index = 0; index < tasks; index++) {
    const name = `task-${index}`;
    const task = { name, task_id: { value: name }, agent_id: { value: 'agent' }, command: { value: 'sleep 1000' } };
    runTask(state, paths, { framework, task, address: '127.0.0.1' }, context);
  }
  const all = [...state.tasks.values()];
  await new Promise<void>((done) => gate.pass(memory.changes(all), done));
  groups.length = 0;
  let [left, open] = [updates, updates];
  const { promise, resolve } = Promise.withResolvers<void>();
  const say = (task: TaskRecord): void => {
    if (left === 0) return;
    left--;
    report(task, { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', message: `update ${left}` }, context);
    gate.pass(memory.changes([task]), () => hear(task));
  };
  const hear = (task: TaskRecord): void => {
    acknowledged(state, task, task.queue[0]?.status.uuid ?? '', context.now);
    gate.pass(memory.changes([task]), () => {
      if (--open === 0) resolve();
      else say(task);
    });
  };
  const rates = await rated(() => {
    for (const task of all) say(task);
    return promise;
  });
  await database.close();
  return rates;
}

function bare(directory: string, groups: readonly (readonly Change[])[]): Promise<Rates> {
  const path = join(directory, 'bare.sqlite');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('CREATE TABLE now (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
  const put = database.prepare('INSERT INTO now VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const log = openSync(`${path}-wal`, 'r+');
  const sync = promisify(fdatasync);
  return rated(async () => {
    for (const changes of groups) {
      database.exec('BEGIN');
      for (const { key, value = '' } of changes) put.run(key, value);
      database.exec('COMMIT');
      await sync(log);
    }
  }).finally(() => {
    closeSync(log);
    database.close();
  });
}

const [own, peer]: [Rates[], Rates[]] = [[], []];
for (let round = 0; round < rounds; round++) {
  const directory = mkdtempSync(join(tmpdir(), 'mesita-bench-'));
  try {
    const groups: (readonly Change[])[] = [];
    const mine = await ours(directory, groups);
    const theirs = await bare(directory, groups);
    own.push(mine);
    peer.push(theirs);
    const shown = ({ wall, cpu }: Rates) => `${wall.toFixed(0)}/s, ${cpu.toFixed(0)} a CPU second`;
    console.log(`round ${round + 1}  ${shown(mine)} in ${groups.length} groups; bare ${shown(theirs)}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
const row = (rates: Rates[]) =>
  `${spread(
    rates.map(({ wall }) => wall),
    0,
  )}/s, a CPU second ${spread(
    rates.map(({ cpu }) => cpu),
    0,
  )}`;
console.log(`${updates} updates of ${tasks} tasks: ${row(own)} (aim: ≥ 20,000/s); bare SQLite ${row(peer)}`);
console.log(
  `  over the peer: ${ratio(
    own.map(({ wall }) => wall),
    peer.map(({ wall }) => wall),
  )}`,
);
