import { describeError } from '../../protocol/errors.ts';
import type { FrameworkInfo } from '../../protocol/messages.ts';
import { type AgentState, type ExecutorRecord, executorKey, type Run, type TaskRecord, taskKey } from '../state.ts';
import type { WrittenRun } from './run-memory.ts';
import { type ExecutorNow, type MadeRow, readExecutor, readTask, type TaskNow } from './run-rows.ts';

/** The tables, by name: rows by key, in the order of the keys. */
export type RunTables = Record<'frameworks' | 'made' | 'now', ReadonlyMap<string, string>>;

export interface RestoredRuns {
  written: Map<Run, WrittenRun>;
  /** What makes no sense, in words, and its rows. */
  problems: string[];
  broken: string[];
}

/** Fills an empty state with what was written down. What cannot be read is left out. */
export function restoreRuns(state: AgentState, tables: RunTables): RestoredRuns {
  return new Restoration(state, tables).all();
}

class Restoration {
  readonly #state: AgentState;
  readonly #tables: RunTables;
  readonly #frameworks = new Map<string, FrameworkInfo>();
  readonly #runs = new Map<string, Run>();
  readonly #groups = new Map<string, TaskRecord[]>();
  readonly #launches = new Map<string, TaskRecord[]>();
  readonly #restored: RestoredRuns = { written: new Map(), problems: [], broken: [] };

  constructor(state: AgentState, tables: RunTables) {
    this.#state = state;
    this.#tables = tables;
  }

  all(): RestoredRuns {
    const { made, now } = this.#tables;
    for (const [key, text] of made) {
      const latest = now.get(key);
      try {
        if (latest === undefined) throw new Error('half of it is missing');
        this.#run(key, JSON.parse(text) as MadeRow, latest);
      } catch (error) {
        this.#restored.problems.push(`run ${key}: ${describeError(error)}`);
        this.#restored.broken.push(key);
      }
    }
    return this.#restored;
  }

  #run(key: string, made: MadeRow, text: string): void {
    const framework = this.#framework(made.framework);
    const run =
      made.kind === 'executor'
        ? this.#executor(made, JSON.parse(text) as ExecutorNow, framework)
        : this.#task(made, JSON.parse(text) as TaskNow, framework);
    this.#runs.set(key, run);
    this.#restored.written.set(run, { key, now: text, framework });
  }

  #executor(made: MadeRow & { kind: 'executor' }, now: ExecutorNow, framework: FrameworkInfo): ExecutorRecord {
    const key = executorKey(made.framework, made.info.executor_id.value);
    const executor = readExecutor(made, now, framework, key);
    if (now.live) this.#state.executors.set(key, executor);
    return executor;
  }

  #task(made: MadeRow & { kind: 'task' }, now: TaskNow, framework: FrameworkInfo): TaskRecord {
    const name = taskKey(made.framework, made.info.task_id.value);
    const executor = made.executor === undefined ? undefined : this.#executorAt(made.executor);
    const group = made.group === undefined ? undefined : of(this.#groups, made.group);
    const task = readTask(made, now, framework, { key: name, executor, group });
    group?.push(task);
    if (now.place === 'completed') {
      executor?.completed.push(task);
      return task;
    }
    this.#state.tasks.set(name, task);
    if (executor !== undefined) this.#place(executor, task, now.place);
    return task;
  }

  #place(executor: ExecutorRecord, task: TaskRecord, place: Exclude<TaskNow['place'], 'completed'>): void {
    if (place === 'launched') executor.launched.add(task);
    if (place === undefined || place === 'launched') return;
    const { queued, grouped } = place;
    if (!this.#launches.has(queued)) executor.queued.push({ tasks: of(this.#launches, queued), grouped });
    of(this.#launches, queued).push(task);
  }

  #executorAt(key: string): ExecutorRecord {
    const run = this.#runs.get(key);
    if (run?.kind !== 'executor') throw new Error(`its executor ${key} is missing`);
    return run;
  }

  #framework(id: string): FrameworkInfo {
    const known = this.#frameworks.get(id);
    if (known !== undefined) return known;
    const text = this.#tables.frameworks.get(id);
    if (text === undefined) throw new Error(`its framework ${id} is missing`);
    const framework = JSON.parse(text) as FrameworkInfo;
    this.#frameworks.set(id, framework);
    return framework;
  }
}

/** The list of that name, made when it is not there. */
function of(lists: Map<string, TaskRecord[]>, key: string): TaskRecord[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
