import type { Timeline } from './timeline.ts';

/** One entry of a table; without a value it is removed. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly value: string | undefined;
}

/** What outlives a process: tables of keys and texts. A write takes a moment; of what is under way when the process ends, none or some is there. */
export class Disk {
  readonly #timeline: Timeline;
  /** Milliseconds. */
  readonly #writing: number;
  readonly #tables = new Map<string, Map<string, string>>();
  #pending: { changes: readonly Change[]; done: () => void }[] = [];

  constructor(timeline: Timeline, writing: number) {
    this.#timeline = timeline;
    this.#writing = writing;
  }

  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  table(name: string): ReadonlyMap<string, string> {
    return this.#tables.get(name) ?? new Map();
  }

  write(changes: readonly Change[], done: () => void): void {
    const write = { changes, done };
    this.#pending.push(write);
    this.#timeline.after(this.#writing, () => {
      if (this.#pending[0] !== write) return;
      this.#pending.shift();
      this.#apply(changes);
      done();
    });
  }

  /** The process ends. So many of the writes under way came through, of which it has not heard. */
  abandon(throughs: number): void {
    for (const { changes } of this.#pending.slice(0, throughs)) this.#apply(changes);
    this.#pending = [];
  }

  get underWay(): number {
    return this.#pending.length;
  }

  wipe(): void {
    this.#pending = [];
    this.#tables.clear();
  }

  #apply(changes: readonly Change[]): void {
    for (const { table, key, value } of changes) {
      const entries = this.#tables.get(table) ?? new Map<string, string>();
      this.#tables.set(table, entries);
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
  }
}
