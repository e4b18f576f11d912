import { describeError, MesitaError } from '../../protocol/errors.ts';
import { linkJson } from '../../protocol/link-json.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Timer } from '../../runtime/timer.ts';
import type { Metrics } from '../metrics.ts';
import type { RegistryEntry } from './entries.ts';
import type { OpenRegistry, RegistryRecord, RegistryStore } from './registry-store.ts';

export interface RegistrarOptions {
  store: RegistryStore;
  clock: Clock;
  metrics: Pick<Metrics, 'counters' | 'registryFetch' | 'registryStore'>;
  /** Seconds that a write may take, and seconds that it may take to open the registry. */
  storeTimeout: number;
  fetchTimeout: number;
  /** Whether this master still leads; asked before each action. */
  holds?(): boolean;
  /** The registry is lost to this master, with what was not written yet, or the lead is: it must end. Called once. */
  onLoss(error: MesitaError): void;
}

/** What is written together, and what waits for that. */
interface Batch {
  readonly records: RegistryRecord[];
  readonly actions: (() => void)[];
}

/**
 * Keeps in the registry what commands decide, and holds back what others may hear of it until it is there: the output gate.
 *
 *     record ─► next batch ──(the turn is over, and the batch before it is written)──► current batch ──(written)──► its actions
 *     pass   ─► at once, where nothing is to be written; else behind the latest batch
 *
 * INVARIANTS
 * - Actions are carried out in the order in which they were passed, each after all records before it are written; nothing overtakes.
 * - After a write that failed, after the lead is lost, and after `close`, nothing is written or carried out any more.
 */
export class Registrar {
  readonly #options: RegistrarOptions;
  #current: Batch | undefined;
  #next: Batch | undefined;
  #over = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Nothing waits. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#next === undefined;
  }

  /** Takes the registry over. Rejects with MESITA_REGISTRY_TIMEOUT, or as the store does. */
  open(signal: AbortSignal): Promise<OpenRegistry> {
    const { store, fetchTimeout, metrics } = this.#options;
    const controller = new AbortController();
    const opened = store.open(AbortSignal.any([signal, controller.signal]));
    const what = `The registry could not be read within ${fetchTimeout} s`;
    return this.#timed(metrics.registryFetch, opened, fetchTimeout, what, () => controller.abort());
  }

  /** Texts are made at once: what the entries are made of goes on changing. */
  record(entries: readonly RegistryEntry[]): void {
    if (this.#over) return;
    if (this.#next === undefined) {
      this.#next = { records: [], actions: [] };
      if (this.#current === undefined) this.#options.clock.after(0, () => this.#begin());
    }
    for (const { table, key, value } of entries) {
      this.#next.records.push({ table, key, value: value === undefined ? undefined : linkJson(value) });
    }
  }

  pass(action: () => void): void {
    if (this.#over) return;
    const batch = this.#next ?? this.#current;
    if (batch === undefined) this.#carryOut(action);
    else batch.actions.push(action);
  }

  /** Waits until nothing waits. */
  async settled(): Promise<void> {
    if (this.#over || this.isIdle) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Waits for what is to be written, lets out what waits for it, and nothing else any more. */
  async close(): Promise<void> {
    await this.settled();
    this.#over = true;
    await this.#options.store.close();
  }

  #begin(): void {
    const batch = this.#next;
    if (batch === undefined || this.#over) return;
    this.#next = undefined;
    this.#current = batch;
    const { store, storeTimeout, metrics } = this.#options;
    const what = `The registry did not take a write within ${storeTimeout} s`;
    this.#timed(metrics.registryStore, store.write(batch.records), storeTimeout, what).then(
      () => this.#written(batch),
      (error: unknown) => this.#lost(error),
    );
  }

  #written(batch: Batch): void {
    if (this.#over) return;
    // What actions pass in their turn comes last.
    for (let at = 0; at < batch.actions.length; at++) this.#carryOut(batch.actions[at] ?? (() => undefined));
    if (this.#over) return;
    this.#current = undefined;
    if (this.#next !== undefined) this.#begin();
    else this.#settle();
  }

  #carryOut(action: () => void): void {
    if (this.#over) return;
    if (this.#options.holds?.() !== false) action();
    else this.#lost(new MesitaError('MESITA_LEADERSHIP_LOST', { message: 'This master leads no longer' }));
  }

  #lost(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#current = undefined;
    this.#next = undefined;
    this.#settle();
    const message = `The registry cannot be written: ${describeError(cause)}`;
    this.#options.onLoss(
      cause instanceof MesitaError ? cause : new MesitaError('MESITA_DATABASE_FAILED', { message, cause }),
    );
  }

  #settle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #timed<Result>(
    timer: Timer,
    work: Promise<Result>,
    seconds: number,
    what: string,
    giveUp: () => void = () => undefined,
  ): Promise<Result> {
    const began = performance.now();
    const { promise, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(seconds * 1000, () => {
      reject(new MesitaError('MESITA_REGISTRY_TIMEOUT', { message: what }));
      giveUp();
    });
    try {
      const result = await Promise.race([work, promise]);
      timer.record(performance.now() - began);
      return result;
    } finally {
      cancel();
    }
  }
}
