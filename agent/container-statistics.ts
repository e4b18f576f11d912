import type { Clock } from '../runtime/clock.ts';
import { type MeasuredContainer, statisticsOf } from './documents/containers.ts';
import type { Engine } from './engine/engine.ts';
import { runsOf } from './executor-tasks.ts';
import type { AgentState } from './state.ts';

/** Measures the containers of tasks and executors. */
export class ContainerStatistics {
  readonly #state: AgentState;
  readonly #engine: Pick<Engine, 'usage'>;
  readonly #cpuQuota: boolean;
  readonly #clock: Clock;

  constructor(state: AgentState, engine: Pick<Engine, 'usage'>, cpuQuota: boolean, clock: Clock) {
    this.#state = state;
    this.#engine = engine;
    this.#cpuQuota = cpuQuota;
    this.#clock = clock;
  }

  /** Of those that run; `only`: of the container with that id. */
  measure(only?: string): Promise<MeasuredContainer[]> {
    const running = runsOf(this.#state).filter(
      ({ phase, containerId }) => phase === 'running' && (only === undefined || containerId === only),
    );
    return Promise.all(
      running.map(async (run) => {
        const usage = await this.#engine.usage(run.containerName).catch(() => undefined);
        const statistics = usage && statisticsOf(run, usage, this.#cpuQuota, this.#clock.now());
        return { run, statistics };
      }),
    );
  }
}
