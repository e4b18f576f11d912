import { loadavg } from 'node:os';
import { describeError } from '../../protocol/errors.ts';
import type { Resource } from '../../protocol/messages.ts';
import { scalarOf } from '../../protocol/resources.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { MeasuredContainer } from '../documents/containers.ts';
import { resourcesOf } from '../executor-tasks.ts';
import { type MeasuredUse, type ResourceEstimator, revocableResources } from './estimator.ts';
import type { QosController } from './qos-controller.ts';

const megabyte = 1024 * 1024;
// The system's averages are renewed each 5 s.
const leastCorrectionSeconds = 1;

export interface OversubscriptionOptions {
  estimator: ResourceEstimator | undefined;
  controller: QosController | undefined;
  /** Seconds between two estimates. */
  estimateInterval: number;
  /** Seconds between two corrections, at the least. */
  correctionInterval: number;
  measure: () => Promise<MeasuredContainer[]>;
  clock: Clock;
  log: Log;
  estimated: (resources: Resource[]) => void;
  correct: (because: string) => void;
  /** The averages of 1, 5 and 15 minutes. */
  load?: () => readonly number[];
}

/** Estimates again and again what may be given twice, and takes it back when the machine has too much to do. */
export class Oversubscription {
  readonly #options: OversubscriptionOptions;
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  constructor(options: OversubscriptionOptions) {
    this.#options = options;
  }

  /** Returns what stops it. */
  start(): () => void {
    const { estimator, controller, estimateInterval, correctionInterval } = this.#options;
    if (estimator !== undefined) this.#every(estimateInterval, () => this.#estimate(estimator));
    if (controller !== undefined)
      this.#every(Math.max(leastCorrectionSeconds, correctionInterval), async () => this.#correct(controller));
    return () => {
      this.#stopped = true;
      for (const cancel of this.#cancels) cancel();
    };
  }

  async #estimate(estimator: ResourceEstimator): Promise<void> {
    const { measure, clock, estimated } = this.#options;
    const measured = estimator.measures ? await measure() : [];
    if (!this.#stopped) estimated(revocableResources(estimator.estimate(measured.map(useOf), clock.now())));
  }

  #correct(controller: QosController): void {
    const { load = loadavg, correct } = this.#options;
    const because = controller.correction(load());
    if (because !== undefined) correct(because);
  }

  #every(seconds: number, action: () => Promise<void>): void {
    const { clock, log } = this.#options;
    const run = (): void => {
      action()
        .catch((error: unknown) => log.warn({ error: describeError(error) }, 'oversubscription cannot be estimated'))
        .finally(() => {
          if (this.#stopped) return;
          const cancel = clock.after(seconds * 1000, () => {
            this.#cancels.delete(cancel);
            run();
          });
          this.#cancels.add(cancel);
        });
    };
    run();
  }
}

function useOf({ run, statistics }: MeasuredContainer): MeasuredUse {
  const resources = resourcesOf(run);
  const { cpus_user_time_secs: user = 0, cpus_system_time_secs: system = 0, mem_rss_bytes } = statistics ?? {};
  return {
    container: run.containerId,
    isRegular: resources.every(({ revocable }) => revocable === undefined),
    given: { cpus: scalarOf(resources, 'cpus'), mem: scalarOf(resources, 'mem') },
    used: statistics && { cpuSeconds: user + system, mem: Number(mem_rss_bytes ?? 0) / megabyte },
  };
}
