import { Random } from '../../simulator/random.ts';
import { hostsOf, observer, type Shape } from './shape.ts';

export type Direction = 'in' | 'out' | 'both';

/** What is done to the world. Times in milliseconds; `pause`: until it is undone. */
export type Mishap =
  /** kill -9 of a daemon, and its next start. */
  | { kind: 'kill'; target: string; pause: number }
  /** SIGSTOP of a daemon, and SIGCONT. */
  | { kind: 'stop'; target: string; pause: number }
  /** Packets between a host and others are dropped, those of one direction or of both. */
  | { kind: 'cut'; target: string; from: string; direction: Direction; pause: number }
  /** A narrow link that loses packets. */
  | { kind: 'slow'; target: string; pause: number }
  /** All connections of a host are reset. */
  | { kind: 'reset'; target: string; pause: number }
  /** The clock of a daemon is so many seconds off from now on. */
  | { kind: 'clock'; target: string; offset: number; pause: number }
  /** The file system of an agent's work directory is full. */
  | { kind: 'disk'; target: string; pause: number }
  /** kill -9 of one of the executors, or of the tasks' first processes, on an agent: the one at this place (0 to 1) of those that run then. */
  | { kind: 'executor' | 'task'; target: string; place: number; pause: number };

export type Fault = Mishap & { number: number; at: number };
export type FaultKind = Mishap['kind'];

export const faultKinds = {
  kill: 8,
  stop: 3,
  cut: 4,
  slow: 2,
  reset: 2,
  clock: 2,
  disk: 1,
  executor: 1,
  task: 1,
} satisfies Record<FaultKind, number>;

export interface ScheduleOptions {
  seed: string;
  faults: number;
  /** Seconds in which they happen. */
  seconds: number;
  shape: Shape;
  /** Undefined: all. */
  kinds?: readonly FaultKind[] | undefined;
}

/** Follows from its options alone. In order of time; no target has two faults of one sort at once. */
export function scheduleOf({ seed, faults, seconds, shape, kinds }: ScheduleOptions): Fault[] {
  const random = new Random(`${seed}/faults`);
  const possible = kindsFor(shape).filter((kind) => kinds === undefined || kinds.includes(kind));
  const step = (seconds * 1000) / faults;
  const busy = new Map<string, number>();
  const schedule: Fault[] = [];
  for (let number = 1; number <= faults && possible.length > 0; number++) {
    const at = Math.round((number - 1 + random.next()) * step);
    const mishap = freeMishap(random, shape, possible, (key) => (busy.get(key) ?? 0) <= at);
    if (mishap === undefined) continue;
    // A moment of rest behind each, in which what was hit can come back.
    busy.set(keyOf(mishap), at + mishap.pause + 1500);
    schedule.push({ ...mishap, number, at });
  }
  return schedule.sort((one, other) => one.at - other.at);
}

function kindsFor(shape: Shape): FaultKind[] {
  const hasProcesses = shape.agents.some(({ containerizer }) => containerizer === 'process');
  const kinds = Object.keys(faultKinds) as FaultKind[];
  return kinds.filter((kind) => hasProcesses || (kind !== 'disk' && kind !== 'executor'));
}

/** Undefined when whatever is drawn is busy. */
function freeMishap(
  random: Random,
  shape: Shape,
  kinds: readonly FaultKind[],
  isFree: (key: string) => boolean,
): Mishap | undefined {
  for (let attempt = 0; attempt < 20; attempt++) {
    const mishap = draw(random, shape, weighted(random, kinds));
    if (isFree(keyOf(mishap))) return mishap;
  }
  return undefined;
}

function weighted(random: Random, kinds: readonly FaultKind[]): FaultKind {
  const tickets = kinds.flatMap((kind) => Array<FaultKind>(faultKinds[kind]).fill(kind));
  return one(random, tickets);
}

function draw(random: Random, shape: Shape, kind: FaultKind): Mishap {
  const agents = shape.agents.map(({ name }) => name);
  const processAgents = shape.agents.flatMap((agent) => (agent.containerizer === 'process' ? [agent.name] : []));
  const engine = shape.engine === undefined ? [] : [shape.engine];
  const pause = pauseOf(random);
  switch (kind) {
    case 'kill': {
      const groups = [shape.masters, agents, engine, shape.zookeepers, agents, [shape.scheduler]];
      return { kind, target: one(random, one(random, filled(groups))), pause };
    }
    case 'stop':
      return { kind, target: one(random, one(random, filled([shape.masters, agents, shape.zookeepers]))), pause };
    case 'cut': {
      const target = one(random, linkedHosts(shape));
      const others = linkedHosts(shape).filter((host) => host !== target);
      // A third of them from everybody.
      const from = random.next() < 0.33 ? 'all' : one(random, others);
      return { kind, target, from, direction: one<Direction>(random, ['in', 'out', 'both']), pause };
    }
    case 'slow':
    case 'reset':
      return { kind, target: one(random, linkedHosts(shape)), pause: kind === 'reset' ? 0 : pause };
    case 'clock': {
      const offset = one(random, [-3600, -60, -5, 0, 5, 60, 3600, 86_400]);
      return { kind, target: one(random, [...shape.masters, ...agents]), offset, pause: 0 };
    }
    case 'disk':
      return { kind, target: one(random, processAgents), pause };
    case 'executor':
      return { kind, target: one(random, processAgents), place: random.next(), pause: 0 };
    case 'task':
      return { kind, target: one(random, agents), place: random.next(), pause: 0 };
  }
}

function filled(groups: (readonly string[])[]): (readonly string[])[] {
  return groups.filter((group) => group.length > 0);
}

/** The engine talks through a socket of the file system. */
function linkedHosts(shape: Shape): string[] {
  return hostsOf(shape).filter((host) => host !== shape.engine && host !== observer);
}

/** Most are short; one in six outlasts timeouts. */
function pauseOf(random: Random): number {
  const [from, to] = random.next() < 1 / 6 ? [4000, 9000] : [100, 2500];
  return Math.round(from + random.next() * (to - from));
}

function keyOf({ kind, target }: Mishap): string {
  const sort: Record<FaultKind, string> = {
    kill: 'daemon',
    stop: 'daemon',
    cut: 'link',
    slow: 'link',
    reset: 'link',
    clock: 'clock',
    disk: 'disk',
    executor: 'process',
    task: 'process',
  };
  return `${sort[kind]} ${target}`;
}

function one<T>(random: Random, items: readonly T[]): T {
  const item = items[random.integer(items.length)];
  if (item === undefined) throw new Error('there is nothing to choose from');
  return item;
}

/** A line for people. */
export function describeFault(fault: Mishap): string {
  const { kind, target, pause } = fault;
  const seconds = `${(pause / 1000).toFixed(1)} s`;
  switch (kind) {
    case 'kill':
      return `kill -9 ${target}, start it after ${seconds}`;
    case 'stop':
      return `stop ${target} for ${seconds}`;
    case 'cut':
      return `cut ${target} from ${fault.from} (${fault.direction}) for ${seconds}`;
    case 'slow':
      return `slow the link of ${target} for ${seconds}`;
    case 'reset':
      return `reset the connections of ${target}`;
    case 'clock':
      return `set the clock of ${target} off by ${fault.offset} s`;
    case 'disk':
      return `fill the disk of ${target} for ${seconds}`;
    case 'executor':
      return `kill -9 an executor on ${target}`;
    case 'task':
      return `kill -9 a task on ${target}`;
  }
}
