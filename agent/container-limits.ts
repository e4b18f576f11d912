import { isDeepStrictEqual } from 'node:util';
import type { ContainerSettings } from './container-plan.ts';
import type { ContainerLimits, Engine } from './engine/engine.ts';
import { limitsOfExecutor } from './executor-plan.ts';
import type { ExecutorRecord } from './state.ts';

/**
 * Gives executors' containers what their tasks need, as these come and go. Tasks that come and go faster than the engine follows share a
 * change: at most one is under way for a container, and what it left out follows.
 */
export class LimitUpdates {
  readonly #engine: Pick<Engine, 'update'>;
  readonly #settings: ContainerSettings;
  readonly #failed: (executor: ExecutorRecord, error: unknown) => void;
  readonly #wanting = new Set<ExecutorRecord>();
  readonly #underWay = new Set<ExecutorRecord>();
  readonly #applied = new WeakMap<ExecutorRecord, ContainerLimits>();

  constructor(
    engine: Pick<Engine, 'update'>,
    settings: ContainerSettings,
    failed: (executor: ExecutorRecord, error: unknown) => void,
  ) {
    this.#engine = engine;
    this.#settings = settings;
    this.#failed = failed;
  }

  async update(executor: ExecutorRecord): Promise<void> {
    this.#wanting.add(executor);
    if (this.#underWay.has(executor)) return;
    this.#underWay.add(executor);
    try {
      while (this.#wanting.delete(executor) && executor.phase === 'running') await this.#apply(executor);
    } catch (error) {
      this.#failed(executor, error);
    } finally {
      this.#underWay.delete(executor);
    }
  }

  async #apply(executor: ExecutorRecord): Promise<void> {
    const limits = limitsOfExecutor(executor, this.#settings);
    if (isDeepStrictEqual(limits, this.#applied.get(executor))) return;
    this.#applied.set(executor, limits);
    executor.memoryGranted = limits.memoryLimit ?? executor.memoryGranted;
    await this.#engine.update(executor.containerName, limits);
  }
}
