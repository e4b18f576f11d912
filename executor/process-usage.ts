import pidusage from 'pidusage';
import type { ProcessTable } from '../runtime/process-table.ts';
import type { ProcessUsage } from './task-usage.ts';

/** What pidusage remembers of a process that it is not asked about any more, in milliseconds. */
const memoryMs = 10_000;

/** Measures all processes of all tasks in one go. */
export class ProcessMeter {
  readonly #table: ProcessTable;
  /** pid → milliseconds: when to ask for it again. */
  readonly #resting = new Map<number, number>();

  constructor(table: ProcessTable) {
    this.#table = table;
  }

  /** Usage by the task's mark. `now`: milliseconds. */
  async measure(now: number): Promise<Map<string, ProcessUsage[]>> {
    const members = this.#table.members('quick');
    const pids = [...members.values()].flat().map(({ pid }) => pid);
    const measured = await this.#ask(pids, now);
    const usageOf = (pid: number): ProcessUsage[] => {
      const usage = measured.get(pid);
      return usage === undefined ? [] : [usage];
    };
    return new Map([...members].map(([mark, rows]) => [mark, rows.flatMap(({ pid }) => usageOf(pid))]));
  }

  async #ask(pids: readonly number[], now: number): Promise<Map<number, ProcessUsage>> {
    for (const [pid, until] of this.#resting) if (until <= now) this.#resting.delete(pid);
    const asked = pids.filter((pid) => !this.#resting.has(pid));
    const usage = new Map<number, ProcessUsage>();
    if (asked.length === 0) return usage;
    // Of several the ones that ended are left out; a single one makes an error.
    const answers: Record<string, pidusage.Status | null | undefined> = await pidusage([...asked], {
      maxage: memoryMs,
    }).catch(() => ({}));
    for (const pid of asked) {
      const answer = answers[pid];
      if (answer) usage.set(pid, { pid, cpuSeconds: answer.ctime / 1000, memoryBytes: answer.memory });
      // It ended; should the pid be another process's by now, pidusage has to forget the one before, which it does only unasked.
      else this.#resting.set(pid, now + 2 * memoryMs);
    }
    return usage;
  }
}
