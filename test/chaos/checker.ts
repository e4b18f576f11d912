import type { TaskState } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { Death } from './daemon.ts';
import { type Excuses, excusesOf } from './excuses.ts';
import type { Hit } from './faults.ts';
import type { JournalLine } from './journal.ts';
import { type LedgerLine, terminated } from './ledger.ts';
import { findOvercommitment } from './overcommitment.ts';
import type { TaskPlan, Unit } from './workload.ts';

/** All that is known of a run from outside of mesita, and what the scheduler was told. */
export interface Evidence {
  units: readonly Unit[];
  journal: readonly JournalLine[];
  ledgers: ReadonlyMap<string, readonly LedgerLine[]>;
  hits: readonly Hit[];
  deaths: readonly Death[];
  /** What master and agents still show of tasks in the end. */
  pending: readonly string[];
  /** What is there when all is over. */
  leftovers: readonly string[];
}

export const violationKinds = [
  'lost',
  'never launched',
  'run twice',
  'ended twice',
  'told otherwise',
  'killed without a cause',
  'went on after its end',
  'not acknowledged',
  'overcommitted',
  'died',
  'still shown',
  'left behind',
] as const;

export interface Violation {
  kind: (typeof violationKinds)[number];
  /** A task, an agent, or what is left. */
  what: string;
  why: string;
}

export type Update = JournalLine & { kind: 'update' };

/** The course of one task. */
export interface Course {
  unit: Unit;
  plan: TaskPlan;
  host: string;
  launched: number;
  /** Every update that was news. */
  updates: readonly Update[];
  /** The first terminal one. */
  told: Update;
  /** That, and what was said of its end later: the answer to a reconciliation has no details. */
  ends: readonly Update[];
  starts: readonly LedgerLine[];
  end: (LedgerLine & { kind: 'end' }) | undefined;
  /** When the scheduler first asked for its end. */
  killing: number | undefined;
  excuses: Excuses;
}

/** Milliseconds: what comes out of order by less was at the same time. */
const slack = 1500;

export function check(evidence: Evidence): Violation[] {
  const { journal, hits, deaths, pending, leftovers } = evidence;
  return [
    ...evidence.units.flatMap((unit) => unit.tasks.flatMap((plan) => checkTask(unit, plan, evidence))),
    ...unacknowledged(journal),
    ...findOvercommitment(evidence),
    ...violentDeaths(deaths.filter((death) => !isExcused(death, hits))),
    ...pending.map((what): Violation => ({ kind: 'still shown', what, why: 'although its end is acknowledged' })),
    ...leftovers
      .filter((what) => !isEnginesOwn(what, hits))
      .map((what): Violation => ({ kind: 'left behind', what, why: 'when all was over' })),
  ];
}

/** One for each daemon: what cannot start dies every second. */
function violentDeaths(deaths: readonly Death[]): Violation[] {
  const daemons = Map.groupBy(deaths, ({ daemon }) => daemon);
  return [...daemons].map(([what, own]) => ({ kind: 'died', what, why: `${own.length} times; ${own.at(-1)?.how}` }));
}

/** A master ends when it may have lost its office, and an agent when there is no engine, or no room on its disk, as it starts. */
function isExcused({ daemon, at }: Death, hits: readonly Hit[]): boolean {
  const patience = 15_000;
  const near = hits.filter(({ from, to }) => from <= at && at <= to + patience).map(({ fault }) => fault);
  if (daemon.startsWith('m')) return near.some(({ target, kind }) => /^[mz]/.test(target) || kind === 'cut');
  const engineKilled = near.some(({ target, kind }) => kind === 'kill' && target.startsWith('e'));
  const diskFull = near.some(({ target, kind }) => kind === 'disk' && target === daemon);
  return daemon.startsWith('a') && (engineKilled || diskFull);
}

/** Of an engine that was killed between making a container and starting it, which it then does not know any more: nothing of the task has begun. */
function isEnginesOwn(leftover: string, hits: readonly Hit[]): boolean {
  const engineKilled = hits.some(({ fault }) => fault.kind === 'kill' && fault.target.startsWith('e'));
  return engineKilled && /^process \d+: (runc init$|\S*containerd-shim)/.test(leftover);
}

function checkTask(unit: Unit, plan: TaskPlan, evidence: Evidence): Violation[] {
  const { journal, ledgers, hits } = evidence;
  const violation = (kind: Violation['kind'], why: string): Violation => ({ kind, what: plan.id, why });
  const ledger = ledgers.get(plan.id) ?? [];
  const starts = ledger.filter(({ kind }) => kind === 'start');
  const launch = journal.find((line) => line.kind === 'launch' && line.unit === unit.id);
  if (launch?.kind !== 'launch') return [violation('never launched', 'no offer fitted, until the run was over')];
  const violations: Violation[] = [];
  if (starts.length > 1) violations.push(violation('run twice', `began ${starts.length} times: ${written(ledger)}`));
  const updates = journal.filter((line): line is Update => line.kind === 'update' && line.task === plan.id);
  const ends = updates.filter(({ state }) => isTerminal(state));
  const told = ends[0];
  if (told === undefined) {
    const last = updates.at(-1);
    const heard = last === undefined ? 'nothing was heard of it' : `${last.state} is the last that was heard of it`;
    return [...violations, violation('lost', `${heard}; ${written(ledger)}`)];
  }
  if (isToldByAgents(told.state) && ends.every(({ uuid }) => uuid === undefined)) {
    violations.push(
      violation('not acknowledged', `${words(told)} was told, but never in an update to be acknowledged`),
    );
  }
  const other = ends.find((end) => end.state !== told.state || (end.uuid ?? told.uuid) !== (told.uuid ?? end.uuid));
  if (other !== undefined) violations.push(violation('ended twice', `${words(told)}, then ${words(other)}`));
  const ended = ledger.find((line) => line.kind === 'end');
  const killing = journal.find((line) => line.kind === 'killing' && line.task === plan.id)?.at;
  const course: Course = {
    ...{ unit, plan, host: launch.host, launched: launch.at, updates, told, ends, starts, killing },
    end: ended?.kind === 'end' ? ended : undefined,
    excuses: excusesOf(unit, plan, launch, told.at, hits),
  };
  const late = ledger.find(({ at }) => at > told.at + slack);
  if (late !== undefined) {
    violations.push(
      violation('went on after its end', `${words(told)} ${late.at - told.at} ms before its ${late.kind}`),
    );
  }
  const wrong = wrongEnd(course, evidence);
  if (wrong !== undefined) violations.push({ what: plan.id, ...wrong });
  return violations;
}

type Wrong = Omit<Violation, 'what'>;

/** What is wrong with the terminal state that was told, by what the task itself has written. */
function wrongEnd(course: Course, evidence: Evidence): Wrong | undefined {
  const { told, ends, starts, end, excuses } = course;
  const otherwise = (why: string): Wrong => ({ kind: 'told otherwise', why: `${words(told)}; ${why}` });
  const uncaused = (why: string): Wrong => ({ kind: 'killed without a cause', why: `${words(told)}; ${why}` });
  switch (told.state) {
    case 'TASK_FINISHED':
      return end?.code === 0 ? undefined : otherwise(`by its own word ${ownWord(course)}`);
    case 'TASK_FAILED': {
      if (isForgotten(told, excuses)) return undefined;
      if (end !== undefined && end.code !== terminated) {
        if (end.code === 0) return excuses.end ? undefined : otherwise('it ended with 0');
        return ends.some((update) => saysExit(update, end.code)) || excuses.end
          ? undefined
          : otherwise(`it ended with ${end.code}`);
      }
      if (starts.length === 0 && excuses.launch) return undefined;
      return excuses.end || mateEnded(course, evidence) ? undefined : uncaused(ownWord(course));
    }
    case 'TASK_KILLED': {
      const asked = course.killing ?? Number.POSITIVE_INFINITY;
      const ownEnd = end !== undefined && end.code !== terminated;
      if (ownEnd && end.at < asked - slack && course.plan.end.kind !== 'unhealthy' && !mateEnded(course, evidence))
        return otherwise(`it ended with ${end.code} of itself`);
      const caused = asked <= told.at || course.plan.end.kind === 'unhealthy' || mateEnded(course, evidence);
      return caused || excuses.end ? undefined : uncaused(ownWord(course));
    }
    case 'TASK_DROPPED':
    case 'TASK_LOST':
    case 'TASK_GONE':
      // An executor that was ended takes those that ran with it: they are gone.
      if (told.state === 'TASK_GONE' && (end === undefined || end.code === terminated) && excuses.end) return undefined;
      if (starts.length > 0) return otherwise(ownWord(course));
      return excuses.delivery ? undefined : uncaused('nothing was in the way');
    default:
      return uncaused(ownWord(course));
  }
}

/** Ends that somebody has seen; the others are concluded from not having heard of a task. */
export function isToldByAgents(state: TaskState): boolean {
  return state === 'TASK_FINISHED' || state === 'TASK_FAILED' || state === 'TASK_KILLED';
}

function isForgotten({ state, reason }: Update, { forgotten }: Excuses): boolean {
  return forgotten && state === 'TASK_FAILED' && reason === 'REASON_CONTAINER_LAUNCH_FAILED';
}

function ownWord({ starts, end }: Course): string {
  if (end !== undefined) return `it ended with ${end.code}`;
  return starts.length > 0 ? 'it began, and never came to its end' : 'it never began';
}

function saysExit({ message = '' }: Update, code: number): boolean {
  return new RegExp(`\\b${code}\\b`).test(message);
}

/** Of a pod, in which one end is the end of all. */
function mateEnded({ unit, plan, told }: Course, { journal }: Evidence): boolean {
  if (unit.kind !== 'pod') return false;
  const mates = unit.tasks.filter(({ id }) => id !== plan.id);
  return mates.some(({ id, end }) => {
    if (end.kind === 'exit' && end.code !== 0) return true;
    const heard = journal.filter((line): line is Update => line.kind === 'update' && line.task === id);
    const bad = heard.some(({ state, at }) => isTerminal(state) && state !== 'TASK_FINISHED' && at <= told.at + 60_000);
    return bad || journal.some((line) => line.kind === 'killing' && line.task === id && line.at <= told.at);
  });
}

/** Where the call failed, or the scheduler was killed, it may have been taken: then master and agent know (`pending`). */
function unacknowledged(journal: readonly JournalLine[]): Violation[] {
  const open = new Map<string, Update>();
  for (const line of journal) {
    if (line.kind === 'update' && line.uuid !== undefined && isTerminal(line.state)) open.set(line.uuid, line);
    if (line.kind === 'acknowledged') open.delete(line.uuid);
    if (line.kind === 'life') open.clear();
    if (line.kind === 'callFailed')
      for (const [uuid, { task }] of open) if (line.what === `acknowledge ${task}`) open.delete(uuid);
  }
  return [...open.values()].map((line) => {
    return { kind: 'not acknowledged', what: line.task, why: `no master took the acknowledgement of ${line.state}` };
  });
}

function words({ state, reason, source, message }: Update): string {
  return [state, source, reason, message === undefined ? undefined : `"${message}"`].filter(Boolean).join(' ');
}

function written(ledger: readonly LedgerLine[]): string {
  if (ledger.length === 0) return 'its ledger is empty';
  return `its ledger: ${ledger.map((line) => (line.kind === 'start' ? 'start' : `end ${line.code}`)).join(', ')}`;
}
