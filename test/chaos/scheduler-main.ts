// The scheduler of a chaos run, a process of its own that is killed like all the others: all that it knows of earlier lives is in its journal.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ChaosScheduler, type SchedulerRoom } from './chaos-scheduler.ts';

const room = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as SchedulerRoom;
const scheduler = new ChaosScheduler(room);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
try {
  await scheduler.run(stopping.signal);
} catch (error) {
  console.error(error);
  // Not at once, whatever the reason: somebody starts it again.
  await pause(500);
  process.exitCode = 1;
}
