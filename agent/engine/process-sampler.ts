import type { Clock } from '../../runtime/clock.ts';
import type { ProcessRow, ProcessTable } from '../../runtime/process-table.ts';
import type { ProcessContainer } from './process-container.ts';

export interface SamplerOptions {
  table: ProcessTable;
  clock: Clock;
  /** Bytes. */
  pageSize: number;
  /** Uses more than it may; called once for each look. */
  exceeded(container: ProcessContainer, what: 'memory' | 'processes'): void;
  /** It may have written something since the last look. */
  wrote(container: ProcessContainer): void;
  /** Its main process is no child of its keeper any more: it, or that one, has ended. */
  unattended(container: ProcessContainer): void;
}

/**
 * Milliseconds from one look at a container to the next. A young one may grow fast; one that does not use the CPU cannot; and of short ones
 * there is never a look at all.
 */
const intervals = { first: 200, busy: 1_000, near: 250, idle: 8_000 };
/** Looks closer together than this share one walk over /proc; and those that are seconds apart fall on the same ones. */
const togetherMs = 100;
const second = 1_000;

interface Watched {
  /** Milliseconds since the epoch. */
  due: number;
  interval: number;
}

/** Looks at running containers in turn, and says which use more than their limits. One walk over /proc serves all that are due. */
export class ProcessSampler {
  readonly #options: SamplerOptions;
  readonly #watched = new Map<ProcessContainer, Watched>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  watch(container: ProcessContainer): void {
    const { clock } = this.#options;
    this.#watched.set(container, { due: clock.now() + intervals.first, interval: intervals.first });
    this.#cancel ??= clock.after(intervals.first, () => this.#tick());
  }

  forget(container: ProcessContainer): void {
    this.#watched.delete(container);
  }

  /** A look at these, now. */
  measure(containers: readonly ProcessContainer[]): void {
    const members = this.#options.table.members('quick');
    for (const container of containers) this.#look(container, members.get(container.mark) ?? []);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#watched.clear();
  }

  #tick(): void {
    const { clock } = this.#options;
    this.#cancel = undefined;
    const soon = clock.now() + togetherMs;
    const due = [...this.#watched].filter(([, watched]) => watched.due <= soon);
    if (due.length > 0) {
      const members = this.#options.table.members('quick');
      for (const [container, watched] of due) {
        watched.interval = this.#look(container, members.get(container.mark) ?? [], watched.interval);
        watched.due = dueAfter(clock.now(), watched.interval);
      }
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#stopped || this.#watched.size === 0) return;
    const { clock } = this.#options;
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#watched.values()) next = Math.min(next, due);
    this.#cancel = clock.after(Math.max(togetherMs, next - clock.now()), () => this.#tick());
  }

  /** Milliseconds to the next look. */
  #look(container: ProcessContainer, members: readonly ProcessRow[], last: number = intervals.busy): number {
    const { pageSize, exceeded, unattended, wrote } = this.#options;
    const { usage, spec, started } = container;
    const busy = usage.look(members, pageSize);
    const { memoryLimit = Number.POSITIVE_INFINITY, pidsLimit } = spec;
    if (usage.memory > memoryLimit && members.length > 1) usage.lookCarefully(members);
    if (usage.memory > memoryLimit) exceeded(container, 'memory');
    else if (pidsLimit > 0 && usage.processes > pidsLimit) exceeded(container, 'processes');
    else if (started === undefined || usage.parents.get(started.pid) !== started.keeper.pid) unattended(container);
    else if (busy) wrote(container);
    if (usage.memory > memoryLimit / 2 && busy) return intervals.near;
    return Math.min(busy ? intervals.busy : intervals.idle, last * 2);
  }
}

function dueAfter(now: number, interval: number): number {
  return interval < second ? now + interval : Math.round((now + interval) / interval) * interval;
}
