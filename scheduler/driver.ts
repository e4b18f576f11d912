import type { MediaType } from '../protocol/codec.ts';
import type { ErrorCode } from '../protocol/error-codes.ts';
import { MesitaError } from '../protocol/errors.ts';
import type {
  ExecutorInfo,
  Filters,
  FrameworkInfo,
  InverseOffer,
  KillPolicy,
  Offer,
  OfferOperation,
  OperationStatus,
  Request,
  SchedulerCall,
  SchedulerCallReconcileOperationsOperation,
  SchedulerCallReconcileTask,
  SchedulerEvent,
  SchedulerOfferConstraints,
  TaskInfo,
  TaskStatus,
} from '../protocol/messages.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { SchedulerHandlers } from './handlers.ts';
import { type LeaderFinder, leadersOf } from './leader-finder.ts';
import { MasterConnection } from './master-connection.ts';
import { RecentUpdates } from './recent-updates.ts';

export interface SchedulerOptions {
  /**
   * host:port of a master or of several (redirects to the leader are followed), `zk://host:port,…/path`, `file:///path` of a file that holds one of these,
   * or another way of finding the leader.
   */
  master: string | readonly string[] | LeaderFinder;
  /** With the id of an earlier life it fails over: the tasks of that life are its own. */
  framework: FrameworkInfo;
  handlers: SchedulerHandlers;
  /** How messages travel; JSON by default. */
  mediaType?: MediaType;
  acknowledge?: 'automatically' | 'by hand';
  /** Waited for before any handler, when a master has given the framework its id: the moment to write it down for the next life. */
  keepId?(frameworkId: string): void | Promise<void>;
  /** Asked for after each subscription under an id that there was before; an empty list stands for all that the master knows. */
  reconcile?(): SchedulerCallReconcileTask[];
  /** Roles that begin without offers; kept up to date by `suppress` and `revive` for later subscriptions. */
  suppressedRoles?: string[];
  offerConstraints?: SchedulerOfferConstraints;
  /** What the signal of `run` does: hang up, so that another life can take over within the failover timeout (the default), or TEARDOWN. */
  whenAborted?: 'leave' | 'tear down';
  /** Whether to wait for a master when none answers the first time; by default only with the id of an earlier life. */
  patient?: boolean;
  clock?: Clock;
  random?: () => number;
}

const rememberedUpdates = 10_000;

/** Mesos' words for the two endings that a framework can do something about. */
const endings: Partial<Record<string, ErrorCode>> = {
  'Framework has been removed': 'MESITA_FRAMEWORK_REMOVED',
  'Framework failed over': 'MESITA_FRAMEWORK_FAILED_OVER',
};

/**
 * The scheduler's side of the Mesos v1 scheduler API, for authors of frameworks; docs/frameworks.md tells how to use it.
 *
 * INVARIANTS
 * - Handlers run one at a time, in the order of the events, also across a break of the connection.
 * - Calls arrive in the order in which they are made, whether or not they are waited for.
 * - An update is acknowledged after its handler is through, or not at all; one that is not acknowledged comes again.
 * - After a broken connection it subscribes again under the same framework id, so tasks go on.
 * - When `run` is over no handler runs any more, and nothing is left open.
 */
export class SchedulerDriver {
  readonly #options: SchedulerOptions;
  readonly #connection: MasterConnection;
  readonly #stopping = new AbortController();
  readonly #hangUp = new AbortController();
  readonly #handled = new RecentUpdates(rememberedUpdates);
  #framework: FrameworkInfo;
  #suppressed: readonly string[];
  #offerConstraints: SchedulerOfferConstraints | undefined;
  #frameworkId: string | undefined;
  /** Everything that handlers still have to do. */
  #events: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** The last TEARDOWN: the end of the subscription may come before its answer, or instead of it. */
  #leaving: Promise<void> | undefined;

  constructor(options: SchedulerOptions) {
    const { master, framework, mediaType = 'application/json', clock = systemClock, random = Math.random } = options;
    this.#options = options;
    this.#framework = framework;
    this.#suppressed = options.suppressedRoles ?? [];
    this.#offerConstraints = options.offerConstraints;
    this.#frameworkId = framework.id?.value;
    this.#connection = new MasterConnection({
      leaders: leadersOf(master, { clock, random }),
      mediaType,
      clock,
      random,
      patient: options.patient ?? framework.id !== undefined,
      stopping: this.#stopping.signal,
      hangUp: this.#hangUp.signal,
      subscription: () => this.#subscription(),
      onEvent: (event, current) => this.#receive(event, current),
      onBroken: (reason) => this.#broken(reason),
    });
  }

  /** Undefined until a master has given one. */
  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /**
   * Subscribes and serves events until `stop`, `teardown` or the signal; once. Throws MESITA_FRAMEWORK_REMOVED, MESITA_FRAMEWORK_FAILED_OVER
   * or MESITA_MASTER_REFUSED when the master ends the subscription with an error, MESITA_MASTER_UNREACHABLE when it is not patient
   * and none answers the first time, and whatever a handler throws. All else is tried again.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const abort = () => this.#abort();
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) this.stop();
    try {
      await this.#connection.run();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#stopping.abort();
      await this.#events;
      // The subscription may end before the answer to the call that ended it is there.
      await this.#leaving?.catch(() => undefined);
      await this.#connection.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Hangs up after the handler that runs now; the framework stays known for its failover timeout. */
  stop(): void {
    this.#stopping.abort();
    void this.#events.then(() => this.#hangUp.abort());
  }

  /** Ends the framework: all of its tasks are killed, and its id never comes back. */
  async teardown(): Promise<void> {
    this.#leaving = this.call({ type: 'TEARDOWN' });
    await this.#leaving;
    this.stop();
  }

  /** Launches tasks on offers of one agent; what they leave is declined for `filters.refuse_seconds` (5). */
  launch(offers: Offer[], tasks: TaskInfo[], filters?: Filters): Promise<void> {
    return this.accept(offers, [{ type: 'LAUNCH', launch: { task_infos: tasks } }], filters);
  }

  /** Launches tasks that live and die together, under one executor. */
  launchGroup(offers: Offer[], executor: ExecutorInfo, tasks: TaskInfo[], filters?: Filters): Promise<void> {
    const launch_group = { executor, task_group: { tasks } };
    return this.accept(offers, [{ type: 'LAUNCH_GROUP', launch_group }], filters);
  }

  /** Performs operations, in order, on offers of one agent. */
  accept(offers: Offer[], operations: OfferOperation[], filters?: Filters): Promise<void> {
    return this.call({ type: 'ACCEPT', accept: { offer_ids: offers.map(({ id }) => id), operations, filters } });
  }

  decline(offers: Offer[], filters?: Filters): Promise<void> {
    return this.call({ type: 'DECLINE', decline: { offer_ids: offers.map(({ id }) => id), filters } });
  }

  /** Agrees to give back what a machine's maintenance asks for. */
  acceptInverseOffers(inverseOffers: InverseOffer[], filters?: Filters): Promise<void> {
    const inverse_offer_ids = inverseOffers.map(({ id }) => id);
    return this.call({ type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids, filters } });
  }

  declineInverseOffers(inverseOffers: InverseOffer[], filters?: Filters): Promise<void> {
    const inverse_offer_ids = inverseOffers.map(({ id }) => id);
    return this.call({ type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: { inverse_offer_ids, filters } });
  }

  /** Asks for offers again, also of what was declined; all roles when none is named. */
  async revive(roles: string[] = []): Promise<void> {
    await this.call({ type: 'REVIVE', revive: { roles } });
    this.#suppressed = roles.length === 0 ? [] : this.#suppressed.filter((role) => !roles.includes(role));
  }

  /** No more offers until `revive`; all roles when none is named. */
  async suppress(roles: string[] = []): Promise<void> {
    await this.call({ type: 'SUPPRESS', suppress: { roles } });
    const own = rolesOf(this.#framework);
    const meant = roles.length === 0 ? own : roles.filter((role) => own.includes(role));
    this.#suppressed = [...new Set([...this.#suppressed, ...meant])];
  }

  kill(taskId: string, agentId?: string, policy?: KillPolicy): Promise<void> {
    const agent_id = agentId === undefined ? undefined : { value: agentId };
    return this.call({ type: 'KILL', kill: { task_id: { value: taskId }, agent_id, kill_policy: policy } });
  }

  /** Ends a custom executor and with it its tasks. */
  shutdown(executorId: string, agentId: string): Promise<void> {
    const shutdown = { executor_id: { value: executorId }, agent_id: { value: agentId } };
    return this.call({ type: 'SHUTDOWN', shutdown });
  }

  /** Best effort. */
  message(executorId: string, agentId: string, data: Uint8Array): Promise<void> {
    const content = { agent_id: { value: agentId }, executor_id: { value: executorId } };
    return this.call({ type: 'MESSAGE', message: { ...content, data: Buffer.from(data).toString('base64') } });
  }

  /** Tells the allocator what is wished for; Mesos' own takes no notice. */
  request(requests: Request[]): Promise<void> {
    return this.call({ type: 'REQUEST', request: { requests } });
  }

  /** Does nothing for a status without uuid, which must not be acknowledged. */
  async acknowledge({ agent_id, task_id, uuid }: TaskStatus): Promise<void> {
    if (uuid === undefined || agent_id === undefined) return;
    await this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  }

  /** Does nothing for a status without uuid or operation id, which must not be acknowledged. */
  async acknowledgeOperation(status: OperationStatus): Promise<void> {
    const { agent_id, resource_provider_id, operation_id, uuid } = status;
    if (uuid === undefined || operation_id === undefined) return;
    const acknowledge_operation_status = { agent_id, resource_provider_id, operation_id, uuid: uuid.value };
    await this.call({ type: 'ACKNOWLEDGE_OPERATION_STATUS', acknowledge_operation_status });
  }

  /** Asks for the state of these tasks, which comes as updates; without tasks: of all that the master knows. */
  reconcile(tasks: SchedulerCallReconcileTask[] = []): Promise<void> {
    return this.call({ type: 'RECONCILE', reconcile: { tasks } });
  }

  /** The same for operations. */
  reconcileOperations(operations: SchedulerCallReconcileOperationsOperation[] = []): Promise<void> {
    return this.call({ type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations } });
  }

  /** Replaces the FrameworkInfo, suppressed roles and offer constraints as a whole, now and for later subscriptions. */
  async updateFramework(
    framework: FrameworkInfo,
    options: { suppressedRoles?: string[]; offerConstraints?: SchedulerOfferConstraints } = {},
  ): Promise<void> {
    const { suppressedRoles = [], offerConstraints } = options;
    const framework_info = this.#withId(framework);
    const update = { framework_info, suppressed_roles: suppressedRoles, offer_constraints: offerConstraints };
    await this.call({ type: 'UPDATE_FRAMEWORK', update_framework: update });
    this.#framework = framework;
    this.#suppressed = suppressedRoles;
    this.#offerConstraints = offerConstraints;
  }

  /**
   * Any call but SUBSCRIBE; the framework's id is put in. Throws MESITA_MASTER_REFUSED with the master's text, and MESITA_MASTER_UNREACHABLE
   * while there is no subscription: what a handler leaves undone for that is no failure of the handler, for updates come again.
   */
  call(call: SchedulerCall): Promise<void> {
    return this.#connection.post({ framework_id: this.#id(), ...call });
  }

  #id(): { value: string } | undefined {
    return this.#frameworkId === undefined ? undefined : { value: this.#frameworkId };
  }

  #withId(framework: FrameworkInfo): FrameworkInfo {
    return { ...framework, id: this.#id() };
  }

  #subscription(): SchedulerCall {
    const framework_info = this.#withId(this.#framework);
    const suppressed_roles = [...this.#suppressed];
    const subscribe = { framework_info, suppressed_roles, offer_constraints: this.#offerConstraints };
    return { type: 'SUBSCRIBE', framework_id: this.#id(), subscribe };
  }

  #abort(): void {
    if (this.#options.whenAborted !== 'tear down' || this.#frameworkId === undefined) this.stop();
    else void this.teardown().catch((error: unknown) => this.#fail(error));
  }

  #receive(event: SchedulerEvent, current: () => boolean): void {
    // Who was too slow may subscribe again, and does when the stream has ended.
    if (event.error?.message.startsWith('Framework disconnected: ')) return;
    // Not behind the handlers: the stream ends now, and subscribing again would take the framework away from whoever took it over.
    if (event.error !== undefined) {
      this.#ended(event.error.message);
      return;
    }
    const id = event.subscribed?.framework_id.value;
    const known = id === this.#frameworkId;
    this.#frameworkId = id ?? this.#frameworkId;
    this.#queue(async () => {
      if (id !== undefined && !known) await this.#options.keepId?.(id);
      await this.#handle(event, current).catch((error: unknown) => this.#handlerFailed(error, event));
      if (id !== undefined && known) await this.#reconcile();
    });
  }

  /** After all that is queued; not at all once the driver stops. */
  #queue(action: () => Promise<void> | void): void {
    this.#events = this.#events
      .then(() => (this.#stopping.signal.aborted ? undefined : action()))
      .catch((error: unknown) => this.#fail(error));
  }

  #handlerFailed(error: unknown, event: SchedulerEvent): void {
    // A call of the handler met the break of the subscription, which is being made again: not the handler's fault.
    if (isUnreachable(error)) return;
    const { handlers } = this.#options;
    if (handlers.handlerFailed === undefined) throw error;
    handlers.handlerFailed(error, event);
  }

  async #reconcile(): Promise<void> {
    if (this.#options.reconcile === undefined) return;
    await this.reconcile(this.#options.reconcile()).catch((error: unknown) => {
      // The next subscription asks again.
      if (!isUnreachable(error)) throw error;
    });
  }

  async #handle(event: SchedulerEvent, current: () => boolean): Promise<void> {
    const { handlers } = this.#options;
    const { subscribed } = event;
    if (subscribed !== undefined) await handlers.subscribed?.(subscribed.framework_id.value, subscribed.master_info);
    if (event.offers !== undefined && current()) await handlers.offers?.(event.offers.offers ?? []);
    if (event.inverse_offers !== undefined && current())
      await handlers.inverseOffers?.(event.inverse_offers.inverse_offers ?? []);
    if (event.rescind !== undefined) await handlers.rescind?.(event.rescind.offer_id.value);
    if (event.rescind_inverse_offer !== undefined)
      await handlers.rescindInverseOffer?.(event.rescind_inverse_offer.inverse_offer_id.value);
    if (event.update !== undefined) await this.#update(event.update.status);
    if (event.update_operation_status !== undefined) await this.#operationUpdate(event.update_operation_status.status);
    if (event.message !== undefined) await handlers.message?.(event.message);
    if (event.failure !== undefined) await handlers.failure?.(event.failure);
    if (event.type === 'HEARTBEAT') await handlers.heartbeat?.();
  }

  async #update(status: TaskStatus): Promise<void> {
    await this.#options.handlers.update?.(status, { repeated: this.#handled.has(status.uuid) });
    this.#handled.add(status.uuid);
    // One that does not arrive is asked for again by the update's repetition.
    if (this.#options.acknowledge !== 'by hand') await this.acknowledge(status).catch(() => undefined);
  }

  async #operationUpdate(status: OperationStatus): Promise<void> {
    const uuid = status.uuid?.value;
    await this.#options.handlers.operationUpdate?.(status, { repeated: this.#handled.has(uuid) });
    this.#handled.add(uuid);
    if (this.#options.acknowledge !== 'by hand') await this.acknowledgeOperation(status).catch(() => undefined);
  }

  /** The master's last word, after which it closes the stream. */
  #ended(message: string): void {
    const code = endings[message] ?? 'MESITA_MASTER_REFUSED';
    if (code === 'MESITA_FRAMEWORK_REMOVED' && this.#leaving !== undefined) this.stop();
    else this.#fail(new MesitaError(code, { message }));
  }

  async #broken(reason: string): Promise<void> {
    await this.#leaving?.catch(() => undefined);
    this.#queue(() => this.#options.handlers.disconnected?.(reason));
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#failure = error;
    this.stop();
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof MesitaError && error.code === 'MESITA_MASTER_UNREACHABLE';
}

function rolesOf({ capabilities = [], roles = [], role = '*' }: FrameworkInfo): string[] {
  return capabilities.some(({ type }) => type === 'MULTI_ROLE') ? roles : [role];
}
