import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../protocol/errors.ts';
import { Journal, moment } from './journal.ts';
import { executorsBelow, tasksWith } from './processes.ts';
import { describeFault, type Fault } from './schedule.ts';
import type { World } from './world.ts';

/** A fault that was, or is. Times as in the journal. */
export interface Hit {
  fault: Fault;
  from: number;
  to: number;
  /** The unit whose executor was killed, or the task; undefined where none ran. */
  victim: string | undefined;
}

/** Does what the schedule says, and undoes it. Resolves with what happened when the last fault is over. */
export async function makeFaults(
  world: World,
  schedule: readonly Fault[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Hit[]> {
  const start = moment();
  const hits: Hit[] = [];
  const running: Promise<void>[] = [];
  for (const fault of schedule) {
    await sleep(Math.max(0, start + fault.at - moment()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const hit: Hit = { fault, from: moment(), to: Number.POSITIVE_INFINITY, victim: undefined };
    hits.push(hit);
    running.push(make(world, hit, say, signal));
  }
  await Promise.all(running);
  return hits;
}

async function make(world: World, hit: Hit, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { fault } = hit;
  try {
    const undo = await begin(world, hit);
    const victim = hit.victim === undefined ? '' : ` (${hit.victim})`;
    say(`${String(fault.number).padStart(4)}  ${describeFault(fault)}${victim}`);
    await sleep(fault.pause, undefined, { signal }).catch(() => undefined);
    await undo();
  } catch (error) {
    say(`${String(fault.number).padStart(4)}  ${describeFault(fault)}: could not be done: ${describeError(error)}`);
  }
  hit.to = moment();
}

/** Does it, and returns what undoes it. */
async function begin(world: World, hit: Hit): Promise<() => void | Promise<void>> {
  const { fault } = hit;
  const { target } = fault;
  const nothing = () => undefined;
  switch (fault.kind) {
    case 'kill': {
      await world.daemon(target).end('SIGKILL');
      return () => world.daemon(target).start();
    }
    case 'stop': {
      world.daemon(target).signal('SIGSTOP');
      return () => world.daemon(target).signal('SIGCONT');
    }
    case 'cut': {
      const { from, direction } = fault;
      await world.network.cut(target, from, direction);
      return () => world.network.mend(target, from, direction);
    }
    case 'slow':
      await world.network.slow(target);
      return () => world.network.quicken(target);
    case 'reset':
      await world.network.reset(target);
      return nothing;
    case 'clock':
      world.setClock(target, fault.offset);
      return nothing;
    case 'disk':
      return fill(join(world.workDirectory(target), 'ballast'));
    case 'executor':
    case 'task':
      kill(world, hit);
      return nothing;
  }
}

/** Writes until the file system takes no more; returns what frees it. */
function fill(file: string): () => void {
  const ballast = openSync(file, 'w');
  try {
    for (const size of [2 ** 20, 2 ** 12]) writeUntilFull(ballast, Buffer.alloc(size));
  } finally {
    closeSync(ballast);
  }
  return () => rmSync(file, { force: true });
}

function writeUntilFull(file: number, chunk: Buffer): void {
  for (;;) {
    try {
      writeSync(file, chunk);
    } catch {
      return;
    }
  }
}

function kill(world: World, hit: Hit): void {
  const { fault } = hit;
  if (fault.kind !== 'executor' && fault.kind !== 'task') return;
  const processes =
    fault.kind === 'executor'
      ? executorsBelow(world.workDirectory(fault.target))
      : tasksWith(tasksOn(world, fault.target));
  const chosen = processes[Math.floor(fault.place * processes.length)];
  if (chosen === undefined) return;
  hit.victim = chosen.id;
  process.kill(chosen.pid, 'SIGKILL');
}

/** Tasks that were launched there, by what the scheduler wrote. */
function tasksOn(world: World, host: string): string[] {
  const units = new Journal(world.journal).read().flatMap((line) => {
    return line.kind === 'launch' && line.host === host ? [line.unit] : [];
  });
  return world.units.flatMap((unit) => (units.includes(unit.id) ? unit.tasks.map(({ id }) => id) : []));
}
