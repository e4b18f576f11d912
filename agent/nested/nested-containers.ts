import { describeError } from '../../protocol/errors.ts';
import type { AgentCallLaunchContainer, ContainerID } from '../../protocol/messages.ts';
import { ContainerEnds } from '../container-ends.ts';
import type { Engine } from '../engine/engine.ts';
import { runsOf } from '../executor-tasks.ts';
import { podOf } from '../pods.ts';
import type { AgentState, Run } from '../state.ts';
import type { ContainerRunner } from './container-runner.ts';
import { LaunchedContainer } from './launched-container.ts';
import { recordOf } from './launched-plan.ts';
import { NestedContainer } from './nested-container.ts';
import { hasImage, type NestedPlan, planNested } from './nested-plan.ts';
import type { OperatedContainer } from './operated-container.ts';
import { OwnContainer } from './own-container.ts';

/** How many that are over are remembered of one host, so that somebody may still ask how they ended. */
const mostRemembered = 100;

export type Launched = { nested: OperatedContainer } | 'before' | 'unsupported' | { error: string };

type EngineOfNested = Partial<Pick<Engine, 'openSession' | 'listen' | 'openInput' | 'signal'>>;

export interface NestedOptions {
  ends?: Pick<ContainerEnds, 'wait'>;
  /** Whoever runs containers of their own; undefined while the agent is not ready for that. */
  runner?: () => Pick<ContainerRunner, 'launch' | 'abort'> | undefined;
  workDirectory?: string;
}

/**
 * The containers that calls of the operator API have launched: those that run, and the latest of those with a parent that are over. They end with
 * their parent's container, and with the agent.
 */
export class NestedContainers {
  readonly #state: AgentState;
  readonly #engine: EngineOfNested;
  readonly #ends: Pick<ContainerEnds, 'wait'>;
  readonly #options: NestedOptions;
  readonly #own = new WeakMap<Run, OwnContainer>();
  readonly #byId = new Map<string, NestedContainer | LaunchedContainer>();

  constructor(state: AgentState, engine: EngineOfNested, options: NestedOptions = {}) {
    this.#state = state;
    this.#engine = engine;
    this.#options = options;
    this.#ends = options.ends ?? new ContainerEnds();
  }

  find(id: ContainerID): NestedContainer | LaunchedContainer | undefined {
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
  operated(id: ContainerID): NestedContainer | LaunchedContainer | OwnContainer | undefined {
    return this.find(id) ?? this.own(id);
  }

  running(): OperatedContainer[] {
    return [...this.#byId.values()].filter(({ over }) => !over);
  }

  /** `session`: somebody takes its output from the beginning, and may give it input. */
  async launch(call: AgentCallLaunchContainer, { session = false } = {}): Promise<Launched> {
    const { container_id: id, command, container } = call;
    if (this.find(id) !== undefined) return 'before';
    const { parent } = id;
    const host = parent && (this.host(parent) ?? this.find(parent)?.host);
    if (host === undefined && parent !== undefined) return { error: `Root container ${rootOf(id)} not found` };
    if (host === undefined && this.host(id) !== undefined) return 'before';
    this.#forget();
    if (host === undefined || hasImage(container)) return this.#launchOwn(call, host, session);
    const plan = planNested(command, container);
    if ('error' in plan) return plan;
    return this.#launchWithin(id, host, plan);
  }

  async #launchWithin(id: ContainerID, host: Run, plan: NestedPlan): Promise<Launched> {
    if (this.#engine.openSession === undefined) return 'unsupported';
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

  /** A container of its own. */
  async #launchOwn(call: AgentCallLaunchContainer, host: Run | undefined, session: boolean): Promise<Launched> {
    const { container_id: id } = call;
    const { runner = () => undefined, workDirectory = '' } = this.#options;
    const running = runner();
    if (running === undefined) return { error: 'The agent is not ready yet' };
    const record = recordOf(call, workDirectory, host);
    const abort = () => running.abort(record);
    const nested = new LaunchedContainer(id, record, { engine: this.#engine, ends: this.#ends, session, abort });
    this.#byId.set(idText(id), nested);
    const error = await running.launch(nested);
    if (error !== undefined) this.#byId.delete(idText(id));
    // Nobody may ask any more how one without a parent has ended.
    else if (host === undefined) void nested.ended.then(() => this.#byId.delete(idText(id)));
    else this.#endWith(host, nested);
    return error === undefined ? { nested } : { error };
  }

  #endWith(host: Run, nested: LaunchedContainer): void {
    void this.#ends.wait(host).then(() => nested.kill(9).catch(() => undefined));
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
    const remembered = new Map<string, number>();
    for (const [key, { id, over }] of [...this.#byId].reverse()) {
      if (!over) continue;
      const root = rootOf(id);
      const count = (remembered.get(root) ?? 0) + 1;
      remembered.set(root, count);
      const alive = this.host({ value: root }) !== undefined || this.#byId.has(root);
      if (count > mostRemembered || !alive) this.#byId.delete(key);
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
