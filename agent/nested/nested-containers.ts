import { describeError } from '../../protocol/errors.ts';
import type { AgentCallLaunchNestedContainer, ContainerID } from '../../protocol/messages.ts';
import { ContainerEnds } from '../container-ends.ts';
import type { Engine } from '../engine/engine.ts';
import { runsOf } from '../executor-tasks.ts';
import { podOf } from '../pods.ts';
import type { AgentState, Run } from '../state.ts';
import { NestedContainer } from './nested-container.ts';
import { planNested } from './nested-plan.ts';
import type { OperatedContainer } from './operated-container.ts';
import { OwnContainer } from './own-container.ts';

/** How many that are over are remembered of one host, so that somebody may still ask how they ended. */
const mostRemembered = 100;

export type Launched = { nested: NestedContainer } | 'before' | 'unsupported' | { error: string };

type EngineOfNested = Partial<Pick<Engine, 'openSession' | 'listen' | 'openInput' | 'signal'>>;

/** The nested containers of the agent: those that run, and the latest that are over. They end with their host's container. */
export class NestedContainers {
  readonly #state: AgentState;
  readonly #engine: EngineOfNested;
  readonly #ends: Pick<ContainerEnds, 'wait'>;
  readonly #own = new WeakMap<Run, OwnContainer>();
  readonly #byId = new Map<string, NestedContainer>();

  constructor(state: AgentState, engine: EngineOfNested, ends: Pick<ContainerEnds, 'wait'> = new ContainerEnds()) {
    this.#state = state;
    this.#engine = engine;
    this.#ends = ends;
  }

  find(id: ContainerID): NestedContainer | undefined {
    return this.#byId.get(idText(id));
  }

  /** The task or executor whose container has that id. */
  host(id: ContainerID): Run | undefined {
    const inPods = [...this.#state.tasks.values()].filter((task) => podOf(task) !== undefined);
    return [...runsOf(this.#state), ...inPods].find(({ containerId }) => containerId === id.value);
  }

  /** The container of a task or an executor, unless it is over. */
  own(id: ContainerID): OwnContainer | undefined {
    const run = this.host(id);
    if (run === undefined || run.phase === 'ended') return undefined;
    const container = this.#own.get(run) ?? new OwnContainer(run, { engine: this.#engine, ends: this.#ends });
    this.#own.set(run, container);
    return container;
  }

  /** One that a call may be about. */
  operated(id: ContainerID): OperatedContainer | undefined {
    return this.find(id) ?? this.own(id);
  }

  running(): NestedContainer[] {
    return [...this.#byId.values()].filter(({ over }) => !over);
  }

  async launch({ container_id: id, command, container }: AgentCallLaunchNestedContainer): Promise<Launched> {
    if (this.find(id) !== undefined) return 'before';
    const { parent } = id;
    const host = parent && (this.host(parent) ?? this.find(parent)?.host);
    if (host === undefined) return { error: `Root container ${rootOf(id)} not found` };
    const plan = planNested(command, container);
    if ('error' in plan) return plan;
    if (this.#engine.openSession === undefined) return 'unsupported';
    this.#forget();
    const nested = new NestedContainer(id, host, plan.options.terminal !== undefined);
    this.#byId.set(idText(id), nested);
    const { sinks } = nested.output;
    try {
      const session = await this.#engine.openSession(host.containerName, plan.command, sinks, plan.options);
      nested.started(session);
      if (session !== undefined) return { nested };
      this.#byId.delete(idText(id));
      return { error: `Parent container ${host.containerId} is not running` };
    } catch (error) {
      nested.started(undefined);
      this.#byId.delete(idText(id));
      return { error: describeError(error) };
    }
  }

  /** Whether it is gone; one that runs stays. */
  remove(id: ContainerID): boolean {
    const nested = this.find(id);
    if (nested?.over === false) return false;
    this.#byId.delete(idText(id));
    return true;
  }

  async stop(): Promise<void> {
    await Promise.all(this.running().map((nested) => nested.kill(9)));
  }

  #forget(): void {
    const remembered = new Map<Run, number>();
    for (const [key, { host, over }] of [...this.#byId].reverse()) {
      if (!over) continue;
      const count = (remembered.get(host) ?? 0) + 1;
      remembered.set(host, count);
      if (count > mostRemembered || this.host({ value: host.containerId }) === undefined) this.#byId.delete(key);
    }
  }
}

/** As Mesos writes it: each parent before its child. */
export function idText({ value, parent }: ContainerID): string {
  return parent === undefined ? value : `${idText(parent)}.${value}`;
}

export function rootOf({ value, parent }: ContainerID): string {
  return parent === undefined ? value : rootOf(parent);
}
