import type { RunTables } from '../../agent/recovery/restore-runs.ts';
import type { Change } from '../../runtime/database.ts';

/** What an agent writes down, in memory; what was written is there when `write` resolves, as on a disk. */
export class FakeDisk {
  readonly #tables = new Map<string, Map<string, string>>();
  /** Writes fail with it. */
  failure: Error | undefined;
  /** Writes wait for it. */
  until: Promise<void> = Promise.resolve();
  writes = 0;

  async write(changes: readonly Change[]): Promise<void> {
    await this.until;
    if (this.failure !== undefined) throw this.failure;
    this.writes++;
    this.put(changes);
  }

  put(changes: readonly Change[]): void {
    for (const { table, key, value } of changes) {
      if (value === undefined) this.table(table).delete(key);
      else this.table(table).set(key, value);
    }
  }

  table(name: string): Map<string, string> {
    const table = this.#tables.get(name) ?? new Map<string, string>();
    this.#tables.set(name, table);
    return table;
  }

  /** As they are read, in the order of the keys. */
  get runs(): RunTables {
    const sorted = (name: string) => new Map([...this.table(name)].sort(([one], [other]) => (one < other ? -1 : 1)));
    return { frameworks: sorted('frameworks'), made: sorted('made'), now: sorted('now') };
  }
}
