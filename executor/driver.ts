import { randomUUID } from 'node:crypto';
import type { MediaType } from '../protocol/codec.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { uuidToBase64 } from '../protocol/ids.ts';
import type { ExecutorCall, ExecutorEvent, TaskInfo, TaskState, TaskStatus } from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { backoff } from '../runtime/backoff.ts';
import { type Clock, sleep, systemClock } from '../runtime/clock.ts';
import { AgentConnection, heartbeatMs, type Subscription } from './agent-connection.ts';
import { type ExecutorEnvironment, readEnvironment } from './environment.ts';
import type { ExecutorHandlers } from './handlers.ts';
import { Unacknowledged, type Update } from './unacknowledged.ts';

export interface ExecutorOptions {
  handlers: ExecutorHandlers;
  /** By default what the agent has put into this process's environment. */
  environment?: ExecutorEnvironment;
  /** How messages travel; JSON by default. */
  mediaType?: MediaType;
  clock?: Clock;
  random?: () => number;
  uuid?: () => string;
}

/** What an update may say besides; data is base64. */
export type UpdateDetails = Partial<
  Pick<
    TaskStatus,
    'message' | 'reason' | 'data' | 'healthy' | 'labels' | 'check_status' | 'container_status' | 'limitation'
  >
>;

interface LiveTask {
  readonly info: TaskInfo;
  readonly killed: AbortController;
}

/** Seconds to find an agent that does not answer the first time, where nothing is said about recovery. */
const firstPatience = 10;
const firstBackoffMax = 1;
/** Seconds that `stop` waits for acknowledgements; as Mesos' own executors. */
const longestFarewell = 60;
const resendMs = { initial: 200, maximum: 5_000 };

/**
 * The executor's side of the Mesos v1 executor API, for authors of executors; docs/executors.md tells how to use it.
 *
 * INVARIANTS
 * - An update that was made is sent until the agent acknowledges it: by itself while a subscription stands, else with the next one.
 * - The updates of one task arrive in the order in which they were made; nothing follows a terminal one.
 * - Handlers are called in the order of the events.
 * - When `run` is over no call is made any more, and nothing is left open.
 */
export class ExecutorDriver {
  readonly #handlers: ExecutorHandlers;
  readonly #environment: ExecutorEnvironment;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #uuid: () => string;
  readonly #connection: AgentConnection;
  readonly #hangUp = new AbortController();
  readonly #unacknowledged = new Unacknowledged();
  readonly #live = new Map<string, LiveTask>();
  /** Handlers that are not through. */
  readonly #handling = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  /** What the SUBSCRIBE on its way, or the last one, tells. */
  #told = new Set<Update>();
  /** The last update on its way, by task: the next one waits for it. */
  #lines = new Map<string, Promise<void>>();
  #shutDownBegun = false;
  #failure: unknown;
  #onChange: (() => void)[] = [];

  constructor(options: ExecutorOptions) {
    const { environment = readEnvironment(process.env), mediaType = 'application/json', clock = systemClock } = options;
    this.#handlers = options.handlers;
    this.#environment = environment;
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#uuid = options.uuid ?? randomUUID;
    this.#connection = new AgentConnection({
      environment,
      mediaType,
      clock,
      hangUp: this.#hangUp.signal,
      onOpen: (subscription) => this.#opened(subscription),
      onEvent: (event) => this.#receive(event),
    });
  }

  get environment(): ExecutorEnvironment {
    return this.#environment;
  }

  /** Tasks without a terminal update. */
  get tasks(): TaskInfo[] {
    return [...this.#live.values()].map(({ info }) => info);
  }

  /**
   * Subscribes and serves events until SHUTDOWN, `stop` or the signal; once. Throws MESITA_AGENT_UNREACHABLE when the agent is gone (at once, or
   * after the recovery timeout of a framework that checkpoints), MESITA_AGENT_REFUSED when it does not know this executor, and, without a
   * `failed` handler, what a handler threw or the agent's refusal of an update. In each case `shutdown` is through by then.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const abort = () => this.#shutDown();
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    try {
      await this.#stayConnected();
    } catch (error) {
      this.#failure ??= error;
      this.#shutDown();
      // Nobody is left to acknowledge anything, but tasks have to be ended.
      await this.#within(this.#environment.shutdownGrace, () => this.#handling.size === 0);
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#hangUp.abort();
      this.#changed();
      await this.#connection.close();
      this.#giveUp();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends `run` when all updates are acknowledged, after a minute at the latest. Tasks are not asked to end. */
  stop(): void {
    void this.#within(longestFarewell, () => this.#unacknowledged.size === 0).then(() => this.#hangUp.abort());
  }

  /**
   * Tells the framework of a task's state. Resolves when the agent has taken the update over; rejects with MESITA_AGENT_REFUSED when it refuses, and with
   * MESITA_AGENT_UNREACHABLE when `run` ends before. It is sent whether or not it is waited for. Does nothing for a task that is unknown or has had its
   * terminal update.
   */
  update(task: TaskInfo | string, state: TaskState, details: UpdateDetails = {}): Promise<void> {
    const taskId = typeof task === 'string' ? task : task.task_id.value;
    if (!this.#live.has(taskId)) return Promise.resolve();
    if (isTerminal(state)) this.#live.delete(taskId);
    const { executorId, agentId } = this.#environment;
    const status = {
      ...details,
      task_id: { value: taskId },
      state,
      source: 'SOURCE_EXECUTOR' as const,
      executor_id: { value: executorId },
      agent_id: { value: agentId },
      timestamp: this.#clock.now() / 1000,
      uuid: uuidToBase64(this.#uuid()),
    };
    const update: Update = { status, delivered: Promise.withResolvers() };
    // Not everybody waits for it; a refusal is told in another way, too.
    update.delivered.promise.catch(() => undefined);
    this.#unacknowledged.add(update);
    this.#send(update);
    return update.delivered.promise;
  }

  /** To the framework; best effort. Throws MESITA_AGENT_UNREACHABLE, MESITA_AGENT_REFUSED. */
  async message(data: Uint8Array): Promise<void> {
    if (this.#subscription === undefined) throw unreachable('MESSAGE: there is no subscription now');
    const answer = await this.#connection.post(
      this.#call({ type: 'MESSAGE', message: { data: Buffer.from(data).toString('base64') } }),
    );
    if (answer.kind === 'refused') throw new MesitaError('MESITA_AGENT_REFUSED', { message: answer.message });
    if (answer.kind !== 'taken') throw unreachable('MESSAGE did not reach the agent');
  }

  #call(call: Omit<ExecutorCall, 'framework_id' | 'executor_id'>): ExecutorCall {
    const { frameworkId, executorId } = this.#environment;
    return { framework_id: { value: frameworkId }, executor_id: { value: executorId }, ...call };
  }

  async #stayConnected(): Promise<void> {
    const { recovery } = this.#environment;
    let patience = recovery?.timeout ?? firstPatience;
    let seen = this.#clock.now();
    while (!this.#hangUp.signal.aborted) {
      const { reason, stood } = await this.#subscribe();
      if (this.#hangUp.signal.aborted) return;
      this.#handle(() => this.#handlers.disconnected?.(reason));
      if (stood) {
        seen = this.#clock.now();
        patience = recovery?.timeout ?? 0;
      }
      const left = seen + patience * 1000 - this.#clock.now();
      if (left <= 0) throw unreachable(`The agent is gone: ${reason}`);
      const most = (recovery?.backoffMax ?? firstBackoffMax) * 1000;
      const wait = backoff(0, { initial: most, maximum: most }, this.#random);
      await sleep(this.#clock, Math.min(left, wait), this.#hangUp.signal);
    }
  }

  async #subscribe(): Promise<{ reason: string; stood: boolean }> {
    this.#told = new Set(this.#unacknowledged.updates);
    const call = this.#call({ type: 'SUBSCRIBE', subscribe: this.#unacknowledged.subscription() });
    try {
      return { reason: await this.#connection.subscribe(call), stood: true };
    } catch (error) {
      if (!(error instanceof MesitaError) || error.code !== 'MESITA_AGENT_UNREACHABLE') throw error;
      return { reason: error.message, stood: false };
    }
  }

  #opened(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#lines = new Map();
    const stopBeating = this.#beat();
    subscription.over.addEventListener('abort', () => {
      stopBeating();
      this.#subscription = undefined;
    });
    for (const update of this.#unacknowledged.updates) if (!this.#told.has(update)) this.#send(update);
  }

  #beat(): () => void {
    const next = (): (() => void) =>
      this.#clock.after(heartbeatMs, () => {
        void this.#connection.post(this.#call({ type: 'HEARTBEAT' }));
        cancel = next();
      });
    let cancel = next();
    return () => cancel();
  }

  /** Behind the task's earlier updates; without a subscription the next one tells it. */
  #send(update: Update): void {
    const subscription = this.#subscription;
    if (subscription === undefined) return;
    const lines = this.#lines;
    const taskId = update.status.task_id.value;
    const line = (lines.get(taskId) ?? Promise.resolve())
      .then(() => this.#deliver(update, subscription))
      .then(() => {
        if (lines.get(taskId) === line) lines.delete(taskId);
      });
    lines.set(taskId, line);
  }

  async #deliver(update: Update, subscription: Subscription): Promise<void> {
    const call = this.#call({ type: 'UPDATE', update: { status: update.status } });
    for (let attempt = 0; !subscription.over.aborted && this.#unacknowledged.has(update); attempt++) {
      const answer = await this.#connection.post(call);
      if (answer.kind === 'taken') return;
      if (answer.kind === 'refused') return this.#refused(update, answer.message);
      // The agent does not know of the subscription any more: the next one brings the update.
      if (answer.kind === 'outdated') return subscription.cut();
      await sleep(this.#clock, backoff(attempt, resendMs, this.#random), subscription.over);
    }
  }

  #refused(update: Update, message: string): void {
    const error = new MesitaError('MESITA_AGENT_REFUSED', { message });
    this.#unacknowledged.refuse(update);
    update.delivered.reject(error);
    this.#failed(error);
    this.#changed();
  }

  #receive(event: ExecutorEvent): void {
    const { subscribed, acknowledged, launch, launch_group, kill, message, error } = event;
    const handlers = this.#handlers;
    if (subscribed !== undefined) this.#handle(() => handlers.subscribed?.(subscribed));
    if (acknowledged !== undefined) this.#acknowledged(acknowledged.task_id.value, acknowledged.uuid);
    if (launch !== undefined) this.#launch(launch.task);
    if (launch_group !== undefined) this.#launchGroup(launch_group.task_group.tasks ?? []);
    if (kill !== undefined && this.#live.has(kill.task_id.value)) {
      this.#live.get(kill.task_id.value)?.killed.abort();
      this.#handle(() => handlers.kill?.(kill.task_id.value, kill.kill_policy));
    }
    if (message !== undefined) this.#handle(() => handlers.message?.(Buffer.from(message.data, 'base64')));
    if (error !== undefined) this.#handle(() => handlers.error?.(error.message));
    if (event.type === 'SHUTDOWN') this.#shutDown();
  }

  #acknowledged(taskId: string, uuid: string): void {
    const update = this.#unacknowledged.acknowledge(taskId, uuid);
    if (update === undefined) return;
    update.delivered.resolve();
    this.#handle(() => this.#handlers.acknowledged?.(update.status));
    this.#changed();
  }

  #launch(task: TaskInfo): void {
    const live = this.#begin(task);
    if (live === undefined) return;
    this.#run(task, () => {
      if (this.#handlers.launch === undefined) throw new Error('This executor launches no tasks');
      return this.#handlers.launch(task, live.killed.signal);
    });
  }

  #launchGroup(tasks: TaskInfo[]): void {
    const { launchGroup } = this.#handlers;
    if (launchGroup === undefined) {
      for (const task of tasks) this.#launch(task);
      return;
    }
    const begun = tasks.flatMap((task) => this.#begin(task) ?? []);
    const killed = new Map(begun.map(({ info, killed }) => [info.task_id.value, killed.signal]));
    this.#run(
      begun.map(({ info }) => info),
      () => this.#handlers.launchGroup?.({ tasks }, killed),
    );
  }

  /** Undefined for a task that is here already. */
  #begin(info: TaskInfo): LiveTask | undefined {
    const taskId = info.task_id.value;
    if (this.#live.has(taskId)) return undefined;
    const live = { info, killed: new AbortController() };
    this.#live.set(taskId, live);
    this.#unacknowledged.launched(info);
    // A launch that crosses the shutdown.
    if (this.#shutDownBegun) live.killed.abort();
    return live;
  }

  /** A launch that throws fails its tasks. */
  #run(tasks: TaskInfo | TaskInfo[], launch: () => void | Promise<void>): void {
    this.#handle(async () => {
      try {
        await launch();
      } catch (error) {
        for (const task of [tasks].flat()) void this.update(task, 'TASK_FAILED', { message: describeError(error) });
      }
    });
  }

  #handle(handler: () => void | Promise<void>): void {
    const handling = (async () => handler())()
      .catch((error: unknown) => this.#failed(error))
      .then(() => {
        this.#handling.delete(handling);
        this.#changed();
      });
    this.#handling.add(handling);
  }

  #failed(error: unknown): void {
    if (this.#handlers.failed !== undefined) {
      this.#handlers.failed(error);
      return;
    }
    this.#failure ??= error;
    this.#shutDown();
  }

  /** Asks everything to end, and hangs up when it has and the agent knows, or when the grace period is over. */
  #shutDown(): void {
    if (this.#shutDownBegun) return;
    this.#shutDownBegun = true;
    const { shutdownGrace } = this.#environment;
    for (const { killed } of this.#live.values()) killed.abort();
    this.#handle(() => this.#handlers.shutdown?.(shutdownGrace));
    const over = () => this.#handling.size === 0 && this.#unacknowledged.size === 0;
    void this.#within(shutdownGrace, over).then(() => this.#hangUp.abort());
  }

  /** Resolves when it holds, when the seconds are over, or when all is. */
  async #within(seconds: number, holds: () => boolean): Promise<void> {
    let late = false;
    const cancel = this.#clock.after(seconds * 1000, () => {
      late = true;
      this.#changed();
    });
    while (!holds() && !late && !this.#hangUp.signal.aborted)
      await new Promise<void>((resolve) => this.#onChange.push(resolve));
    cancel();
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }

  #giveUp(): void {
    for (const update of this.#unacknowledged.updates) {
      update.delivered.reject(unreachable(`The agent has not acknowledged ${update.status.state}`));
    }
  }
}

function unreachable(message: string): MesitaError {
  return new MesitaError('MESITA_AGENT_UNREACHABLE', { message });
}
