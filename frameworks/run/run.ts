import { demandLabels } from '../../protocol/demand-labels.ts';
import type { Offer, Resource, TaskInfo, TaskState, TaskStatus } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { normalize } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { fits, SchedulerDriver, type TaskLocation } from '../../scheduler/index.ts';

export interface RunOptions {
  master: string;
  role: string;
  /** The task but for its agent, which an offer brings. */
  task: Omit<TaskInfo, 'agent_id'>;
  /** Aborting kills the task; the run goes on until it is dead. */
  signal: AbortSignal;
  /** Seconds between SIGTERM and SIGKILL when it is killed; the agent's own when undefined. */
  grace: number | undefined;
  /** What is happening, for people. */
  progress(sentence: string): void;
  started(location: TaskLocation): void;
}

export interface RunResult {
  state: TaskState;
  /** The task's own exit code, 128 + n after signal n, 1 when it never ran. */
  exitCode: number;
  message: string;
  location: TaskLocation | undefined;
}

// How long offers are too small before it is said.
const patienceMs = 4_000;

/** Runs one task to its end: a framework of one task. */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const run = new OneTask(options);
  return run.result();
}

class OneTask {
  readonly #options: RunOptions;
  readonly #scheduler: SchedulerDriver;
  readonly #demand: Resource[];
  #location: TaskLocation | undefined;
  #last: TaskStatus | undefined;
  #best: Offer | undefined;
  #toldWaiting = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#demand = normalize(options.task.resources ?? []);
    this.#scheduler = new SchedulerDriver({
      master: options.master,
      framework: {
        user: 'root',
        name: `run ${options.task.name}`,
        role: options.role,
        // Long enough for a break of the connection, short enough not to leave anything running for nobody.
        failover_timeout: 30,
        capabilities: [{ type: 'TASK_KILLING_STATE' }],
        labels: demandLabels(options.task.task_id.value, this.#demand),
      },
      handlers: {
        subscribed: () => this.#subscribed(),
        offers: (offers) => this.#offers(offers),
        update: (status) => this.#update(status),
        disconnected: (reason) => options.progress(`Lost the master (${reason}); connecting again`),
      },
    });
  }

  async result(): Promise<RunResult> {
    const { signal } = this.#options;
    const kill = () => void this.#kill();
    signal.addEventListener('abort', kill);
    const patience = setTimeout(() => this.#tellWaiting(), patienceMs);
    try {
      await this.#scheduler.run();
    } finally {
      clearTimeout(patience);
      signal.removeEventListener('abort', kill);
    }
    const state = this.#last?.state ?? 'TASK_KILLED';
    const message = this.#last?.message ?? 'The task was not launched';
    return { state, exitCode: exitCodeOf(state, this.#last), message, location: this.#location };
  }

  async #subscribed(): Promise<void> {
    if (this.#options.signal.aborted) await this.#kill();
    // Updates that were sent while the connection was broken.
    else if (this.#location !== undefined) await this.#scheduler.reconcile([{ task_id: this.#options.task.task_id }]);
  }

  async #offers(offers: Offer[]): Promise<void> {
    const fitting = this.#location === undefined ? offers.find((offer) => fits(offer, this.#demand)) : undefined;
    const others = offers.filter((offer) => offer !== fitting);
    if (fitting === undefined) this.#best ??= offers[0];
    if (others.length > 0) await this.#scheduler.decline(others, { refuse_seconds: 1 });
    if (fitting === undefined) return;
    const { task } = this.#options;
    this.#location = {
      agentId: fitting.agent_id.value,
      frameworkId: this.#scheduler.frameworkId ?? '',
      taskId: task.task_id.value,
    };
    this.#options.progress(`Task ${task.task_id.value} goes to ${fitting.hostname} (${fitting.agent_id.value})`);
    await this.#scheduler.launch([fitting], [{ ...task, agent_id: fitting.agent_id }]);
    await this.#scheduler.suppress();
  }

  async #update(status: TaskStatus): Promise<void> {
    if (status.task_id.value !== this.#options.task.task_id.value) return;
    const changed = this.#last?.state !== status.state;
    this.#last = status;
    if (!isTerminal(status.state)) {
      if (status.message !== undefined && status.reason !== 'REASON_RECONCILIATION')
        this.#options.progress(status.message);
      if (status.state === 'TASK_RUNNING' && changed && this.#location !== undefined)
        this.#options.started(this.#location);
      return;
    }
    await this.#scheduler.acknowledge(status);
    await this.#scheduler.teardown();
  }

  async #kill(): Promise<void> {
    const { task, grace } = this.#options;
    if (this.#location === undefined) {
      // Nothing runs: leaving is enough.
      await this.#scheduler.teardown().catch(() => this.#scheduler.stop());
      return;
    }
    const policy = grace === undefined ? undefined : { grace_period: { nanoseconds: Math.round(grace * 1e9) } };
    await this.#scheduler.kill(task.task_id.value, this.#location.agentId, policy).catch(() => undefined);
  }

  #tellWaiting(): void {
    if (this.#location !== undefined || this.#toldWaiting) return;
    this.#toldWaiting = true;
    const wanted = formatResources(this.#demand);
    const offered =
      this.#best === undefined
        ? 'no agent offers anything'
        : `an offer had ${formatResources(normalize(this.#best.resources ?? []))}`;
    this.#options.progress(
      `Still waiting for an agent with ${wanted}: ${offered}. \`mesita why ${this.#options.task.task_id.value}\` says what is in the way`,
    );
  }
}

/** A task's own exit code, 128 + n after signal n; of one that never ran 1, or 143 when it was killed. */
export function exitCodeOf(state: TaskState, status: TaskStatus | undefined): number {
  if (state === 'TASK_FINISHED') return 0;
  const exited = /exited with status (\d+)/.exec(status?.message ?? '');
  if (exited !== null) return Number(exited[1]) || 1;
  if (status?.reason === 'REASON_CONTAINER_LIMITATION_MEMORY') return 137;
  if (status?.message?.includes('signal Killed') === true) return 137;
  return state === 'TASK_KILLED' ? 143 : 1;
}
