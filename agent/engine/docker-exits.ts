import type { ContainerExit, ContainerName, EngineEvent } from './engine.ts';

/** See ContainerExit. */
export const endedByEngine =
  'the container engine ended it when it was restarted; with its live-restore setting containers go on';

/** What one listing of the engine says about a container in scope. */
export interface ListedContainer {
  id: string;
  name: ContainerName;
  state: 'created' | 'running' | 'exited';
}

export interface ExitReporterOptions {
  emit(event: EngineEvent): void;
  /** The exit of a container that is not running; undefined when it is gone. */
  inspect(id: string): Promise<(ContainerExit & { memoryLimit: number }) | undefined>;
  /** MB at the most so far; undefined when it cannot be read. */
  readPeak(id: string): Promise<number | undefined>;
  /** Whether the engine takes no connection any more. */
  isClosed(): Promise<boolean>;
}

interface ContainerRecord {
  id: string | undefined;
  /** `ending`: its exit is being looked at, and will be emitted. */
  phase: 'created' | 'starting' | 'running' | 'ending' | 'ended';
  /** The exit that came before `start` was answered; whether it counts is known when that is. */
  held?: number | 'unknown';
  oom: boolean;
  byEngine: boolean;
  /** By whom it was told to end, if at all. */
  toldToEnd?: 'by us' | 'by others';
  peak: Promise<number | undefined>;
  /** To be forgotten as soon as it ends. */
  removed: boolean;
}

/**
 * Turns the engine's `die` and `oom` events, and listings after a break, into one `exited` for each started container.
 *
 * INVARIANTS
 * - `exited` is emitted on the move to `ended`, and there is no way out of `ended`, nor from `ending` but to it: never twice.
 * - An exit that comes before `start` is answered is held until then: emitted when it succeeds, dropped when it fails.
 * - Nothing of a container is emitted after its `exited`.
 * - The records in memory are of containers that exist, and of removed ones whose end was not yet heard of.
 */
export class ExitReporter {
  private readonly records = new Map<ContainerName, ContainerRecord>();
  private readonly options: ExitReporterOptions;

  constructor(options: ExitReporterOptions) {
    this.options = options;
  }

  created(name: ContainerName, id: string): void {
    this.records.set(name, newRecord(id, 'created'));
  }

  starting(name: ContainerName): void {
    const record = this.record(name, undefined, 'created');
    if (!isOver(record)) record.phase = 'starting';
  }

  started(name: ContainerName): void {
    const record = this.records.get(name);
    if (record?.phase !== 'starting') return;
    record.phase = 'running';
    if (record.held !== undefined) this.end(name, record, record.held);
  }

  startFailed(name: ContainerName): void {
    const record = this.records.get(name);
    if (record?.phase === 'starting') record.phase = 'ended';
  }

  removed(name: ContainerName): void {
    const record = this.records.get(name);
    if (record === undefined) return;
    if (record.phase === 'running' || record.phase === 'ending') record.removed = true;
    else this.records.delete(name);
  }

  oom(name: ContainerName, id: string): void {
    const record = this.record(name, id, 'running');
    if (record.id !== id || record.phase === 'ended') return;
    record.oom = true;
    record.peak = this.options.readPeak(id);
    this.options.emit({ kind: 'oom', name });
  }

  died(name: ContainerName, id: string, exitCode: number | 'unknown'): void {
    const record = this.record(name, id, 'running');
    if (record.id !== id || isOver(record)) return;
    if (record.phase === 'starting') record.held = exitCode;
    else this.end(name, record, exitCode);
  }

  /** Whoever stops, signals or removes it here does not wonder why it ends. */
  stopping(name: ContainerName): void {
    const record = this.records.get(name);
    if (record !== undefined) record.toldToEnd = 'by us';
  }

  /** Somebody had it end: perhaps the engine, which ends what runs when it stops itself. */
  killed(name: ContainerName, id: string): void {
    const record = this.record(name, id, 'running');
    if (record.id === id) record.toldToEnd ??= 'by others';
  }

  /** The engine, started anew, had it end: its exit comes, or has come. */
  endedByEngine(name: ContainerName, id: string): void {
    const record = this.record(name, id, 'running');
    if (record.id === id) record.byEngine = true;
  }

  /** Whether the container was seen to end after a start. */
  hasEnded(name: ContainerName): boolean {
    const record = this.records.get(name);
    return record !== undefined && isOver(record);
  }

  /** Names that run as far as is known: to be taken before the listing that goes to `reconcile`. */
  running(): ContainerName[] {
    return [...this.records].filter(([, record]) => record.phase === 'running').map(([name]) => name);
  }

  /** What there is when the stream is first open. Containers that ended before are not reported. */
  baseline(listed: ListedContainer[]): void {
    for (const { name, id, state } of listed) {
      if (!this.records.has(name)) this.records.set(name, newRecord(id, state === 'exited' ? 'ended' : state));
    }
  }

  /** Reports what ended while nobody listened. `ranBefore` is what `running` gave before the listing was asked for. */
  reconcile(listed: ListedContainer[], ranBefore: ContainerName[]): void {
    const names = new Set(listed.map(({ name }) => name));
    for (const { name, id, state } of listed) {
      if (state === 'exited') this.died(name, id, 'unknown');
      else this.record(name, id, state);
    }
    for (const name of ranBefore) {
      const record = this.records.get(name);
      if (!names.has(name) && record?.phase === 'running') this.end(name, record, 'unknown');
    }
  }

  private record(name: ContainerName, id: string | undefined, phase: ContainerRecord['phase']): ContainerRecord {
    let record = this.records.get(name);
    if (record === undefined) {
      record = newRecord(id, phase);
      this.records.set(name, record);
    }
    record.id ??= id;
    return record;
  }

  private end(name: ContainerName, record: ContainerRecord, exitCode: number | 'unknown'): void {
    // Most exits need no second look: no call to the engine, no delay.
    const isClear = record.byEngine || record.toldToEnd !== 'by others';
    if (exitCode !== 'unknown' && exitCode !== 137 && !record.oom && isClear) {
      this.finish(name, record, { exitCode, outOfMemory: false });
      return;
    }
    record.phase = 'ending';
    this.noteWhoEndedIt(record)
      .then(() => this.describe(record, exitCode))
      .catch(() => ({ exitCode: exitCode === 'unknown' ? 137 : exitCode, outOfMemory: record.oom }))
      .then((exit) => this.finish(name, record, exit))
      .catch(() => {});
  }

  /** An engine that stops takes no new connections first, and then ends what runs. */
  private async noteWhoEndedIt(record: ContainerRecord): Promise<void> {
    if (record.toldToEnd === 'by others' && !record.byEngine) record.byEngine = await this.options.isClosed();
  }

  private finish(name: ContainerName, record: ContainerRecord, exit: ContainerExit): void {
    record.phase = 'ended';
    if (record.removed && this.records.get(name) === record) this.records.delete(name);
    this.options.emit({ kind: 'exited', name, ...exit, ...(record.byEngine && { because: endedByEngine }) });
  }

  private async describe(record: ContainerRecord, exitCode: number | 'unknown'): Promise<ContainerExit> {
    let peak = await record.peak;
    // The engine's own event about memory may come a moment after `die`; its inspection knows already.
    const mustLook = exitCode === 'unknown' || !record.oom || peak === undefined;
    const seen = mustLook && record.id !== undefined ? await this.options.inspect(record.id) : undefined;
    peak ??= await record.peak;
    const outOfMemory = record.oom || (seen?.outOfMemory ?? false);
    // A container that ran into its own limit had used all of it.
    const atLimit = outOfMemory && seen?.memoryLimit ? seen.memoryLimit : undefined;
    const memPeak = peak ?? atLimit;
    return {
      // Gone while nobody listened: whoever removed it killed it.
      exitCode: exitCode === 'unknown' ? (seen?.exitCode ?? 137) : exitCode,
      outOfMemory,
      ...(memPeak !== undefined && { memPeak }),
    };
  }
}

function isOver({ phase }: ContainerRecord): boolean {
  return phase === 'ending' || phase === 'ended';
}

function newRecord(id: string | undefined, phase: ContainerRecord['phase']): ContainerRecord {
  return { id, phase, oom: false, byEngine: false, peak: Promise.resolve(undefined), removed: false };
}
