import type {
  ExecutorInfo,
  FrameworkInfo,
  Offer,
  OperationStatus,
  Resource,
  SchedulerEventFailure,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.ts';
import { fits, resources, SchedulerDriver } from '../../scheduler/index.ts';
import { eventually } from './eventually.ts';

export type TaskDraft = Partial<TaskInfo> & { name: string };

/** A framework for tests, on the scheduler driver: launches what it is told to, remembers what it hears, and keeps no offers. */
export class TestScheduler {
  readonly driver: SchedulerDriver;
  readonly updates: TaskStatus[] = [];
  /** What it was told of its operations that have an id. */
  readonly outcomes: OperationStatus[] = [];
  /** From executors, as `executor: text`. */
  readonly messages: string[] = [];
  readonly failures: SchedulerEventFailure[] = [];
  readonly #offers: Offer[] = [];
  #wanted: ((offer: Offer) => boolean) | undefined;
  readonly #stopping = new AbortController();
  #subscriptions = 0;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(master: string, framework: Partial<FrameworkInfo> = {}, acknowledge?: 'by hand') {
    this.driver = new SchedulerDriver({
      master,
      ...(acknowledge && { acknowledge }),
      framework: { user: 'root', name: 'test', failover_timeout: 60, ...framework },
      handlers: {
        subscribed: () => void this.#subscriptions++,
        offers: (offers) => this.#receive(offers),
        update: (status) => void this.updates.push(status),
        message: ({ executor_id, data }) =>
          void this.messages.push(`${executor_id.value}: ${Buffer.from(data, 'base64').toString()}`),
        failure: (failure) => void this.failures.push(failure),
        operationUpdate: (status) => void this.outcomes.push(status),
      },
    });
  }

  static async start(
    master: string,
    framework?: Partial<FrameworkInfo>,
    acknowledge?: 'by hand',
  ): Promise<TestScheduler> {
    const scheduler = new TestScheduler(master, framework, acknowledge);
    scheduler.#ended = scheduler.driver.run(scheduler.#stopping.signal).catch((error: unknown) => error);
    await scheduler.subscribed(1);
    return scheduler;
  }

  get id(): string {
    return this.driver.frameworkId ?? '';
  }

  /** Waits for the `times`-th subscription. */
  async subscribed(times: number): Promise<void> {
    await eventually(`subscribed ${times} times`, () => this.#subscriptions >= times);
  }

  /** An offer, of that agent if one is named, with those resources. */
  async offer(wanted: { agent?: string; cpus?: number; demand?: Resource[] } = {}): Promise<Offer> {
    const demand = wanted.demand ?? resources({ cpus: wanted.cpus ?? 0.01 });
    this.#wanted = (offer) => (wanted.agent ?? offer.agent_id.value) === offer.agent_id.value && fits(offer, demand);
    await this.driver.revive();
    return eventually('there is an offer', () => this.#offers.shift());
  }

  /** Launches a task, 0.1 cores and 32 MB where it does not say otherwise. Its id is its name. */
  async launch(draft: TaskDraft, wanted?: { agent?: string; cpus?: number; demand?: Resource[] }): Promise<void> {
    const offer = await this.offer(wanted);
    const task = {
      task_id: { value: draft.name },
      agent_id: offer.agent_id,
      resources: resources({ cpus: 0.1, mem: 32 }),
      ...draft,
    };
    await this.driver.launch([offer], [task], { refuse_seconds: 0 });
  }

  /** Launches a pod of that id, or a further group of it: 0.1 cores and 32 MB for each task, and for itself, where they do not say otherwise. */
  async launchPod(id: string, drafts: TaskDraft[], change: Partial<ExecutorInfo> = {}, agent?: string): Promise<void> {
    const offer = await this.offer(agent === undefined ? {} : { agent });
    const executor: ExecutorInfo = {
      type: 'DEFAULT',
      executor_id: { value: id },
      framework_id: { value: this.id },
      resources: resources({ cpus: 0.1, mem: 32, disk: 10 }),
      ...change,
    };
    const tasks = drafts.map((draft) => ({
      task_id: { value: draft.name },
      agent_id: offer.agent_id,
      resources: resources({ cpus: 0.1, mem: 32 }),
      ...draft,
    }));
    await this.driver.launchGroup([offer], executor, tasks, { refuse_seconds: 0 });
  }

  /** Takes the one that is waited for and lets the master have the others for other frameworks. */
  async #receive(offers: Offer[]): Promise<void> {
    const taken = this.#wanted && offers.find(this.#wanted);
    if (taken !== undefined) {
      this.#wanted = undefined;
      this.#offers.push(taken);
    }
    const others = offers.filter((offer) => offer !== taken);
    if (others.length > 0) await this.driver.decline(others, { refuse_seconds: 0 });
    if (this.#wanted === undefined) await this.driver.suppress();
  }

  /** The first update of that task in that state. */
  update(task: string, state: TaskState): Promise<TaskStatus> {
    return eventually(`${task} becomes ${state}`, () => {
      const found = this.updates.find((status) => status.task_id.value === task && status.state === state);
      if (found === undefined) throw new Error(`It has had: ${this.statesOf(task).join(', ')}`);
      return found;
    });
  }

  /** The states that a task has had, in order, each once. */
  statesOf(task: string): TaskState[] {
    const states = this.updates.filter((status) => status.task_id.value === task).map(({ state }) => state);
    return states.filter((state, index) => states.indexOf(state) === index);
  }

  /** Ends the framework and with it its tasks. */
  async close(): Promise<void> {
    await this.driver.teardown().catch(() => undefined);
    this.#stopping.abort();
    await this.#ended;
  }
}
