import { isDeepStrictEqual } from 'node:util';
import { MesitaError } from '../protocol/errors.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { ContainerSettings } from './container-plan.ts';
import type { ContainerLimits, Engine } from './engine/engine.ts';
import { limitsOfExecutor } from './executor-plan.ts';
import type { ExecutorRecord } from './state.ts';

export interface LimitUpdatesOptions {
  engine: Pick<Engine, 'update'>;
  settings: ContainerSettings;
  clock: Clock;
  /** Aborted when the agent goes. */
  signal: AbortSignal;
  failed(executor: ExecutorRecord, error: unknown): void;
}

const retryMs = 1_000;

/**
 * Gives executors' containers what their tasks need, as these come and go. Tasks that come and go faster than the engine follows share a
 * change: at most one is under way for a container, and what it left out follows. An engine that is away, or whose disk is full, is asked again
 * and again: that is no reason to end what runs.
 */
export class LimitUpdates {
  readonly #options: LimitUpdatesOptions;
  readonly #wanting = new Set<ExecutorRecord>();
  readonly #underWay = new Set<ExecutorRecord>();
  readonly #applied = new WeakMap<ExecutorRecord, ContainerLimits>();

  constructor(options: LimitUpdatesOptions) {
    this.#options = options;
  }

  async update(executor: ExecutorRecord): Promise<void> {
    this.#wanting.add(executor);
    if (this.#underWay.has(executor)) return;
    this.#underWay.add(executor);
    try {
      while (this.#wanting.delete(executor) && executor.phase === 'running') await this.#apply(executor);
    } catch (error) {
      this.#options.failed(executor, error);
    } finally {
      this.#underWay.delete(executor);
    }
  }

  async #apply(executor: ExecutorRecord): Promise<void> {
    const { engine, settings, clock, signal } = this.#options;
    const limits = limitsOfExecutor(executor, settings);
    if (isDeepStrictEqual(limits, this.#applied.get(executor))) return;
    this.#applied.set(executor, limits);
    executor.memoryGranted = limits.memoryLimit ?? executor.memoryGranted;
    try {
      await engine.update(executor.containerName, limits);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#applied.delete(executor);
      await sleep(clock, retryMs, signal);
      if (!signal.aborted) this.#wanting.add(executor);
    }
  }
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof MesitaError && (error.code === 'MESITA_ENGINE_UNREACHABLE' || error.code === 'MESITA_DISK_FULL')
  );
}
