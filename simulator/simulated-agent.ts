import {
  containerExited,
  containerRemoved,
  containerStarted,
  containerStarting,
  launchFailed,
} from '../agent/commands/container-events.ts';
import { drain } from '../agent/commands/drain.ts';
import { receive } from '../agent/commands/receive.ts';
import { recoverRuns } from '../agent/commands/recover.ts';
import type { Effect, EffectArguments } from '../agent/effects.ts';
import type { ContainerExit, ContainerSummary } from '../agent/engine/engine.ts';
import { concerned, everything } from '../agent/recovery/concerned.ts';
import { restoreRuns } from '../agent/recovery/restore-runs.ts';
import { RunMemory } from '../agent/recovery/run-memory.ts';
import type { MadeRow } from '../agent/recovery/run-rows.ts';
import { SandboxPaths } from '../agent/sandbox-paths.ts';
import { type AgentState, emptyState, type Run, type TaskRecord } from '../agent/state.ts';
import { type Context, resendAll, retryDue } from '../agent/status-updates.ts';
import { taskMessage } from '../agent/task-message.ts';
import type { AgentMessage, AgentSubscription, MasterMessage } from '../protocol/agent-link.ts';
import { type AgentId, asAgentId } from '../protocol/ids.ts';
import { steadyTime } from '../runtime/clock.ts';
import { type Change, Disk } from './disk.ts';
import { OutputGate } from './output-gate.ts';
import type { Random } from './random.ts';
import type { AgentGroup } from './scenario.ts';
import { type EngineWitness, type SimulatedContainer, SimulatedEngine } from './simulated-engine.ts';
import type { Peer, SimulatedMaster } from './simulated-master.ts';
import { draw, type Span } from './spans.ts';
import type { Timeline } from './timeline.ts';
import { type Direction, Path, Wire } from './wire.ts';

export interface Surroundings {
  readonly timeline: Timeline;
  readonly master: SimulatedMaster;
  readonly random: Random;
  /** Seconds. */
  readonly latency: number;
  readonly launch: Span;
  /** Of silence until the agent takes the link for broken. */
  readonly patience: number;
  readonly witness: EngineWitness;
  /** Whether agents write down what they run. */
  readonly keepsRuns: boolean;
}

// How often an agent looks for updates to repeat, and how long after a break it dials again.
const retryMs = 1_000;
const firstRetryMs = 10_000;
const redialMs = 1_000;
// What a write to the disk takes.
const writeMs = 5;
const answerMs = 1;

/** Sandboxes without a place, so that the agent does not remember what is over: there is too much of it. */
class NoSandboxes extends SandboxPaths {
  override run(): string {
    return '';
  }
}
const nowhere = new NoSandboxes('', '');

/** The agent's own state and commands, on a machine with a simulated engine and disk. It runs command tasks (`sleep SECONDS`) alone. */
export class SimulatedAgent {
  readonly group: AgentGroup;
  readonly #hostname: string;
  /** Nobody else's. */
  readonly #machine: string;
  readonly #surroundings: Surroundings;
  #state: AgentState;
  #id: AgentId | undefined;
  #peer: Peer<MasterMessage> | undefined;
  /** Whether an operator ever wanted nothing to run here. */
  isToBeEmptied = false;
  readonly #path = new Path();
  readonly #disk: Disk;
  readonly #engine: SimulatedEngine;
  #memory: RunMemory;
  #gate: OutputGate;
  /** Goes up with each registration. */
  #links = 0;
  #isRegistered = false;
  #attempts = 0;
  #isFragile = false;
  /** Whether its machine went off since its process last began. */
  #isRebooted = false;
  /** As the daemons have it: somebody may set the machine's clock. */
  readonly #now: () => number;
  #on = false;
  #reachable = true;
  /** Milliseconds that its clock is ahead. */
  #ahead = 0;
  /** Goes up with each death: timers of an earlier life mean nothing. */
  #life = 0;
  #retryPending = false;

  /** One table for all: there may be fifty thousand agents. */
  static readonly #perform: {
    [Kind in keyof EffectArguments]: (agent: SimulatedAgent, effect: EffectArguments[Kind]) => void;
  } = {
    sendToMaster: (agent, { message }) => agent.#send(message),
    launch: (agent, { run, again }) => agent.#launch(taskOf(run), again),
    resume: (agent, { run }) => agent.#started(taskOf(run)),
    conclude: (agent, { run, exit }) => agent.#conclude(taskOf(run), exit),
    abortLaunch: (agent, { run }) => agent.#giveUp(taskOf(run)),
    stopContainer: (agent, { run }) => agent.#engine.stop(run.containerName, agent.isToBeEmptied),
    removeContainer: (agent, { run }) => agent.#remove(taskOf(run)),
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

  /** `place`: that of its group, among which several may have one name; `index`: its own in there. */
  constructor(group: AgentGroup, { place, index }: { place: number; index: number }, surroundings: Surroundings) {
    this.group = group;
    this.#hostname = `${group.name}-${index}`;
    this.#machine = `${place}-${index}`;
    this.#surroundings = surroundings;
    const { timeline } = surroundings;
    this.#now = steadyTime(
      () => timeline.now() + this.#ahead,
      () => timeline.now(),
    );
    this.#state = freshState(group);
    this.#disk = new Disk(surroundings.timeline, writeMs);
    this.#gate = new OutputGate(this.#disk);
    this.#memory = new RunMemory(this.#state);
    this.#engine = new SimulatedEngine(surroundings.timeline, surroundings.witness);
  }

  get id(): AgentId | undefined {
    return this.#id;
  }

  /** What it holds now, tasks that are over and not acknowledged included. */
  get tasks(): Iterable<TaskRecord> {
    return this.#state.tasks.values();
  }

  /** What is on its machine, whether it knows of it or not. */
  get containers(): Iterable<SimulatedContainer> {
    return this.#engine.containers;
  }

  /** Its process runs, goes on with what an earlier one left, and dials. */
  start(): void {
    this.#on = true;
    this.#engine.listener = (container) => this.#exited(container);
    this.#recover();
    this.#dial();
  }

  /** The machine goes off with all that it runs; nobody is told. */
  die(): void {
    this.#engine.powerOff();
    this.#isRebooted = true;
    if (!this.#on) return;
    this.#peer?.wire.cut();
    this.#endProcess();
  }

  /** As `die`, and the disk is lost too: who comes back is somebody else. */
  burn(): void {
    const { witness } = this.#surroundings;
    for (const text of this.#disk.table('made').values()) {
      witness.burnt?.((JSON.parse(text) as MadeRow & { kind: 'task' }).info.task_id.value);
    }
    this.die();
    this.#disk.wipe();
    this.#id = undefined;
  }

  /** Its process is killed; its tasks go on, and the machine closes its connection. */
  crash(): void {
    if (!this.#on) return;
    const { master } = this.#surroundings;
    const peer = this.#peer;
    peer?.wire.reset('up', () => master.linkClosed(peer));
    this.#endProcess();
  }

  /** As `crash`, while it next writes something down, or just after. */
  crashWriting(): void {
    this.#isFragile = true;
  }

  #endProcess(): void {
    this.#on = false;
    this.#isFragile = false;
    this.#life++;
    this.#engine.listener = undefined;
    this.#gate.close();
    this.#disk.abandon(this.#surroundings.random.integer(this.#disk.underWay + 1));
    this.#gate = new OutputGate(this.#disk);
    this.#state = freshState(this.group);
    this.#retryPending = false;
    this.#isRegistered = false;
    this.#peer = undefined;
  }

  #recover(): void {
    if (!this.#surroundings.keepsRuns) return;
    const state = this.#state;
    const id = this.#disk.table('agent').get('id');
    this.#id = id === undefined ? undefined : asAgentId(id);
    const [frameworks, made, now] = ['frameworks', 'made', 'now'].map((table) => inOrder(this.#disk.table(table)));
    const none = new Map<string, string>();
    const restored = restoreRuns(state, { frameworks: frameworks ?? none, made: made ?? none, now: now ?? none });
    if (restored.problems.length > 0) throw new Error(`what was written down makes no sense: ${restored.problems}`);
    this.#memory = new RunMemory(state, restored.written);
    const runs = everything(state);
    const found = [...this.#engine.containers];
    const containers = new Map(found.map((container) => [container.name, summaryOf(container)]));
    this.#do(recoverRuns(state, { containers, rebooted: this.#isRebooted }, this.#context()), runs);
    this.#isRebooted = false;
    const known = new Set<string>(runs.map(({ containerName }) => containerName));
    for (const { name } of found) if (!known.has(name)) this.#engine.remove(name, this.isToBeEmptied);
    this.#repeatLater(firstRetryMs);
  }

  /** After `die`: it remembers who it is. */
  comeBack(): void {
    this.#isFragile = false;
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
    peer?.wire.reset('up', () => master.linkClosed(peer));
  }

  /** What is sent that way waits until `unblock`; who hears nothing for too long takes the link for broken. */
  block(direction: Direction): void {
    this.#path.block(direction);
    if (direction === 'down') this.#watch();
  }

  unblock(direction: Direction): void {
    this.#path.unblock(direction);
  }

  /** Somebody sets the clock of its machine. */
  stepClock(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  #watch(): void {
    const { timeline, patience } = this.#surroundings;
    const peer = this.#peer;
    timeline.after(patience * 1000, () => {
      if (this.#path.isOpen('down')) return;
      if (peer !== undefined && this.#peer === peer) {
        peer.wire.cut();
        this.#dial();
      }
      this.#watch();
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
    const wire = new Wire(timeline, latency, this.#path);
    const peer: Peer<MasterMessage> = {
      wire,
      receive: (message) => {
        if (this.#peer === peer) this.#receive(message);
      },
      hungUp: () => this.#hungUp(peer),
    };
    this.#peer = peer;
    this.#isRegistered = false;
    // The master is told of nothing that is not written down.
    this.#gate.out(() => {
      const subscription = this.#subscription();
      if (this.#peer === peer) wire.send('up', () => master.link(subscription, peer));
    });
  }

  #hungUp(peer: Peer<MasterMessage>): void {
    if (this.#peer !== peer) return;
    this.#peer = undefined;
    this.#later(redialMs, () => {
      if (this.#peer === undefined) this.#dial();
    });
  }

  #receive(message: MasterMessage): void {
    if (message.type === 'REGISTERED') this.#registered(asAgentId(message.agent_id));
    if (message.type === 'SHUTDOWN') this.die();
    if (!this.#isRegistered) return;
    const before = concerned(this.#state, message);
    const effects = this.#decide(message);
    this.#do(effects, [...before, ...concerned(this.#state, message)]);
  }

  #registered(id: AgentId): void {
    this.#isRegistered = true;
    this.#links++;
    if (this.#surroundings.keepsRuns && id !== this.#id) this.#gate.keep([{ table: 'agent', key: 'id', value: id }]);
    this.#id = id;
  }

  #decide(message: MasterMessage): Effect[] {
    const context = this.#context();
    if (message.type === 'REGISTERED')
      return [...drain(this.#state, message.drain, context), ...resendAll(this.#state, context.now)];
    return receive(this.#state, { id: this.#id ?? '', paths: nowhere, address: '127.0.0.1' }, message, context);
  }

  /** Half of a launch is over when the container is made. */
  #launch(task: TaskRecord, again = false): void {
    const { launch, random } = this.#surroundings;
    const milliseconds = draw(launch, random) * 1000;
    const { containerName: name } = task;
    if (again) this.#engine.remove(name, this.isToBeEmptied);
    this.#later(milliseconds / 2, () => {
      if (task.phase !== 'preparing') return;
      this.#do(containerStarting(task, this.#context()), [task]);
      this.#engine.create(name, task.info.task_id.value);
      this.#later(milliseconds / 2, () => {
        if (task.phase !== 'preparing') return;
        this.#engine.start(name, sleepOf(task));
        // The engine's answer takes a moment, in which this process may end.
        this.#later(answerMs, () => this.#started(task));
      });
    });
  }

  #started(task: TaskRecord): void {
    if (task.phase !== 'preparing') return;
    this.#do(containerStarted(task, [], this.#context()), [task]);
    for (const container of this.#engine.containers) if (container.name === task.containerName) this.#exited(container);
  }

  #giveUp(task: TaskRecord): void {
    const failure = { message: 'The launch was given up' };
    this.#later(0, () => {
      if (task.phase === 'preparing') this.#do(launchFailed(this.#state, task, failure, this.#context()), [task]);
    });
  }

  #exited({ name, state, exitCode }: SimulatedContainer): void {
    const task = [...this.#state.tasks.values()].find(({ containerName }) => containerName === name);
    if (task?.phase === 'running' && state === 'exited') this.#conclude(task, { exitCode, outOfMemory: false });
  }

  #conclude(task: TaskRecord, exit: ContainerExit): void {
    this.#do(containerExited(this.#state, task, exit, this.#context()), [task]);
  }

  #remove(task: TaskRecord): void {
    this.#engine.remove(task.containerName, this.isToBeEmptied);
    this.#do(containerRemoved(this.#state, task), [task]);
  }

  #send(message: AgentMessage): void {
    const { master } = this.#surroundings;
    const id = this.#id;
    if (message.type === 'UPDATE') this.#repeatLater(firstRetryMs);
    if (id !== undefined) this.#peer?.wire.send('up', () => master.receive(id, message));
  }

  /** One timer for all updates that wait for their acknowledgement. */
  #repeatLater(milliseconds: number): void {
    if (this.#retryPending) return;
    this.#retryPending = true;
    this.#later(milliseconds, () => {
      this.#retryPending = false;
      this.#do(retryDue(this.#state, this.#context().now), []);
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
      attempt: { process: `${this.#machine}/${this.#life}`, number: this.#attempts++ },
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

  /** `changed`: the runs that the command was about. What it changed of them is written down before its effects are performed. */
  #do(effects: readonly Effect[], changed: readonly Run[]): void {
    if (!this.#surroundings.keepsRuns) {
      this.#carryOut(effects);
      return;
    }
    const changes = this.#memory.changes([
      ...changed,
      ...effects.flatMap((effect) => ('run' in effect ? effect.run : [])),
    ]);
    if (changes.length > 0) this.#keep(changes);
    const links = this.#links;
    // What was said for an earlier link is repeated on the next one.
    this.#gate.out(() =>
      this.#carryOut(links === this.#links ? effects : effects.filter(({ kind }) => kind !== 'sendToMaster')),
    );
  }

  #keep(changes: readonly Change[]): void {
    this.#gate.keep(changes);
    if (!this.#isFragile) return;
    this.#later(this.#surroundings.random.next() * 2 * writeMs, () => {
      if (this.#isFragile) this.crash();
    });
  }

  #carryOut(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) {
      (SimulatedAgent.#perform[effect.kind] as (agent: SimulatedAgent, argument: Effect) => void)(this, effect);
    }
  }

  #context(): Context {
    return { now: this.#now(), ids: this.#surroundings.random };
  }
}

function freshState({ resources }: AgentGroup): AgentState {
  return emptyState(
    { killGrace: 3, executorShutdownGrace: 5, executorRegistrationTimeout: 60, executorReregistrationTimeout: 2 },
    [...resources],
  );
}

/** As a database tells them. */
function inOrder(table: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...table].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function summaryOf({ name, state, exitCode }: SimulatedContainer): ContainerSummary {
  const exit = state === 'exited' ? { exit: { exitCode, outOfMemory: false } } : {};
  return { name, labels: {}, state, ...exit };
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
