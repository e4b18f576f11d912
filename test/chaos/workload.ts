import { Random } from '../../simulator/random.ts';
import type { Shape } from './shape.ts';

/** How a task is to end when nobody disturbs it. */
export type PlannedEnd =
  | { kind: 'exit'; code: number }
  /** The scheduler kills it so many milliseconds after it has heard that it runs. */
  | { kind: 'killed'; after: number }
  /** Its health check fails. */
  | { kind: 'unhealthy' };

export interface TaskPlan {
  id: string;
  /** Milliseconds that it works. */
  duration: number;
  end: PlannedEnd;
  /** A health check that succeeds. */
  checked: boolean;
}

/**
 * What is launched as one.
 * - `docker`: a task with a Docker container; `command`: a task with a command alone
 * - `driver`: tasks of an executor written on the executor driver; `mesita-executor`: of the one that comes with mesita
 * - `pod`: a task group
 */
export type UnitKind = 'docker' | 'command' | 'driver' | 'mesita-executor' | 'pod';

export interface Unit {
  id: string;
  kind: UnitKind;
  /** Which agents can run it. */
  containerizer: 'docker' | 'process';
  /** Milliseconds since the start of the workload. */
  notBefore: number;
  tasks: TaskPlan[];
}

/** cores, MB */
export const taskDemand = { cpus: 0.1, mem: 64, disk: 1 };
export const executorDemand = { cpus: 0.1, mem: 384, disk: 1 };

/** What a unit takes of an agent in all. */
export function demandOf({ kind, tasks }: Unit): { cpus: number; mem: number; disk: number } {
  const own = kind === 'docker' || kind === 'command' ? 0 : 1;
  const sum = (name: 'cpus' | 'mem' | 'disk') => tasks.length * taskDemand[name] + own * executorDemand[name];
  return { cpus: sum('cpus'), mem: sum('mem'), disk: sum('disk') };
}

export interface WorkloadOptions {
  seed: string;
  /** At the least; units are launched whole. */
  tasks: number;
  /** Seconds in which they are launched. */
  seconds: number;
  shape: Shape;
}

/** Follows from its options alone; in order of time. */
export function workloadOf({ seed, tasks, seconds, shape }: WorkloadOptions): Unit[] {
  const random = new Random(`${seed}/workload`);
  const kinds = kindsFor(shape);
  // In a short run no task is to take longer than the rest of it.
  const longest = Math.min(20_000, seconds * 400);
  const units: Unit[] = [];
  for (let made = 0; made < tasks; ) {
    const [kind, containerizer] = kinds[random.integer(kinds.length)] ?? ['command', 'process'];
    const id = `${kind}-${units.length + 1}`;
    const unit: Unit = { id, kind, containerizer, notBefore: 0, tasks: [] };
    const count = kind === 'docker' || kind === 'command' ? 1 : 2 + random.integer(3);
    for (let index = 1; index <= count; index++) unit.tasks.push(taskOf(random, `${id}.${index}`, kind, longest));
    made += count;
    units.push(unit);
  }
  const step = (seconds * 1000) / units.length;
  return units.map((unit, index) => ({ ...unit, notBefore: Math.round(index * step) }));
}

function kindsFor({ agents }: Shape): (readonly [UnitKind, Unit['containerizer']])[] {
  const has = (wanted: string) => agents.some(({ containerizer }) => containerizer === wanted);
  const docker = ['docker', 'docker', 'command', 'pod'] as const;
  const process = ['command', 'command', 'driver', 'mesita-executor', 'pod'] as const;
  return [
    ...(has('docker') ? docker.map((kind) => [kind, 'docker'] as const) : []),
    ...(has('process') ? process.map((kind) => [kind, 'process'] as const) : []),
  ];
}

function taskOf(random: Random, id: string, kind: UnitKind, longest: number): TaskPlan {
  const draw = random.next();
  const short = random.next() < 0.4;
  const duration = short ? random.integer(900) : 1500 + random.integer(random.next() < 0.25 ? longest : 5_000);
  const checkable = kind !== 'driver';
  if (draw < 0.12)
    return { id, duration: 90_000, end: { kind: 'killed', after: random.integer(4000) }, checked: false };
  if (draw < 0.18 && checkable && kind !== 'pod') {
    return { id, duration: 90_000, end: { kind: 'unhealthy' }, checked: false };
  }
  if (draw < 0.3) return { id, duration, end: { kind: 'exit', code: 1 + random.integer(100) }, checked: false };
  return { id, duration, end: { kind: 'exit', code: 0 }, checked: checkable && !short && random.next() < 0.2 };
}
