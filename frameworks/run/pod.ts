import { demandLabels } from '../../protocol/demand-labels.ts';
import type { ExecutorInfo, Offer, Resource, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { normalize } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { fits, SchedulerDriver } from '../../scheduler/index.ts';
import { exitCodeOf } from './run.ts';

/** Tasks that run together, but for the agent, which an offer brings. */
export interface PodDraft {
  executor: Omit<ExecutorInfo, 'framework_id'>;
  tasks: Omit<TaskInfo, 'agent_id'>[];
}

export interface PodRunOptions {
  master: string;
  role: string;
  pod: PodDraft;
  /** Aborting kills the tasks; the run goes on until they are dead. */
  signal: AbortSignal;
  /** Seconds between SIGTERM and SIGKILL when they are killed; the agent's own when undefined. */
  grace: number | undefined;
  /** What is happening, for people. */
  progress(sentence: string): void;
  /** A task runs; where. */
  started(task: string, at: { agentId: string; frameworkId: string }): void;
}

export interface PodResult {
  /** 0 when all tasks finished; else that of the task that ended the group. */
  exitCode: number;
  /** The last update of each task, by its id. */
  statuses: ReadonlyMap<string, TaskStatus>;
}

/** Runs a group of tasks to its end: a framework of one pod. */
export function runPod(options: PodRunOptions): Promise<PodResult> {
  return new OnePod(options).result();
}

class OnePod {
  readonly #options: PodRunOptions;
  readonly #scheduler: SchedulerDriver;
  readonly #demand: Resource[];
  readonly #statuses = new Map<string, TaskStatus>();
  #agentId: string | undefined;
  #exitCode = 0;
  #toldSmall = false;

  constructor(options: PodRunOptions) {
    this.#options = options;
    const { executor, tasks } = options.pod;
    this.#demand = normalize([executor, ...tasks].flatMap(({ resources }) => resources ?? []));
    this.#scheduler = new SchedulerDriver({
      master: options.master,
      framework: {
        user: 'root',
        name: `run ${executor.executor_id.value}`,
        role: options.role,
        // Long enough for a break of the connection, short enough not to leave anything running for nobody.
        failover_timeout: 30,
        capabilities: [{ type: 'TASK_KILLING_STATE' }],
        labels: demandLabels(executor.executor_id.value, this.#demand),
      },
      handlers: {
        subscribed: () => this.#subscribed(),
        offers: (offers) => this.#offers(offers),
        update: (status) => this.#update(status),
        disconnected: (reason) => options.progress(`Lost the master (${reason}); connecting again`),
      },
    });
  }

  async result(): Promise<PodResult> {
    const { signal } = this.#options;
    const kill = () => void this.#kill();
    signal.addEventListener('abort', kill);
    try {
      await this.#scheduler.run();
    } finally {
      signal.removeEventListener('abort', kill);
    }
    const exitCode = this.#agentId === undefined ? exitCodeOf('TASK_KILLED', undefined) : this.#exitCode;
    return { exitCode, statuses: this.#statuses };
  }

  async #subscribed(): Promise<void> {
    if (this.#options.signal.aborted) await this.#kill();
    // Updates that were sent while the connection was broken.
    else if (this.#agentId !== undefined)
      await this.#scheduler.reconcile(this.#options.pod.tasks.map(({ task_id }) => ({ task_id })));
  }

  async #offers(offers: Offer[]): Promise<void> {
    const fitting = this.#agentId === undefined ? offers.find((offer) => fits(offer, this.#demand)) : undefined;
    const others = offers.filter((offer) => offer !== fitting);
    if (others.length > 0) await this.#scheduler.decline(others, { refuse_seconds: 1 });
    if (fitting === undefined) return this.#tellSmall(others[0]);
    const { executor, tasks } = this.#options.pod;
    const { agent_id, hostname } = fitting;
    this.#agentId = agent_id.value;
    this.#options.progress(`${tasks.length} tasks go to ${hostname} (${agent_id.value})`);
    const framework_id = { value: this.#scheduler.frameworkId ?? '' };
    const located = tasks.map((task) => ({ ...task, agent_id }));
    await this.#scheduler.launchGroup([fitting], { ...executor, framework_id }, located);
    await this.#scheduler.suppress();
  }

  async #update(status: TaskStatus): Promise<void> {
    const id = status.task_id.value;
    const before = this.#statuses.get(id);
    this.#statuses.set(id, status);
    const { progress, started, pod } = this.#options;
    if (!isTerminal(status.state)) {
      if (status.message !== undefined && status.reason !== 'REASON_RECONCILIATION') progress(status.message);
      if (status.state === 'TASK_RUNNING' && before?.state !== 'TASK_RUNNING' && this.#agentId !== undefined)
        started(id, { agentId: this.#agentId, frameworkId: this.#scheduler.frameworkId ?? '' });
      return;
    }
    // Who ended the group is told first; the others are killed for it.
    if (this.#exitCode === 0) this.#exitCode = exitCodeOf(status.state, status);
    if (status.state !== 'TASK_FINISHED') progress(`${id}: ${status.state}: ${status.message ?? ''}`);
    await this.#scheduler.acknowledge(status);
    const over = pod.tasks.every(({ task_id }) =>
      isTerminal(this.#statuses.get(task_id.value)?.state ?? 'TASK_STAGING'),
    );
    if (over) await this.#scheduler.teardown();
  }

  async #kill(): Promise<void> {
    const { pod, grace } = this.#options;
    if (this.#agentId === undefined) {
      // Nothing runs: leaving is enough.
      await this.#scheduler.teardown().catch(() => this.#scheduler.stop());
      return;
    }
    const policy = grace === undefined ? undefined : { grace_period: { nanoseconds: Math.round(grace * 1e9) } };
    for (const { task_id } of pod.tasks)
      await this.#scheduler.kill(task_id.value, this.#agentId, policy).catch(() => undefined);
  }

  #tellSmall(offer: Offer | undefined): void {
    if (this.#agentId !== undefined || this.#toldSmall || offer === undefined) return;
    this.#toldSmall = true;
    const offered = formatResources(normalize(offer.resources ?? []));
    this.#options.progress(`Waiting for an agent with ${formatResources(this.#demand)}: an offer had ${offered}`);
  }
}
