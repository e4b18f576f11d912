import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskState } from '../protocol/messages.ts';
import type { ProcessTask } from './process-task.ts';

/** One task in the file; names and units as in Mesos' ResourceStatistics. */
interface TaskEntry {
  state: TaskState;
  processes: number;
  /** Cores in use of late. */
  cpus: number;
  cpus_time_secs: number;
  mem_rss_bytes: number;
  mem_peak_bytes: number;
  mem_limit_bytes?: number;
}

const rememberedEnds = 100;

/** `usage.json` in the executor's sandbox: what each task uses, and what the last that ended have used. */
export class UsageFile {
  readonly #path: string;
  readonly #ended = new Map<string, TaskEntry>();
  #written = '';

  constructor(sandbox: string) {
    this.#path = join(sandbox, 'usage.json');
  }

  ended(task: ProcessTask, state: TaskState): void {
    this.#ended.delete(task.info.task_id.value);
    this.#ended.set(task.info.task_id.value, { ...entryOf(task, state), processes: 0, cpus: 0, mem_rss_bytes: 0 });
    for (const id of this.#ended.keys()) {
      if (this.#ended.size <= rememberedEnds) break;
      this.#ended.delete(id);
    }
  }

  /** Whole or not at all, and only when something has changed. `now`: seconds. */
  write(running: Iterable<ProcessTask>, now: number): void {
    const tasks = Object.fromEntries(
      [...running].map((task) => [task.info.task_id.value, entryOf(task, 'TASK_RUNNING')]),
    );
    const content = JSON.stringify({ tasks, ended: Object.fromEntries(this.#ended) });
    if (content === this.#written) return;
    this.#written = content;
    writeFileSync(`${this.#path}.new`, `{"timestamp":${now},${content.slice(1)}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function entryOf({ usage, memoryLimit }: ProcessTask, state: TaskState): TaskEntry {
  return {
    state,
    processes: usage.processes,
    cpus: Math.round(usage.cores * 1000) / 1000,
    cpus_time_secs: usage.cpuSeconds,
    mem_rss_bytes: usage.memoryBytes,
    mem_peak_bytes: usage.peakBytes,
    ...(memoryLimit !== undefined && { mem_limit_bytes: memoryLimit * 2 ** 20 }),
  };
}
