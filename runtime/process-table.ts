/** One process, as /proc/<pid>/stat has it. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** In clock ticks since the machine started: tells two processes with one pid apart. */
  readonly start: number;
  readonly zombie: boolean;
}

export interface ProcessSource {
  pids(): number[];
  row(pid: number): ProcessRow | undefined;
  /** Whatever may be a task's mark on the process. */
  marks(pid: number): string[];
}

interface Entry {
  row: ProcessRow;
  /** Undefined: it belongs to no task. */
  owner: string | undefined;
}

interface Main {
  mark: string;
  start: number | undefined;
}

/**
 * Which process belongs to which task. A task's main process is told by `register`; others are its own if their parent or their session is, or, for
 * daemons that have left both, if they bear its mark, which children inherit.
 *
 * INVARIANT: what once belonged to a task does so until it ends, also when the parents that tell are gone.
 */
export class ProcessTable {
  readonly #source: ProcessSource;
  readonly #mains = new Map<number, Main>();
  readonly #marks = new Set<string>();
  #entries = new Map<number, Entry>();

  constructor(source: ProcessSource) {
    this.#source = source;
  }

  /**
   * A task's main process, which leads a session of its own. Undefined where that one has ended already. With `start` (see `ProcessRow`), another
   * process that is given the same pid later is not taken for it.
   */
  register(mark: string, pid: number | undefined, start?: number): void {
    this.#marks.add(mark);
    if (pid === undefined) return;
    this.#mains.set(pid, { mark, start });
    // Its pid may have been another process's before.
    this.#entries.delete(pid);
  }

  /** The task is over, and nothing of it is left. */
  forget(mark: string): void {
    this.#marks.delete(mark);
    for (const [pid, main] of this.#mains) if (main.mark === mark) this.#mains.delete(pid);
  }

  /**
   * Living processes by their task's mark. `quick` looks at new ones only, and takes a pid that was there the last time for the
   * same process: good for measuring, not for killing.
   */
  members(how: 'quick' | 'careful' = 'careful'): Map<string, ProcessRow[]> {
    const before = this.#entries;
    const rows = new Map<number, ProcessRow>();
    for (const pid of this.#source.pids()) {
      const row = (how === 'quick' ? before.get(pid)?.row : undefined) ?? this.#source.row(pid);
      if (row !== undefined) rows.set(pid, row);
    }
    this.#entries = new Map();
    const members = new Map<string, ProcessRow[]>();
    for (const row of rows.values()) {
      const owner = this.#ownerOf(row, rows, before);
      if (owner === undefined || row.zombie) continue;
      const own = members.get(owner);
      if (own === undefined) members.set(owner, [row]);
      else own.push(row);
    }
    return members;
  }

  #ownerOf(
    row: ProcessRow,
    rows: ReadonlyMap<number, ProcessRow>,
    before: ReadonlyMap<number, Entry>,
  ): string | undefined {
    const done = this.#entries.get(row.pid);
    if (done !== undefined) return done.owner;
    const known = before.get(row.pid);
    // Before the parent's is asked for, so that a circle (a pid that was given anew while we read) ends.
    const entry: Entry = { row, owner: known?.row.start === row.start ? known.owner : undefined };
    this.#entries.set(row.pid, entry);
    if (known?.row.start === row.start) return entry.owner;
    const parent = rows.get(row.parent);
    entry.owner =
      this.#markOfMain(row.pid, row) ??
      this.#markOfMain(row.session, rows.get(row.session)) ??
      (parent === undefined ? undefined : this.#ownerOf(parent, rows, before)) ??
      this.#source.marks(row.pid).find((mark) => this.#marks.has(mark));
    return entry.owner;
  }
  /** `row`: of the process that has the pid now; where none has, nobody else's session can be called so either. */
  #markOfMain(pid: number, row: ProcessRow | undefined): string | undefined {
    const main = this.#mains.get(pid);
    const same = main?.start === undefined || row === undefined || row.start === main.start;
    return same ? main?.mark : undefined;
  }
}
