import { Agent as Connections } from 'undici';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { decodeJson, encodeJson } from '../protocol/json-codec.ts';
import type {
  Filters,
  FrameworkInfo,
  KillPolicy,
  Offer,
  SchedulerCall,
  SchedulerCallReconcileTask,
  SchedulerEvent,
  TaskInfo,
  TaskStatus,
} from '../protocol/messages.ts';
import { backoff } from '../runtime/backoff.ts';
import { type Clock, sleep, systemClock } from '../runtime/clock.ts';
import { followEventStream, Redirect } from '../runtime/event-stream.ts';

/** What a framework does about events; each may be left out. A promise that it returns is waited for before the next event. */
export interface SchedulerHandlers {
  /** Also after each reconnection: the moment to reconcile. */
  subscribed?(frameworkId: string): void | Promise<void>;
  offers?(offers: Offer[]): void | Promise<void>;
  rescind?(offerId: string): void | Promise<void>;
  /** Acknowledged when this returns (not when it throws), unless `acknowledge: 'by hand'`. */
  update?(status: TaskStatus): void | Promise<void>;
  message?(message: NonNullable<SchedulerEvent['message']>): void | Promise<void>;
  failure?(failure: NonNullable<SchedulerEvent['failure']>): void | Promise<void>;
  /** The subscription broke and is being made again. */
  disconnected?(reason: string): void | Promise<void>;
}

export interface SchedulerOptions {
  /** host:port of a master; redirects to the leader are followed. */
  master: string;
  framework: FrameworkInfo;
  handlers: SchedulerHandlers;
  acknowledge?: 'automatically' | 'by hand';
  suppressedRoles?: string[];
  clock?: Clock;
  random?: () => number;
}

const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
const longestRecord = 256 * 1024 * 1024;
// Three heartbeats.
const silenceMs = 45_000;

/**
 * The scheduler's side of the Mesos v1 scheduler API, for authors of frameworks.
 *
 *     const scheduler = new SchedulerDriver({ master, framework: { user: 'root', name: 'mine' }, handlers: { offers, update } });
 *     await scheduler.run(signal);
 *
 * INVARIANTS
 * - Handlers run one at a time, in the order of the events.
 * - After a broken connection it subscribes again under the same framework id, so tasks go on; updates that were not
 *   acknowledged come again.
 */
export class SchedulerDriver {
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  readonly #connections = new Connections({ connect: { timeout: 5_000 }, keepAliveTimeout: 60_000 });
  readonly #stopping = new AbortController();
  #origin: string;
  #frameworkId: string | undefined;
  #stream: string | undefined;
  #events: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** The TEARDOWN call, once it is made: from then on the end of the subscription is no surprise. */
  #leaving: Promise<void> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#origin = `http://${options.master}`;
    this.#frameworkId = options.framework.id?.value;
  }

  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /**
   * Subscribes and serves events until `stop`, `teardown` or the signal. Throws MESITA_MASTER_REFUSED when the master ends the
   * subscription with an error, MESITA_MASTER_UNREACHABLE when the very first connection fails, and whatever a handler throws.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const stop = () => this.stop();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted === true) this.stop();
    try {
      for (let attempt = 0; !this.#stopping.signal.aborted && this.#leaving === undefined; attempt++) {
        attempt = await this.#subscribeOnce(attempt);
        if (this.#failure !== undefined) throw this.#failure;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      // The subscription may end before the answer to the call that ended it is there.
      await this.#leaving?.catch(() => undefined);
      await this.#connections.destroy();
    }
  }

  /** Hangs up; the framework stays known for its failover timeout. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Launches tasks on offers of one agent; what they leave is declined for `filters.refuse_seconds` (5). */
  accept(offers: Offer[], tasks: TaskInfo[], filters?: Filters): Promise<void> {
    const operations = [{ type: 'LAUNCH' as const, launch: { task_infos: tasks } }];
    const accept = { offer_ids: offers.map((offer) => offer.id), operations, ...(filters && { filters }) };
    return this.call({ type: 'ACCEPT', accept });
  }

  decline(offers: Offer[], filters?: Filters): Promise<void> {
    return this.call({
      type: 'DECLINE',
      decline: { offer_ids: offers.map((offer) => offer.id), ...(filters && { filters }) },
    });
  }

  revive(roles: string[] = []): Promise<void> {
    return this.call({ type: 'REVIVE', revive: { roles } });
  }

  suppress(roles: string[] = []): Promise<void> {
    return this.call({ type: 'SUPPRESS', suppress: { roles } });
  }

  kill(taskId: string, agentId?: string, policy?: KillPolicy): Promise<void> {
    const agent_id = agentId === undefined ? undefined : { value: agentId };
    return this.call({ type: 'KILL', kill: { task_id: { value: taskId }, agent_id, kill_policy: policy } });
  }

  /** Without tasks: all that the master knows. */
  reconcile(tasks: SchedulerCallReconcileTask[] = []): Promise<void> {
    return this.call({ type: 'RECONCILE', reconcile: { tasks } });
  }

  /** Does nothing for a status without uuid, which must not be acknowledged. */
  async acknowledge({ agent_id, task_id, uuid }: TaskStatus): Promise<void> {
    if (uuid !== undefined && agent_id !== undefined)
      await this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  }

  /** Ends the framework: all of its tasks are killed, and its id never comes back. */
  async teardown(): Promise<void> {
    this.#leaving = this.call({ type: 'TEARDOWN' });
    await this.#leaving;
    this.stop();
  }

  /** Any call but SUBSCRIBE. Throws MESITA_MASTER_REFUSED with the master's text, MESITA_MASTER_UNREACHABLE. */
  async call(call: SchedulerCall): Promise<void> {
    const message = 'There is no subscription at the moment';
    if (this.#stream === undefined || this.#frameworkId === undefined) {
      throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message });
    }
    const body = encodeJson('SchedulerCall', { framework_id: { value: this.#frameworkId }, ...call });
    const headers = { 'content-type': 'application/json', 'mesos-stream-id': this.#stream };
    const answer = await this.#connections
      .request({ origin: this.#origin, path: '/api/v1/scheduler', method: 'POST', headers, body })
      .catch((cause: unknown) => {
        throw new MesitaError('MESITA_MASTER_UNREACHABLE', {
          message: `${call.type} did not reach ${this.#origin}: ${describeError(cause)}`,
          cause,
        });
      });
    const text = await answer.body.text();
    if (answer.statusCode === 403 && /not subscribed/.test(text)) {
      throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message: `${call.type}: ${text}` });
    }
    if (answer.statusCode !== 202 && answer.statusCode !== 200) {
      throw new MesitaError('MESITA_MASTER_REFUSED', { message: `${call.type}: ${answer.statusCode} ${text}` });
    }
  }

  /** One subscription, and the wait after it; the number of failures in a row. */
  async #subscribeOnce(attempt: number): Promise<number> {
    const opened = { yes: false };
    const reason = await this.#follow(opened).catch((error: unknown) => this.#unreachable(error));
    this.#stream = undefined;
    await this.#events;
    if (this.#leaving !== undefined || this.#stopping.signal.aborted || this.#failure !== undefined) return 0;
    await this.#options.handlers.disconnected?.(reason);
    const failures = opened.yes ? 0 : attempt;
    const random = this.#options.random ?? Math.random;
    const wait = backoff(failures, { initial: firstBackoffMs, maximum: longestBackoffMs }, random);
    await sleep(this.#clock, wait, this.#stopping.signal);
    return failures;
  }

  #unreachable(error: unknown): string {
    if (error instanceof Redirect) this.#origin = new URL(error.location, this.#origin).origin;
    else if (error instanceof MesitaError && error.code === 'MESITA_MASTER_REFUSED') this.#fail(error);
    else if (this.#frameworkId === undefined) this.#fail(error);
    return describeError(error);
  }

  #follow(opened: { yes: boolean }): Promise<string> {
    const { framework, suppressedRoles } = this.#options;
    const id = this.#frameworkId === undefined ? undefined : { value: this.#frameworkId };
    const call: SchedulerCall = {
      type: 'SUBSCRIBE',
      framework_id: id,
      subscribe: { framework_info: { ...framework, id }, suppressed_roles: suppressedRoles },
    };
    return followEventStream({
      dispatcher: this.#connections,
      origin: this.#origin,
      path: '/api/v1/scheduler',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: encodeJson('SchedulerCall', call),
      signal: this.#stopping.signal,
      maximumRecord: longestRecord,
      silence: silenceMs,
      onOpen: (headers) => {
        opened.yes = true;
        this.#stream = String(headers['mesos-stream-id']);
      },
      onRecord: (record) => this.#queue(record),
    });
  }

  #queue(record: Buffer): void {
    const decoded = decodeJson('SchedulerEvent', record.toString());
    if (!decoded.ok) {
      this.#fail(new MesitaError('MESITA_MESSAGE_INVALID', { message: `An event cannot be read: ${decoded.error}` }));
      return;
    }
    if (decoded.value.subscribed !== undefined) this.#frameworkId = decoded.value.subscribed.framework_id.value;
    this.#events = this.#events
      .then(() => this.#handle(decoded.value))
      .catch((error: unknown) => {
        // A call of the handler met the break of the subscription, which is being made again: not the handler's fault.
        if (!(error instanceof MesitaError && error.code === 'MESITA_MASTER_UNREACHABLE')) this.#fail(error);
      });
  }

  async #handle(event: SchedulerEvent): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { handlers, acknowledge = 'automatically' } = this.#options;
    if (event.subscribed !== undefined) await handlers.subscribed?.(event.subscribed.framework_id.value);
    if (event.offers !== undefined) await handlers.offers?.(event.offers.offers ?? []);
    if (event.rescind !== undefined) await handlers.rescind?.(event.rescind.offer_id.value);
    if (event.message !== undefined) await handlers.message?.(event.message);
    if (event.failure !== undefined) await handlers.failure?.(event.failure);
    if (event.update !== undefined) {
      await handlers.update?.(event.update.status);
      // One that does not arrive is asked for again by the update's repetition.
      if (acknowledge === 'automatically') await this.acknowledge(event.update.status).catch(() => undefined);
    }
    if (event.error !== undefined) throw new MesitaError('MESITA_MASTER_REFUSED', { message: event.error.message });
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#failure = error;
    this.#stopping.abort();
  }
}
