import type { Clock } from '../runtime/clock.ts';
import { type MeasuredContainer, statisticsOf } from './documents/containers.ts';
import type { ContainerUsage, Engine } from './engine/engine.ts';
import { runsOf } from './executor-tasks.ts';
import { hasHolder, isPod } from './pods.ts';
import type { AgentState, Run } from './state.ts';

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

  /** Of those that run; `only`: of the container with that id; `nested`: each followed by those inside it; last those `besides`. */
  async measure({
    only,
    nested = false,
    besides = [],
  }: {
    only?: string | undefined;
    nested?: boolean;
    besides?: readonly Run[];
  } = {}): Promise<MeasuredContainer[]> {
    const running = runsOf(this.#state).filter(
      ({ phase, containerId }) => phase === 'running' && (only === undefined || containerId === only),
    );
    const measured = await Promise.all([...running, ...besides].map((run) => this.#measure(run)));
    return measured.flatMap(({ inside, ...whole }) => (nested ? [whole, ...inside] : whole));
  }

  /** A pod uses what its tasks use, and its holder if it has one. */
  async #measure(run: Run): Promise<MeasuredContainer & { inside: MeasuredContainer[] }> {
    const isAlone = run.kind === 'task' || !isPod(run);
    const members = isAlone ? [] : [...run.launched].filter(({ phase }) => phase === 'running');
    const own = isAlone || hasHolder(run) ? await this.#usage(run) : undefined;
    const theirs = await Promise.all(members.map((member) => this.#usage(member)));
    return {
      ...this.#measured(run, sumOf([own, ...theirs].filter((usage) => usage !== undefined))),
      inside: members.map((member, index) => this.#measured(member, theirs[index])),
    };
  }

  #usage({ containerName }: Run): Promise<ContainerUsage | undefined> {
    return this.#engine.usage(containerName).catch(() => undefined);
  }

  #measured(run: Run, usage: ContainerUsage | undefined): MeasuredContainer {
    return { run, statistics: usage && statisticsOf(run, usage, this.#cpuQuota, this.#clock.now()) };
  }
}

function sumOf([first, ...others]: readonly ContainerUsage[]): ContainerUsage | undefined {
  return others.reduce<ContainerUsage | undefined>((sum, usage) => sum && addUsage(sum, usage), first);
}

function addUsage(left: ContainerUsage, right: ContainerUsage): ContainerUsage {
  return {
    cpuUserSeconds: left.cpuUserSeconds + right.cpuUserSeconds,
    cpuSystemSeconds: left.cpuSystemSeconds + right.cpuSystemSeconds,
    mem: left.mem + right.mem,
    ...(left.pids === undefined || right.pids === undefined ? {} : { pids: left.pids + right.pids }),
  };
}
