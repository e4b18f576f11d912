import type { AgentMessage, MasterMessage } from '../protocol/agent-link.ts';
import { describeError } from '../protocol/errors.ts';
import type { IdSource } from '../protocol/ids.ts';
import type { AgentInfo, ExecutorCallSubscribe, Resource, TaskStatus } from '../protocol/messages.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Checkpointed, checkpointedPart } from './checkpoint.ts';
import { ContainerChecks } from './checks/container-checks.ts';
import { checkStatusChanged, healthChanged } from './commands/check-results.ts';
import {
  containerExited,
  containerRemoved,
  containerStarted,
  containerStarting,
  launchFailed,
  launchProgress,
} from './commands/container-events.ts';
import { diskExceeded } from './commands/disk-limit.ts';
import {
  executorExited,
  executorFailed,
  executorStarted,
  registrationTimedOut,
  reregistrationTimedOut,
  updateFailed,
} from './commands/executor-container.ts';
import { messageFromExecutor } from './commands/executor-messages.ts';
import { executorDisconnected, subscribeExecutor } from './commands/executor-subscribe.ts';
import { updateFromExecutor } from './commands/executor-update.ts';
import { endTask } from './commands/kill-task.ts';
import { shutdownAll } from './commands/master-messages.ts';
import { operationSettled, operationsToKeep, resendOperations, retryOperations } from './commands/operations.ts';
import { oversubscribe, preemptRevocable, tellOversubscribed } from './commands/oversubscribe.ts';
import { receive } from './commands/receive.ts';
import { recoverRuns } from './commands/recover.ts';
import { graceExpired } from './commands/shutdown-executor.ts';
import type { ContainerEnds } from './container-ends.ts';
import type { ContainerLauncher } from './container-launcher.ts';
import { LimitUpdates } from './container-limits.ts';
import type { ContainerLogs } from './container-logs.ts';
import type { ContainerSettings } from './container-plan.ts';
import type { Effect, EffectArguments } from './effects.ts';
import type { ContainerExit, Engine, EngineEvent } from './engine/engine.ts';
import { type ExecutorStream, ExecutorStreams } from './executor-streams.ts';
import { isPod } from './pods.ts';
import { concerned, everything, namedBy } from './recovery/concerned.ts';
import type { RunMemory } from './recovery/run-memory.ts';
import type { WriteGate } from './recovery/write-gate.ts';
import type { SandboxPaths } from './sandbox-paths.ts';
import {
  type AgentState,
  type ExecutorRecord,
  type OperationRecord,
  type Run,
  type TaskRecord,
  taskKey,
} from './state.ts';
import { type Context, resendAll, retryDue } from './status-updates.ts';

export interface PerformerOptions {
  state: AgentState;
  engine: Engine;
  logs: Pick<ContainerLogs, 'started' | 'recovered' | 'ended' | 'stop'>;
  launcher: (observer: Observer) => ContainerLauncher;
  /** Whoever waits for containers. */
  ends: Pick<ContainerEnds, 'tell'>;
  settings: ContainerSettings;
  /** What executors are told of the agent. */
  agent: () => AgentInfo;
  clock: Clock;
  ids: IdSource;
  storage: Storage;
  /** Finds out what is to be written down of runs. */
  memory: Pick<RunMemory, 'changes' | 'family'>;
  /** Holds effects back until it is. */
  gate: Pick<WriteGate, 'pass' | 'run' | 'idle'>;
  /** Whoever removes old sandboxes. */
  sandboxes: { release(sandbox: string): Promise<void> };
  /** Whoever removes old images. */
  images: { release(container: string): void };
  log: Log;
  /** The agent's own IP, which tasks on the host's network share. */
  address: string;
}

/** Where operations leave their marks. */
export interface Storage {
  makeVolume(volume: Resource): Promise<void>;
  removeVolume(volume: Resource): Promise<void>;
  write(content: Checkpointed): Promise<void>;
}

type Observer = ConstructorParameters<typeof ContainerLauncher>[0]['observer'];

const retryCheckMs = 1_000;
const removeRetryMs = 100;
// An engine that is being restarted is back by then.
const engineRetryMs = 1_000;
const mostRemovals = 30;
// How long a stopping agent waits for its containers: an engine that is gone must not keep it.
const shutdownPatienceMs = 60_000;

/**
 * Runs commands on the state and performs their effects; turns what the engine and the master say into commands.
 *
 * INVARIANT: what a command changed of a run is written down before an effect of it, or of a later command, is performed.
 */
export class Performer {
  readonly state: AgentState;
  readonly #options: PerformerOptions;
  readonly #launcher: ContainerLauncher;
  readonly #limits: LimitUpdates;
  readonly #checks: ContainerChecks;
  readonly #streams: ExecutorStreams;
  readonly #byContainer = new Map<string, Run>();
  readonly #deadlines = new Map<string, () => void>();
  readonly #stopping = new AbortController();
  /** Whose end was heard of: the engine may tell it beside what it lists. */
  readonly #ending = new WeakSet<Run>();
  /** Until it is known what an earlier run of the agent has left: exits of containers that nobody has asked for yet. */
  #unclaimed: Map<string, ContainerExit> | undefined = new Map();
  /** The agent goes, and its tasks stay: what becomes of them now is the next one's. */
  #isLeaving = false;
  #stopListening: () => void = () => undefined;
  /** Goes up with each registration. */
  #links = 0;
  #paths: SandboxPaths | undefined;
  #agentId = '';
  #send: (message: AgentMessage) => void = () => undefined;
  #idle: (() => void)[] = [];

  readonly #perform: { [Kind in keyof EffectArguments]: (effect: EffectArguments[Kind]) => void } = {
    sendToMaster: ({ message }) => this.#send(message),
    launch: ({ run, again }) => {
      // It is written down, and the next start launches it.
      if (this.#isLeaving) return;
      this.#byContainer.set(run.containerName, run);
      this.#run(this.#launcher.launch(run, again), 'launch');
    },
    resume: ({ run }) => this.#run(this.#resume(run), 'go on with a container'),
    conclude: ({ run, exit }) => this.#run(this.#conclude(run, exit), 'end a container'),
    abortLaunch: ({ run }) => this.#launcher.abort(run),
    stopContainer: ({ run, graceSeconds }) => {
      this.#run(this.#stop(run, graceSeconds), 'stop a container');
    },
    sendToExecutor: ({ executor, event }) => this.#streams.send(executor, event),
    hangUpOnExecutor: ({ executor }) => this.#streams.hangUp(executor),
    updateContainer: ({ executor }) => this.#run(this.#updateLimits(executor), 'change the limits of a container'),
    awaitExecutor: (awaited) => this.#await(awaited),
    settleOperation: ({ operation, made, removed }) =>
      this.#inTurn(() => this.#settle(operation, made, removed), 'settle an operation'),
    checkpoint: () => this.#inTurn(() => this.#checkpoint(), 'write the checkpoint'),
    removeContainer: ({ run }) => this.#run(this.#remove(run), 'remove a container'),
    startChecks: ({ task }) => this.#checks.start(task),
    stopChecks: ({ task }) => this.#checks.stop(task),
    log: ({ level, message, fields }) => this.#options.log[level](fields, message),
  };

  constructor(options: PerformerOptions) {
    this.#options = options;
    this.state = options.state;
    this.#launcher = options.launcher({
      progress: (run, message) => {
        if (run.kind !== 'task' || this.#isLeaving) return;
        this.perform(launchProgress(run, message, this.#context()), [run]);
      },
      starting: (run) => {
        if (run.kind !== 'task' || this.#isLeaving) return;
        this.perform(containerStarting(run, this.#context()), [run]);
      },
      started: (run, addresses) => this.#started(run, addresses),
      failed: (run, failure) => {
        const { state } = this;
        if (this.#isLeaving) return;
        const context = this.#context();
        if (run.kind === 'task') this.perform(launchFailed(state, run, failure, context), [run]);
        else this.#performAll(executorFailed(state, run, failure, context), run);
      },
    });
    this.#checks = new ContainerChecks({
      engine: options.engine,
      clock: options.clock,
      log: options.log,
      healthChanged: (task, news) => this.perform(healthChanged(this.state, task, news, this.#context()), [task]),
      statusChanged: (task, status) => this.perform(checkStatusChanged(task, status, this.#context()), [task]),
    });
    this.#streams = new ExecutorStreams(options.clock);
    const { engine, settings, clock, log } = options;
    this.#limits = new LimitUpdates({
      engine,
      settings,
      clock,
      signal: this.#stopping.signal,
      failed: (executor, error) => {
        log.warn({ container: executor.containerName, error: describeError(error) }, 'limits cannot be changed');
        this.perform(updateFailed(executor, describeError(error)), [executor]);
      },
    });
  }

  /** Begins to listen to the engine and to repeat updates; returns what stops it. */
  start(): () => void {
    this.#stopListening = this.#options.engine.onEvent((event) => this.#engineEvent(event));
    let cancel = () => {};
    const tick = () => {
      this.perform(retryDue(this.state, this.#options.clock.now()));
      this.perform(retryOperations(this.state, this.#options.clock.now()));
      cancel = this.#options.clock.after(retryCheckMs, tick);
    };
    cancel = this.#options.clock.after(retryCheckMs, tick);
    return () => {
      this.#stopping.abort();
      this.#stopListening();
      cancel();
      for (const deadline of this.#deadlines.values()) deadline();
      this.#checks.stopAll();
      this.#streams.stop();
      this.#options.logs.stop();
    };
  }

  /** The master knows the agent now, under this id; `send` is the link. */
  registered(agentId: string, paths: SandboxPaths, send: (message: AgentMessage) => void): void {
    this.#links++;
    this.#agentId = agentId;
    this.#paths = paths;
    this.#send = send;
    this.perform(resendAll(this.state, this.#options.clock.now()));
    this.perform(resendOperations(this.state, this.#options.clock.now()));
    this.perform(tellOversubscribed(this.state));
  }

  receive(message: MasterMessage): void {
    const before = concerned(this.state, message);
    const self = { id: this.#agentId, paths: this.#paths, address: this.#options.address };
    const effects = receive(this.state, self, message, this.#context());
    this.perform(effects, [...before, ...concerned(this.state, message)]);
  }

  /** SUBSCRIBE: from here on the executor hears of its tasks on this stream. */
  subscribeExecutor(executor: ExecutorRecord, call: ExecutorCallSubscribe, stream: ExecutorStream): void {
    // After what was said into an earlier one.
    this.#options.gate.pass([], () => this.#streams.open(executor, stream));
    const { state } = this;
    this.#performAll(subscribeExecutor(state, this.#options.agent(), executor, call, this.#context()), executor);
  }

  executorStreamClosed(executor: ExecutorRecord, stream: ExecutorStream['stream']): void {
    this.#options.gate.pass([], () => {
      if (this.#streams.closed(executor, stream)) this.perform(executorDisconnected(executor));
    });
  }

  /** UPDATE of an executor. */
  takeUpdate(executor: ExecutorRecord, status: TaskStatus): void {
    const task = this.state.tasks.get(taskKey(executor.framework.id?.value ?? '', status.task_id.value));
    const effects = updateFromExecutor(this.state, this.#agentId, executor, status, this.#context());
    this.perform(effects, task === undefined ? [] : [task]);
  }

  /** MESSAGE of an executor; `data` is base64. */
  takeMessage(executor: ExecutorRecord, data: string): void {
    this.perform(messageFromExecutor(executor, data));
  }

  /** A sandbox takes more than it may, in MB. */
  diskExceeded(run: Run, sizes: { used: number; quota: number }): void {
    this.perform(diskExceeded(this.state, run, sizes, this.#context()), [run]);
  }

  /** So much may be given as revocable resources. */
  oversubscribe(resources: Resource[]): void {
    this.perform(oversubscribe(this.state, resources));
  }

  /** Ends all that uses revocable resources. */
  preemptRevocable(because: string): void {
    this.perform(preemptRevocable(this.state, because, this.#context()), everything(this.state));
  }

  /** `changed`: the runs that the command was about; those that its effects name are looked at, too. */
  perform(effects: readonly Effect[], changed: Iterable<Run> = []): void {
    const { memory, gate } = this.#options;
    const link = this.#links;
    const changes = memory.changes([...changed, ...effects.flatMap((effect) => namedBy(this.state, effect))]);
    gate.pass(changes, () => this.#carryOut(effects, link));
  }

  /** Of what is said of an executor, which may have changed all that it runs. */
  #performAll(effects: readonly Effect[], executor: ExecutorRecord): void {
    this.perform(effects, this.#options.memory.family(executor));
  }

  #carryOut(effects: readonly Effect[], link: number): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) {
      // Said for an earlier link, and repeated on this one.
      if (link !== this.#links && isRepeated(effect)) continue;
      (this.#perform[effect.kind] as (argument: Effect) => void)(effect);
    }
  }

  /** Goes on with what an earlier run of the agent has written down. `rebooted`: the machine was started anew since. Throws what the engine's `list` does. */
  async recover(rebooted: boolean): Promise<void> {
    const { engine, log } = this.#options;
    const runs = everything(this.state);
    const containers = new Map((await engine.list()).map((container) => [container.name, container]));
    this.perform(recoverRuns(this.state, { containers, rebooted }, this.#context()), runs);
    this.#options.gate.pass([], () => {
      this.#unclaimed = undefined;
    });
    const known = new Set(runs.map(({ containerName }) => containerName));
    for (const name of containers.keys()) {
      if (known.has(name)) continue;
      log.warn({ container: name }, 'removing a container that an earlier run of this agent left');
      this.#run(engine.remove(name), 'remove a container');
    }
  }

  /** The agent goes, and its tasks stay: resolves when all that was decided is written down. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#stopListening();
    this.#launcher.abortAll();
    await this.#options.gate.idle();
  }

  /** Kills all tasks and resolves when their containers are gone, or do not go for a minute. */
  async shutdownTasks(): Promise<void> {
    this.perform(shutdownAll(this.state, this.#context()), everything(this.state));
    if (!this.#busy()) return;
    let cancel = () => {};
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      cancel = this.#options.clock.after(shutdownPatienceMs, resolve);
    });
    cancel();
  }

  #started(run: Run, addresses: Run['addresses']): void {
    // A container that ends at once may be over before `start` answers.
    if (run.phase !== 'preparing' || this.#isLeaving) return;
    if (hasOutput(run)) this.#options.logs.started(run);
    if (run.kind === 'executor') {
      this.#performAll(executorStarted(this.state, run, addresses, this.#context()), run);
    } else {
      this.perform(containerStarted(run, addresses, this.#context()), [run]);
      this.#limitTime(run);
    }
  }

  /** Whether it is known to have been started or not: its container runs, and its output goes on where it was left. */
  async #resume(run: Run): Promise<void> {
    this.#byContainer.set(run.containerName, run);
    const exit = this.#unclaimed?.get(run.containerName);
    await this.#launcher.resume(run);
    // It may have ended since the engine was asked.
    if (exit !== undefined) return this.#exited(run, exit);
    if (this.#ending.has(run)) return;
    if (hasOutput(run) && run.phase !== 'ended') this.#options.logs.recovered(run);
    if (run.phase === 'running' && run.kind === 'task') this.#limitTime(run);
    if (run.phase !== 'preparing') return;
    const addresses = await this.#options.engine.addresses(run.containerName).catch(() => []);
    this.#started(run, addresses);
  }

  async #conclude(run: Run, exit: ContainerExit): Promise<void> {
    this.#byContainer.set(run.containerName, run);
    await this.#launcher.resume(run);
    await this.#exited(run, exit);
  }

  #limitTime(task: TaskRecord): void {
    const longest = task.info.max_completion_time?.nanoseconds;
    if (longest === undefined) return;
    const { clock } = this.#options;
    const message = `The task ran longer than its max_completion_time of ${Number(longest) / 1e9} s`;
    const ending = { reason: 'REASON_MAX_COMPLETION_TIME_REACHED', message } as const;
    const expire = () => this.perform(endTask(this.state, task, ending, this.#context()), [task]);
    const left = (task.startedAt ?? clock.now()) + Number(longest) / 1e6 - clock.now();
    this.#deadlines.set(task.containerName, clock.after(Math.max(0, left), expire));
  }

  #await({ executor, until, seconds }: EffectArguments['awaitExecutor']): void {
    this.#deadlines.get(executor.containerName)?.();
    const expired = {
      registered: () => registrationTimedOut(this.state, executor),
      reregistered: () => reregistrationTimedOut(this.state, executor),
      ended: () => graceExpired(executor),
    };
    const expire = () => this.perform(expired[until](), [executor]);
    this.#deadlines.set(executor.containerName, this.#options.clock.after(seconds * 1000, expire));
  }

  #engineEvent(event: EngineEvent): void {
    if (event.kind === 'disconnected') this.#options.log.warn({ reason: event.reason }, 'engine is away');
    if (event.kind !== 'exited') return;
    const run = this.#byContainer.get(event.name);
    if (run === undefined) this.#unclaimed?.set(event.name, event);
    else this.#run(this.#exited(run, event), 'end a container');
  }

  async #exited(run: Run, exit: ContainerExit): Promise<void> {
    if (this.#ending.has(run)) return;
    this.#ending.add(run);
    // The order of updates is RUNNING before the end, also for a container that is over before `start` answers.
    if (run.phase === 'preparing') this.#started(run, []);
    this.#deadlines.get(run.containerName)?.();
    this.#deadlines.delete(run.containerName);
    const problem = hasOutput(run) ? await this.#options.logs.ended(run) : undefined;
    if (this.#isLeaving) return;
    this.#options.ends.tell(run, exit.exitCode);
    const { state } = this;
    if (run.kind === 'executor') this.#performAll(executorExited(state, run, exit, this.#context()), run);
    else this.perform(containerExited(state, run, { ...exit, problem }, this.#context()), [run]);
  }

  async #remove(run: Run): Promise<void> {
    // Removing takes the engine as long as starting does; starting goes first.
    while (this.#launcher.busy) await new Promise<void>((resolve) => this.#options.clock.after(removeRetryMs, resolve));
    for (let attempt = 1; !(await this.#removed(run)) && attempt < mostRemovals; attempt++) await this.#pause();
    this.#byContainer.delete(run.containerName);
    // Of one that has told no end, because there never was a container.
    this.#options.ends.tell(run, 0);
    this.perform(containerRemoved(this.state, run), [run]);
    this.#options.images.release(run.containerName);
    await this.#options.sandboxes.release(run.sandbox);
    if (!this.#busy()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #removed(run: Run): Promise<boolean> {
    try {
      await this.#options.engine.remove(run.containerName);
      return true;
    } catch (error) {
      const fields = { container: run.containerName, error: describeError(error) };
      this.#options.log.warn(fields, 'container cannot be removed');
      return this.#stopping.signal.aborted;
    }
  }

  async #updateLimits(executor: ExecutorRecord): Promise<void> {
    const { memoryGranted } = executor;
    await this.#limits.update(executor);
    if (executor.memoryGranted !== memoryGranted) this.perform([], [executor]);
  }

  /** A kill must not be lost because the engine is away for a moment. */
  async #stop(run: Run, graceSeconds: number): Promise<void> {
    while (run.phase === 'running' && !this.#stopping.signal.aborted) {
      try {
        return await this.#options.engine.stop(run.containerName, graceSeconds);
      } catch (error) {
        const fields = { container: run.containerName, error: describeError(error) };
        this.#options.log.warn(fields, 'container cannot be stopped');
      }
      await this.#pause();
    }
  }

  /** Directories come and go as the operations were ordered, and nobody is told of an outcome that is not on the disk. */
  async #settle(operation: OperationRecord, made: readonly Resource[], removed: readonly Resource[]): Promise<void> {
    const { storage, clock } = this.#options;
    // What is made is there before it is written down, what is removed goes afterwards: no crash leaves a volume without its data.
    for (const volume of made) await storage.makeVolume(volume);
    await this.#checkpoint();
    for (const volume of removed) await storage.removeVolume(volume);
    this.perform(operationSettled(this.state, operation, clock.now()));
  }

  #checkpoint(): Promise<void> {
    const { total } = this.state;
    const operations = operationsToKeep(this.state, this.#agentId);
    return this.#options.storage.write({ resources: checkpointedPart(total), operations });
  }

  /** One after the other, each until it succeeds: a full disk must not lose an outcome. What is launched later may need what they make. */
  #inTurn(job: () => Promise<void>, what: string): void {
    this.#options.gate.run(async () => {
      while (!this.#stopping.signal.aborted) {
        try {
          return await job();
        } catch (error) {
          this.#options.log.error({ error: describeError(error) }, `could not ${what}`);
        }
        await this.#pause();
      }
    });
  }

  #pause(): Promise<void> {
    return sleep(this.#options.clock, engineRetryMs, this.#stopping.signal);
  }

  #busy(): boolean {
    return this.#byContainer.size > 0;
  }

  #context(): Context {
    return { now: this.#options.clock.now(), ids: this.#options.ids };
  }

  #run(job: Promise<void>, what: string): void {
    job.catch((error: unknown) => this.#options.log.error({ error: describeError(error) }, `could not ${what}`));
  }
}

/** With a new link the master is told these again. */
function isRepeated(effect: Effect): boolean {
  if (effect.kind !== 'sendToMaster') return false;
  const { message } = effect;
  return message.type === 'UPDATE' || (message.type === 'UPDATE_OPERATION' && message.status.uuid !== undefined);
}

/** Whether somebody may want to read what it writes: a pod itself writes nothing. */
function hasOutput(run: Run): boolean {
  return run.kind === 'task' || !isPod(run);
}
