import { type ProcessFigures, processFigures, proportionalMemory } from '../../runtime/proc-files.ts';
import type { ProcessRow } from '../../runtime/process-table.ts';
import type { ContainerUsage } from './engine.ts';

const megabyte = 2 ** 20;
/** Linux tells times in these, whatever the kernel's own clock. */
const ticksPerSecond = 100;

/** What the processes of a container use, all in all. Each /proc/PID/stat is read once; it says all of this. */
export class TreeUsage {
  readonly #last = new Map<string, ProcessFigures>();
  #userTicks = 0;
  #systemTicks = 0;
  /** MB; pages that several of them share are counted for each. */
  memory = 0;
  peak = 0;
  processes = 0;
  /** Of each of them, by pid. */
  readonly parents = new Map<number, number>();

  /** Whether they used the CPU since the last look. `pageSize`: bytes. */
  look(members: readonly ProcessRow[], pageSize: number): boolean {
    const before = this.#userTicks + this.#systemTicks;
    let pages = 0;
    this.processes = 0;
    this.parents.clear();
    const seen = new Set<string>();
    for (const { pid, start } of members) {
      const figures = processFigures(pid);
      // Its pid is another's by now.
      if (figures === undefined || figures.start !== start) continue;
      const key = `${pid} ${start}`;
      seen.add(key);
      this.#add(key, figures);
      this.parents.set(pid, figures.parent);
      pages += figures.residentPages;
      this.processes++;
    }
    // What has ended is counted as far as it was seen.
    for (const key of this.#last.keys()) if (!seen.has(key)) this.#last.delete(key);
    this.#remember((pages * pageSize) / megabyte);
    return this.#userTicks + this.#systemTicks > before;
  }

  /** Counts again, shared pages once. Takes longer. */
  lookCarefully(members: readonly ProcessRow[]): void {
    const shares = members.map(({ pid }) => proportionalMemory(pid));
    if (shares.includes(undefined)) return;
    this.memory = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) / megabyte;
  }

  get figures(): ContainerUsage {
    return {
      cpuUserSeconds: this.#userTicks / ticksPerSecond,
      cpuSystemSeconds: this.#systemTicks / ticksPerSecond,
      mem: this.memory,
      memPeak: this.peak,
      pids: this.processes,
    };
  }

  #add(key: string, figures: ProcessFigures): void {
    const last = this.#last.get(key);
    this.#userTicks += figures.userTicks - (last?.userTicks ?? 0);
    this.#systemTicks += figures.systemTicks - (last?.systemTicks ?? 0);
    this.#last.set(key, figures);
  }

  #remember(memory: number): void {
    this.memory = memory;
    this.peak = Math.max(this.peak, memory);
  }
}
