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
import { drain } from './commands/drain.ts';
import {
  executorExited,
  executorFailed,
  executorStarted,
  registrationTimedOut,
  updateFailed,
} from './commands/executor-container.ts';
import { messageFromExecutor, messageToExecutor } from './commands/executor-messages.ts';
import { executorDisconnected, subscribeExecutor } from './commands/executor-subscribe.ts';
import { updateFromExecutor } from './commands/executor-update.ts';
import { endTask, killTask } from './commands/kill-task.ts';
import {
  acknowledge,
  reconcileTasks,
  shutdownAll,
  shutdownFramework,
  updateFramework,
} from './commands/master-messages.ts';
import {
  acknowledgeOperation,
  applyOperation,
  operationSettled,
  operationsToKeep,
  reconcileOperations,
  resendOperations,
  retryOperations,
} from './commands/operations.ts';
import { oversubscribe, preemptRevocable, tellOversubscribed } from './commands/oversubscribe.ts';
import { runTask, runTaskGroup } from './commands/run-task.ts';
import { graceExpired, shutdownNamedExecutor } from './commands/shutdown-executor.ts';
import type { ContainerEnds } from './container-ends.ts';
import type { ContainerLauncher } from './container-launcher.ts';
import { LimitUpdates } from './container-limits.ts';
import type { ContainerLogs } from './container-logs.ts';
import type { ContainerSettings } from './container-plan.ts';
import type { Effect, EffectArguments } from './effects.ts';
import type { Engine, EngineEvent } from './engine/engine.ts';
import { type ExecutorStream, ExecutorStreams } from './executor-streams.ts';
import { isPod } from './pods.ts';
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
  logs: Pick<ContainerLogs, 'started' | 'ended' | 'stop'>;
  launcher: (observer: Observer) => ContainerLauncher;
  /** Whoever waits for containers. */
  ends: Pick<ContainerEnds, 'tell'>;
  settings: ContainerSettings;
  /** What executors are told of the agent. */
  agent: () => AgentInfo;
  clock: Clock;
  ids: IdSource;
  storage: Storage;
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

/** Runs commands on the state and performs their effects; turns what the engine and the master say into commands. */
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
  #paths: SandboxPaths | undefined;
  #agentId = '';
  #send: (message: AgentMessage) => void = () => undefined;
  #idle: (() => void)[] = [];
  #turn: Promise<void> = Promise.resolve();

  readonly #perform: { [Kind in keyof EffectArguments]: (effect: EffectArguments[Kind]) => void } = {
    sendToMaster: ({ message }) => this.#send(message),
    launch: ({ run }) => {
      this.#byContainer.set(run.containerName, run);
      this.#run(this.#launcher.launch(run), 'launch');
    },
    abortLaunch: ({ run }) => this.#launcher.abort(run),
    stopContainer: ({ run, graceSeconds }) => {
      this.#run(this.#stop(run, graceSeconds), 'stop a container');
    },
    sendToExecutor: ({ executor, event }) => this.#streams.send(executor, event),
    hangUpOnExecutor: ({ executor }) => this.#streams.hangUp(executor),
    updateContainer: ({ executor }) => this.#run(this.#limits.update(executor), 'change the limits of a container'),
    awaitExecutor: ({ executor, until, seconds }) => this.#await(executor, until, seconds),
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
        if (run.kind === 'task') this.perform(launchProgress(run, message, this.#context()));
      },
      starting: (run) => {
        if (run.kind === 'task') this.perform(containerStarting(run, this.#context()));
      },
      started: (run, addresses) => this.#started(run, addresses),
      failed: (run, failure) => {
        const { state } = this;
        const context = this.#context();
        if (run.kind === 'task') this.perform(launchFailed(state, run, failure, context));
        else this.perform(executorFailed(state, run, failure, context));
      },
    });
    this.#checks = new ContainerChecks({
      engine: options.engine,
      clock: options.clock,
      log: options.log,
      healthChanged: (task, news) => this.perform(healthChanged(this.state, task, news, this.#context())),
      statusChanged: (task, status) => this.perform(checkStatusChanged(task, status, this.#context())),
    });
    this.#streams = new ExecutorStreams(options.clock);
    this.#limits = new LimitUpdates(options.engine, options.settings, (executor, error) => {
      options.log.warn({ container: executor.containerName, error: describeError(error) }, 'limits cannot be changed');
      this.perform(updateFailed(executor, describeError(error)));
    });
  }

  /** Begins to listen to the engine and to repeat updates; returns what stops it. */
  start(): () => void {
    const stopListening = this.#options.engine.onEvent((event) => this.#engineEvent(event));
    let cancel = () => {};
    const tick = () => {
      this.perform(retryDue(this.state, this.#options.clock.now()));
      this.perform(retryOperations(this.state, this.#options.clock.now()));
      cancel = this.#options.clock.after(retryCheckMs, tick);
    };
    cancel = this.#options.clock.after(retryCheckMs, tick);
    return () => {
      this.#stopping.abort();
      stopListening();
      cancel();
      for (const deadline of this.#deadlines.values()) deadline();
      this.#checks.stopAll();
      this.#streams.stop();
      this.#options.logs.stop();
    };
  }

  /** The master knows the agent now, under this id; `send` is the link. */
  registered(agentId: string, paths: SandboxPaths, send: (message: AgentMessage) => void): void {
    this.#agentId = agentId;
    this.#paths = paths;
    this.#send = send;
    this.perform(resendAll(this.state, this.#options.clock.now()));
    this.perform(resendOperations(this.state, this.#options.clock.now()));
    this.perform(tellOversubscribed(this.state));
  }

  receive(message: MasterMessage): void {
    this.perform(this.#decide(message));
  }

  /** SUBSCRIBE: from here on the executor hears of its tasks on this stream. */
  subscribeExecutor(executor: ExecutorRecord, call: ExecutorCallSubscribe, stream: ExecutorStream): void {
    this.#streams.open(executor, stream);
    this.perform(subscribeExecutor(this.state, this.#options.agent(), executor, call, this.#context()));
  }

  executorStreamClosed(executor: ExecutorRecord, stream: ExecutorStream['stream']): void {
    if (this.#streams.closed(executor, stream)) this.perform(executorDisconnected(executor));
  }

  /** UPDATE of an executor. */
  takeUpdate(executor: ExecutorRecord, status: TaskStatus): void {
    this.perform(updateFromExecutor(this.state, this.#agentId, executor, status, this.#context()));
  }

  /** MESSAGE of an executor; `data` is base64. */
  takeMessage(executor: ExecutorRecord, data: string): void {
    this.perform(messageFromExecutor(executor, data));
  }

  /** A sandbox takes more than it may, in MB. */
  diskExceeded(run: Run, sizes: { used: number; quota: number }): void {
    this.perform(diskExceeded(this.state, run, sizes, this.#context()));
  }

  /** So much may be given as revocable resources. */
  oversubscribe(resources: Resource[]): void {
    this.perform(oversubscribe(this.state, resources));
  }

  /** Ends all that uses revocable resources. */
  preemptRevocable(because: string): void {
    this.perform(preemptRevocable(this.state, because, this.#context()));
  }

  perform(effects: readonly Effect[]): void {
    // The table is exhaustive by its type; the compiler cannot follow that the key and the arguments belong together.
    for (const effect of effects) (this.#perform[effect.kind] as (argument: Effect) => void)(effect);
  }

  /** Kills all tasks and resolves when their containers are gone, or do not go for a minute. */
  async shutdownTasks(): Promise<void> {
    this.perform(shutdownAll(this.state, this.#context()));
    if (!this.#busy()) return;
    let cancel = () => {};
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      cancel = this.#options.clock.after(shutdownPatienceMs, resolve);
    });
    cancel();
  }

  #decide(message: MasterMessage): Effect[] {
    const { state } = this;
    if (message.type === 'RUN_TASK' && this.#paths !== undefined) {
      return runTask(state, this.#paths, { ...message, address: this.#options.address }, this.#context());
    }
    if (message.type === 'RUN_TASK_GROUP' && this.#paths !== undefined) {
      return runTaskGroup(state, this.#paths, { ...message, address: this.#options.address }, this.#context());
    }
    if (message.type === 'KILL_TASK') {
      const task = state.tasks.get(taskKey(message.framework_id, message.task_id));
      if (task === undefined) return [];
      if (message.cause !== undefined) task.cause ??= message.cause;
      return killTask(state, task, message.kill_policy, this.#context());
    }
    if (message.type === 'DRAIN') return drain(state, message.drain, this.#context());
    if (message.type === 'ACKNOWLEDGE') return acknowledge(state, message, this.#options.clock.now());
    if (message.type === 'SHUTDOWN_FRAMEWORK') return shutdownFramework(state, message.framework_id, this.#context());
    if (message.type === 'APPLY_OPERATION') return applyOperation(state, this.#agentId, message, this.#context());
    if (message.type === 'ACKNOWLEDGE_OPERATION')
      return acknowledgeOperation(state, message.operation_uuid, message.status_uuid);
    if (message.type === 'RECONCILE_OPERATIONS')
      return reconcileOperations(state, this.#agentId, message.operations, this.#context());
    if (message.type === 'RECONCILE') return reconcileTasks(state, this.#agentId, message.tasks, this.#context());
    if (message.type === 'UPDATE_FRAMEWORK')
      return updateFramework(state, message.framework, this.#options.clock.now());
    if (message.type === 'FRAMEWORK_MESSAGE') return messageToExecutor(state, message);
    if (message.type === 'SHUTDOWN_EXECUTOR') return shutdownNamedExecutor(state, message, this.#context());
    return [];
  }

  #started(run: Run, addresses: Run['addresses']): void {
    // A container that ends at once may be over before `start` answers.
    if (run.phase !== 'preparing') return;
    if (hasOutput(run)) this.#options.logs.started(run);
    if (run.kind === 'executor') {
      this.perform(executorStarted(this.state, run, addresses, this.#context()));
    } else {
      this.perform(containerStarted(run, addresses, this.#context()));
      this.#limitTime(run);
    }
  }

  #limitTime(task: TaskRecord): void {
    const longest = task.info.max_completion_time?.nanoseconds;
    if (longest === undefined) return;
    const message = `The task ran longer than its max_completion_time of ${Number(longest) / 1e9} s`;
    const ending = { reason: 'REASON_MAX_COMPLETION_TIME_REACHED', message } as const;
    const expire = () => this.perform(endTask(this.state, task, ending, this.#context()));
    this.#deadlines.set(task.containerName, this.#options.clock.after(Number(longest) / 1e6, expire));
  }

  #await(executor: ExecutorRecord, until: 'registered' | 'ended', seconds: number): void {
    this.#deadlines.get(executor.containerName)?.();
    const expire = () => {
      this.perform(until === 'registered' ? registrationTimedOut(this.state, executor) : graceExpired(executor));
    };
    this.#deadlines.set(executor.containerName, this.#options.clock.after(seconds * 1000, expire));
  }

  #engineEvent(event: EngineEvent): void {
    if (event.kind === 'disconnected') this.#options.log.warn({ reason: event.reason }, 'engine is away');
    if (event.kind !== 'exited') return;
    const run = this.#byContainer.get(event.name);
    if (run !== undefined) this.#run(this.#exited(run, event), 'end a container');
  }

  async #exited(run: Run, exit: EngineEvent & { kind: 'exited' }): Promise<void> {
    // The order of updates is RUNNING before the end, also for a container that is over before `start` answers.
    if (run.phase === 'preparing') this.#started(run, []);
    this.#deadlines.get(run.containerName)?.();
    this.#deadlines.delete(run.containerName);
    const problem = hasOutput(run) ? await this.#options.logs.ended(run) : undefined;
    this.#options.ends.tell(run, exit.exitCode);
    if (run.kind === 'executor') this.perform(executorExited(this.state, run, exit, this.#context()));
    else this.perform(containerExited(this.state, run, { ...exit, problem }, this.#context()));
  }

  async #remove(run: Run): Promise<void> {
    // Removing takes the engine as long as starting does; starting goes first.
    while (this.#launcher.busy) await new Promise<void>((resolve) => this.#options.clock.after(removeRetryMs, resolve));
    for (let attempt = 1; !(await this.#removed(run)) && attempt < mostRemovals; attempt++) await this.#pause();
    this.#byContainer.delete(run.containerName);
    // Of one that has told no end, because there never was a container.
    this.#options.ends.tell(run, 0);
    this.perform(containerRemoved(this.state, run));
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

  /** One after the other, each until it succeeds: a full disk must not lose an outcome. */
  #inTurn(job: () => Promise<void>, what: string): void {
    this.#turn = this.#turn.then(async () => {
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

/** Whether somebody may want to read what it writes: a pod itself writes nothing. */
function hasOutput(run: Run): boolean {
  return run.kind === 'task' || !isPod(run);
}
