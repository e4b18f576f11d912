import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, type Evidence, type Violation } from './checker.ts';
import { type Hit, makeFaults } from './faults.ts';
import { Journal, moment } from './journal.ts';
import { readLedgers } from './ledger.ts';
import { type ChaosOptions, shapeFor } from './options.ts';
import { pendingIn } from './pending.ts';
import { scheduleOf } from './schedule.ts';
import { workloadOf } from './workload.ts';
import { World } from './world.ts';

export interface RunOptions {
  options: ChaosOptions;
  directory: string;
  clockLibrary: string | undefined;
  imageFile: string;
  cgroup: string;
  say(line: string): void;
}

export interface Outcome {
  violations: Violation[];
  faults: number;
  tasks: number;
  /** How many tasks came to which end. */
  ends: Record<string, number>;
}

/** Seconds for everything to come to rest after the last fault: an agent's repetitions have long pauses. */
const patience = 150;

/** A whole run, in namespaces that are its own. */
export async function runChaos(run: RunOptions, signal: AbortSignal): Promise<Outcome> {
  const { options, directory, clockLibrary, imageFile, cgroup } = run;
  const start = moment();
  const say = (line: string) => run.say(`${((moment() - start) / 1000).toFixed(1).padStart(7)}  ${line}`);
  const shape = shapeFor(options);
  const { seed, faults, seconds, tasks } = options;
  const units = workloadOf({ seed, tasks, seconds, shape });
  const planned = scheduleOf({ seed, faults, seconds, shape, kinds: options.kinds });
  const schedule = clockLibrary === undefined ? planned.filter(({ kind }) => kind !== 'clock') : planned;
  const library = schedule.some(({ kind }) => kind === 'clock') ? clockLibrary : undefined;
  const world = new World({ directory, shape, units, clockLibrary: library, imageFile, cgroup });
  let hits: Hit[] = [];
  let pending: string[] = [];
  let leftovers: string[] = [];
  try {
    await within(60, 'the cluster is up', signal, () => world.start());
    say(`The cluster is up: ${shape.masters.length} masters, ${shape.agents.length} agents.`);
    hits = await makeFaults(world, schedule, say, signal);
    signal.throwIfAborted();
    say('No more faults; waiting for every task to come to its end.');
    const journal = new Journal(world.journal);
    const settled = await settles(signal, async () => journal.read().some(({ kind }) => kind === 'done'));
    const isClean = async () => {
      pending = await pendingIn(world);
      return pending.length === 0;
    };
    if (settled) await settles(signal, isClean);
    say('Stopping all.');
    leftovers = await world.stop();
  } finally {
    await world.abandon();
  }
  signal.throwIfAborted();
  const journal = new Journal(world.journal).read();
  const evidence: Evidence = {
    units,
    journal,
    ledgers: readLedgers(world.ledger),
    hits,
    deaths: world.deaths,
    pending,
    leftovers,
  };
  writeFileSync(join(directory, 'faults.json'), JSON.stringify(hits, undefined, 1));
  return { violations: check(evidence), faults: hits.length, tasks: count(units), ends: endsOf(evidence) };
}

/** Whether it comes true in the time (seconds). */
async function settles(signal: AbortSignal, ask: () => Promise<boolean>, seconds = patience): Promise<boolean> {
  for (let waited = 0; waited < seconds * 1000; waited += 500) {
    signal.throwIfAborted();
    if (await ask()) return true;
    await sleep(500);
  }
  return false;
}

async function within<T>(seconds: number, what: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const gaveUp = new Promise<never>((_, failed) => {
    late.addEventListener('abort', () => failed(new Error(`It did not come true in ${seconds} s: ${what}`)));
  });
  return Promise.race([action(), gaveUp]);
}

function count(units: readonly { tasks: readonly unknown[] }[]): number {
  return units.reduce((sum, { tasks }) => sum + tasks.length, 0);
}

function endsOf({ journal }: Evidence): Record<string, number> {
  const last = new Map<string, string>();
  for (const line of journal) if (line.kind === 'update') last.set(line.task, line.state);
  const ends: Record<string, number> = {};
  for (const state of last.values()) ends[state] = (ends[state] ?? 0) + 1;
  return ends;
}
