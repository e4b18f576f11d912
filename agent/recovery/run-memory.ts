import { linkJson } from '../../protocol/link-json.ts';
import type { FrameworkInfo } from '../../protocol/messages.ts';
import type { Change } from '../../runtime/database.ts';
import { mostCompletedTasks } from '../completed-tasks.ts';
import type { AgentState, ExecutorRecord, Run, TaskRecord } from '../state.ts';
import { executorMade, executorNow, frameworkOf, type Place, taskMade, taskNow } from './run-rows.ts';

/** Frameworks by id; of runs, by the number of their row, what never changes (`made`) and what does (`now`). */
export const runTables = ['frameworks', 'made', 'now'] as const;

/** What is to be written so that the run of that row is forgotten. */
export function withoutRun(key: string): Change[] {
  return ['made', 'now'].map((table) => ({ table, key, value: undefined }));
}

/** What is written down of a run. */
export interface WrittenRun {
  key: string;
  /** The text of its row in `now`. */
  now: string;
  framework: FrameworkInfo;
}

/**
 * Knows what of the runs is written down, and finds out what is to be: it compares the small part of those that a decision may have changed.
 *
 * INVARIANTS
 * - A task has rows from its launch until it is retired; one of an executor that lives, as long as that remembers it.
 * - An executor has rows while it lives, and while a task of it has.
 * - Rows are numbered in the order in which they came; an executor comes before its tasks.
 */
export class RunMemory {
  readonly #state: AgentState;
  readonly #written: Map<Run, WrittenRun>;
  readonly #frameworks = new Map<string, string>();
  /** By executor: its tasks that have rows. */
  readonly #tasksOf = new Map<ExecutorRecord, Set<TaskRecord>>();
  /** By executor that lives: its tasks that are over and have rows, oldest first. */
  readonly #completed = new Map<ExecutorRecord, TaskRecord[]>();
  #last: number;
  #changes: Change[] = [];

  constructor(state: AgentState, written = new Map<Run, WrittenRun>()) {
    this.#state = state;
    this.#written = written;
    this.#last = Math.max(0, ...[...written.values()].map(({ key }) => Number(key)));
    for (const [run, { framework }] of written) {
      this.#frameworks.set(frameworkOf(run), linkJson(framework));
      if (run.kind !== 'task' || run.executor === undefined) continue;
      this.#siblings(run.executor).add(run);
      if (!this.#isLive(run)) this.#completedOf(run.executor).push(run);
    }
  }

  /** What is to be written, now that these may have changed; the rest of a group of a pod, and executors, are looked at with their tasks. */
  changes(runs: Iterable<Run>): Change[] {
    const seen = new Set<Run>();
    for (const run of runs) this.#see(run, seen);
    for (const run of seen) {
      if (run.kind === 'executor') this.#lookAtExecutor(run);
      else if (this.#isLive(run)) this.#put(run, () => taskNow(run, this.#placeOf(run)));
      else if (this.#written.has(run)) this.#lookAtOver(run);
    }
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** An executor and all its tasks: whatever happened to it may have changed them. */
  family(executor: ExecutorRecord): Run[] {
    const waiting = executor.queued.flatMap(({ tasks }) => tasks);
    return [executor, ...executor.launched, ...waiting, ...(this.#tasksOf.get(executor) ?? [])];
  }

  #see(run: Run, seen: Set<Run>): void {
    if (run.kind === 'task' && run.executor !== undefined) seen.add(run.executor);
    for (const member of (run.kind === 'task' ? run.group : undefined) ?? [run]) seen.add(member);
  }

  /** A task that is retired: its executor may remember it. */
  #lookAtOver(task: TaskRecord): void {
    const { executor } = task;
    const completed = executor !== undefined && this.#isLive(executor) ? this.#completedOf(executor) : undefined;
    if (completed?.includes(task)) return;
    completed?.push(task);
    if (completed === undefined) this.#forgetTask(task);
    else this.#put(task, () => taskNow(task, 'completed'));
    const oldest = completed !== undefined && completed.length > mostCompletedTasks ? completed.shift() : undefined;
    if (oldest !== undefined) this.#forgetTask(oldest);
  }

  #lookAtExecutor(executor: ExecutorRecord): void {
    if (this.#isLive(executor)) {
      this.#put(executor, () => executorNow(executor, true));
      return;
    }
    this.#completed.delete(executor);
    for (const task of [...this.#siblings(executor)]) if (!this.#isLive(task)) this.#forgetTask(task);
    if (this.#siblings(executor).size > 0) this.#put(executor, () => executorNow(executor, false));
    else this.#forgetExecutor(executor);
  }

  #put(run: Run, text: () => string): void {
    const written = this.#written.get(run) ?? this.#make(run);
    if (written.framework !== run.framework) this.#putFramework(run);
    written.framework = run.framework;
    const now = text();
    if (written.now === now) return;
    written.now = now;
    this.#changes.push({ table: 'now', key: written.key, value: now });
  }

  #make(run: Run): WrittenRun {
    const parent = run.kind === 'task' ? run.executor : undefined;
    const executor = parent === undefined ? undefined : this.#keyOf(parent);
    const key = String(++this.#last).padStart(15, '0');
    const written: WrittenRun = { key, now: '', framework: run.framework };
    this.#written.set(run, written);
    if (run.kind === 'task' && parent !== undefined) this.#siblings(parent).add(run);
    const [first] = (run.kind === 'task' ? run.group : undefined) ?? [];
    const group = first === undefined ? undefined : this.#keyOf(first);
    const value = run.kind === 'executor' ? executorMade(run) : taskMade(run, executor, group);
    this.#putFramework(run);
    this.#changes.push({ table: 'made', key, value });
    return written;
  }

  #putFramework(run: Run): void {
    const key = frameworkOf(run);
    const value = linkJson(run.framework);
    if (this.#frameworks.get(key) === value) return;
    this.#frameworks.set(key, value);
    this.#changes.push({ table: 'frameworks', key, value });
  }

  #forgetTask(task: TaskRecord): void {
    this.#forget(task);
    const { executor } = task;
    if (executor === undefined) return;
    const siblings = this.#siblings(executor);
    siblings.delete(task);
    if (siblings.size === 0 && !this.#isLive(executor)) this.#forgetExecutor(executor);
  }

  #forgetExecutor(executor: ExecutorRecord): void {
    this.#forget(executor);
    this.#tasksOf.delete(executor);
    this.#completed.delete(executor);
  }

  #forget(run: Run): void {
    const written = this.#written.get(run);
    if (written === undefined) return;
    this.#written.delete(run);
    this.#changes.push(...withoutRun(written.key));
  }

  #isLive(run: Run): boolean {
    if (run.kind === 'executor') return this.#state.executors.get(run.key) === run;
    return this.#state.tasks.get(run.key) === run;
  }

  #placeOf(task: TaskRecord): Place | undefined {
    const { executor } = task;
    if (executor === undefined) return undefined;
    if (executor.launched.has(task)) return 'launched';
    const launch = executor.queued.findLast(({ tasks }) => tasks.includes(task));
    const [first] = launch?.tasks ?? [];
    if (launch === undefined || first === undefined) return undefined;
    return { queued: this.#keyOf(first), grouped: launch.grouped };
  }

  #keyOf(run: Run): string {
    return (this.#written.get(run) ?? this.#make(run)).key;
  }

  #siblings(executor: ExecutorRecord): Set<TaskRecord> {
    const siblings = this.#tasksOf.get(executor) ?? new Set();
    this.#tasksOf.set(executor, siblings);
    return siblings;
  }

  #completedOf(executor: ExecutorRecord): TaskRecord[] {
    const completed = this.#completed.get(executor) ?? [];
    this.#completed.set(executor, completed);
    return completed;
  }
}
