import {
  containerExited,
  containerRemoved,
  containerStarted,
  containerStarting,
  launchFailed,
} from '../agent/commands/container-events.ts';
import { killTask } from '../agent/commands/kill-task.ts';
import { acknowledge, reconcileTasks, shutdownFramework, updateFramework } from '../agent/commands/master-messages.ts';
import { runTask } from '../agent/commands/run-task.ts';
import type { Effect, EffectArguments } from '../agent/effects.ts';
import { SandboxPaths } from '../agent/sandbox-paths.ts';
import { type AgentState, emptyState, type Run, type TaskRecord, taskKey } from '../agent/state.ts';
import { type Context, resendAll, retryDue } from '../agent/status-updates.ts';
import { taskMessage } from '../agent/task-message.ts';
import type { AgentMessage, AgentSubscription, MasterMessage } from '../protocol/agent-link.ts';
import { type AgentId, asAgentId } from '../protocol/ids.ts';
import type { Random } from './random.ts';
import type { AgentGroup } from './scenario.ts';
import type { Peer, SimulatedMaster } from './simulated-master.ts';
import { draw, type Span } from './spans.ts';
import type { Timeline } from './timeline.ts';
import { Wire } from './wire.ts';

export interface Surroundings {
  readonly timeline: Timeline;
  readonly master: SimulatedMaster;
  readonly random: Random;
  /** Seconds. */
  readonly latency: number;
  readonly launch: Span;
}

// How often an agent looks for updates to repeat, and how long after a break it dials again.
const retryMs = 1_000;
const firstRetryMs = 10_000;
const redialMs = 1_000;
// What a process takes to end after SIGTERM.
const partingMs = 100;
const killedBySignal = 143;

/** Sandboxes without a place, so that the agent does not remember what is over: there is too much of it. */
class NoSandboxes extends SandboxPaths {
  override run(): string {
    return '';
  }
}
const nowhere = new NoSandboxes('', '');

/** The agent's own state and commands; instead of containers there are timers. It runs command tasks (`sleep SECONDS`) alone. */
export class SimulatedAgent {
  readonly group: AgentGroup;
  readonly #hostname: string;
  readonly #surroundings: Surroundings;
  #state: AgentState;
  #id: AgentId | undefined;
  #peer: Peer<MasterMessage> | undefined;
  #on = false;
  #reachable = true;
  /** Goes up with each death: timers of an earlier life mean nothing. */
  #life = 0;
  #retryPending = false;

  /** One table for all: there may be fifty thousand agents. */
  static readonly #perform: {
    [Kind in keyof EffectArguments]: (agent: SimulatedAgent, effect: EffectArguments[Kind]) => void;
  } = {
    sendToMaster: (agent, { message }) => agent.#send(message),
    launch: (agent, { run }) => agent.#launch(taskOf(run)),
    abortLaunch: (agent, { run }) => agent.#giveUp(taskOf(run)),
    stopContainer: (agent, { run }) => agent.#later(partingMs, () => agent.#exit(taskOf(run), killedBySignal)),
    removeContainer: (agent, { run }) => agent.#do(containerRemoved(agent.#state, run)),
    startChecks: () => undefined,
    stopChecks: () => undefined,
    sendToExecutor: neverAsked,
    hangUpOnExecutor: neverAsked,
    updateContainer: neverAsked,
    awaitExecutor: neverAsked,
    settleOperation: neverAsked,
    checkpoint: neverAsked,
    log: () => undefined,
  };

  constructor(group: AgentGroup, index: number, surroundings: Surroundings) {
    this.group = group;
    this.#hostname = `${group.name}-${index}`;
    this.#surroundings = surroundings;
    this.#state = freshState(group);
  }

  get id(): AgentId | undefined {
    return this.#id;
  }

  /** What it holds now, tasks that are over and not acknowledged included. */
  get tasks(): Iterable<TaskRecord> {
    return this.#state.tasks.values();
  }

  /** Its process runs, and dials. */
  start(): void {
    this.#on = true;
    this.#dial();
  }

  /** The machine goes off with all that it runs; nobody is told. */
  die(): void {
    if (!this.#on) return;
    this.#on = false;
    this.#life++;
    this.#state = freshState(this.group);
    this.#retryPending = false;
    this.#peer?.wire.cut();
    this.#peer = undefined;
  }

  /** After `die`: it remembers who it is. */
  comeBack(): void {
    if (!this.#on) this.start();
  }

  /** Nothing gets through any more, and neither end notices at once. */
  cutOff(): void {
    this.#reachable = false;
    this.#peer?.wire.cut();
    this.#peer = undefined;
  }

  /** As `cutOff`, but the connection closes, and the master notices. */
  hangUp(): void {
    const { master } = this.#surroundings;
    const peer = this.#peer;
    this.#reachable = false;
    this.#peer = undefined;
    peer?.wire.send(() => {
      peer.wire.cut();
      master.linkClosed(peer);
    });
  }

  /** After `cutOff` or `hangUp`. */
  reconnect(): void {
    if (this.#reachable) return;
    this.#reachable = true;
    if (this.#on) this.#dial();
  }

  #dial(): void {
    if (!this.#reachable || !this.#on) return;
    const { timeline, latency, master } = this.#surroundings;
    const wire = new Wire(timeline, latency);
    const peer: Peer<MasterMessage> = {
      wire,
      receive: (message) => {
        if (this.#peer === peer) this.#receive(message);
      },
      hungUp: () => this.#hungUp(peer),
    };
    this.#peer = peer;
    const subscription = this.#subscription();
    wire.send(() => master.link(subscription, peer));
  }

  #hungUp(peer: Peer<MasterMessage>): void {
    if (this.#peer !== peer) return;
    this.#peer = undefined;
    this.#later(redialMs, () => {
      if (this.#peer === undefined) this.#dial();
    });
  }

  #receive(message: MasterMessage): void {
    if (message.type === 'REGISTERED') this.#id = asAgentId(message.agent_id);
    if (message.type === 'SHUTDOWN') this.die();
    else this.#do(this.#decide(message));
  }

  #decide(message: MasterMessage): Effect[] {
    const context = this.#context();
    const state = this.#state;
    switch (message.type) {
      case 'REGISTERED':
        return resendAll(state, context.now);
      case 'RUN_TASK':
        return runTask(state, nowhere, { ...message, address: '127.0.0.1' }, context);
      case 'KILL_TASK': {
        const task = state.tasks.get(taskKey(message.framework_id, message.task_id));
        return task === undefined ? [] : killTask(state, task, message.kill_policy, context);
      }
      case 'ACKNOWLEDGE':
        return acknowledge(state, message, context.now);
      case 'SHUTDOWN_FRAMEWORK':
        return shutdownFramework(state, message.framework_id, context);
      case 'UPDATE_FRAMEWORK':
        return updateFramework(state, message.framework, context.now);
      case 'RECONCILE':
        return reconcileTasks(state, this.#id ?? '', message.tasks, context);
      default:
        return [];
    }
  }

  #launch(task: TaskRecord): void {
    const { launch, random } = this.#surroundings;
    this.#later(draw(launch, random) * 1000, () => {
      if (task.phase !== 'preparing') return;
      this.#do(containerStarting(task, this.#context()));
      this.#do(containerStarted(task, [], this.#context()));
      this.#later(sleepOf(task) * 1000, () => this.#exit(task, 0));
    });
  }

  #giveUp(task: TaskRecord): void {
    const failure = { message: 'The launch was given up' };
    this.#later(0, () => this.#do(launchFailed(this.#state, task, failure, this.#context())));
  }

  #exit(task: TaskRecord, exitCode: number): void {
    if (task.phase !== 'running') return;
    this.#do(containerExited(this.#state, task, { exitCode, outOfMemory: false }, this.#context()));
  }

  #send(message: AgentMessage): void {
    const { master } = this.#surroundings;
    const id = this.#id;
    if (message.type === 'UPDATE') this.#repeatLater(firstRetryMs);
    if (id !== undefined) this.#peer?.wire.send(() => master.receive(id, message));
  }

  /** One timer for all updates that wait for their acknowledgement. */
  #repeatLater(milliseconds: number): void {
    if (this.#retryPending) return;
    this.#retryPending = true;
    this.#later(milliseconds, () => {
      this.#retryPending = false;
      this.#do(retryDue(this.#state, this.#context().now));
      for (const { queue } of this.#state.tasks.values()) if (queue.length > 0) return this.#repeatLater(retryMs);
    });
  }

  /** As it would arrive over a network: nothing in it is shared. */
  #subscription(): AgentSubscription {
    const tasks = [...this.#state.tasks.values()].filter((task) => !task.orphaned);
    const { resources, attributes } = this.group;
    const subscription: AgentSubscription = {
      agent: {
        hostname: this.#hostname,
        resources: [...resources],
        ...(attributes.length === 0 ? {} : { attributes: [...attributes] }),
        ...(this.#id === undefined ? {} : { id: { value: this.#id } }),
      },
      address: { hostname: this.#hostname, ip: '127.0.0.1', port: 5051 },
      version: '0.0.0',
      tasks: tasks.map((task) => taskMessage(task, task.queue[0]?.status)),
      executors: [],
      operations: [],
      total: this.#state.total,
      frameworks: [...new Map(tasks.map(({ framework }) => [framework.id?.value, framework])).values()],
    };
    return JSON.parse(JSON.stringify(subscription)) as AgentSubscription;
  }

  #later(milliseconds: number, action: () => void): void {
    const life = this.#life;
    this.#surroundings.timeline.after(milliseconds, () => {
      if (this.#life === life) action();
    });
  }

  #do(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) {
      (SimulatedAgent.#perform[effect.kind] as (agent: SimulatedAgent, argument: Effect) => void)(this, effect);
    }
  }

  #context(): Context {
    return { now: this.#surroundings.timeline.now(), ids: this.#surroundings.random };
  }
}

function freshState({ resources }: AgentGroup): AgentState {
  return emptyState({ killGrace: 3, executorShutdownGrace: 5, executorRegistrationTimeout: 60 }, [...resources]);
}

function taskOf(run: Run): TaskRecord {
  if (run.kind === 'executor') throw new Error('simulated agents run no executors');
  return run;
}

function neverAsked(): never {
  throw new Error('simulated agents run command tasks alone');
}

/** Seconds of `sleep SECONDS`. */
function sleepOf({ info }: TaskRecord): number {
  return Number(info.command?.value?.replace('sleep ', '') ?? 0);
}
