import { describeError } from '../protocol/errors.ts';
import type { FrameworkInfo, KillPolicy, TaskInfo } from '../protocol/messages.ts';
import { hasCapability } from '../protocol/task-state.ts';
import { type Clock, sleep, systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { ownFileLocksLimit, procFiles } from '../runtime/proc-files.ts';
import { ProcessTable } from '../runtime/process-table.ts';
import { TreeEnder } from '../runtime/tree-ender.ts';
import { ExecutorDriver } from './driver.ts';
import type { ExecutorEnvironment } from './environment.ts';
import type { ExecutorHandlers } from './handlers.ts';
import { ProcessTask, type TaskSurroundings } from './process-task.ts';
import { ProcessMeter } from './process-usage.ts';
import { findMarkingShell, type MarkingShell } from './task-command.ts';
import { TaskFetcher } from './task-fetcher.ts';
import { UsageFile } from './usage-file.ts';

export interface ProcessExecutorOptions {
  environment: ExecutorEnvironment;
  /** What tasks inherit. */
  variables: Readonly<Record<string, string | undefined>>;
  log: Log;
  /** Seconds. */
  usageInterval: number;
  /** Seconds without a task after which it ends; undefined: never. */
  idleTimeout?: number | undefined;
  clock?: Clock;
  random?: () => number;
  shell?: MarkingShell;
}

/** Seconds; as Mesos' executors. */
const killGrace = 3;
/** Of the shutdown's grace period, kept for the last updates: seconds. */
const farewell = 2;
/** Measuring may take this share of a core, as long as that does not put it off for too long (milliseconds). */
const measuring = { share: 0.01, longestPause: 10_000 };
/** Marks are numbers, which limits have to be. */
const marks = { least: 2 ** 20, most: 2 ** 52 };

/** The executor that runs each task's command as a process beside itself. */
export class ProcessExecutor {
  readonly #options: ProcessExecutorOptions;
  readonly #clock: Clock;
  readonly #driver: ExecutorDriver;
  readonly #tasks = new Map<string, ProcessTask>();
  readonly #meter: ProcessMeter;
  readonly #ender: TreeEnder;
  readonly #usageFile: UsageFile;
  readonly #fetcher: TaskFetcher;
  readonly #surroundings: TaskSurroundings;
  readonly #over = new AbortController();
  #framework: FrameworkInfo | undefined;
  #cancelIdle: () => void = () => undefined;

  constructor(options: ProcessExecutorOptions) {
    const { environment, variables, clock = systemClock, random = Math.random } = options;
    this.#options = options;
    this.#clock = clock;
    this.#driver = new ExecutorDriver({ environment, clock, random, handlers: this.#handlers() });
    const table = new ProcessTable(procFiles);
    const most = Math.min(marks.most, (ownFileLocksLimit() ?? marks.most) - 1);
    this.#meter = new ProcessMeter(table);
    this.#ender = new TreeEnder({ table, clock, signal: send });
    this.#usageFile = new UsageFile(environment.sandbox);
    this.#fetcher = new TaskFetcher(environment.sandbox);
    this.#surroundings = {
      clock,
      table,
      ender: this.#ender,
      shell: options.shell ?? findMarkingShell(),
      sandbox: environment.sandbox,
      environment: variables,
      fetcher: this.#fetcher,
      newMark: () => String(marks.least + Math.floor(random() * (most - marks.least))),
      update: (task, state, details) => void this.#driver.update(task, state, details),
      unhealthy: (task) => {
        this.#options.log.warn({ task: task.info.task_id.value }, 'unhealthy');
        task.kill(this.#graceOf(task, undefined), this.#announces(), { healthy: false });
      },
    };
  }

  /** Runs tasks until SHUTDOWN, the signal, or the idle timeout; throws what the driver's `run` throws. No process of a task is left then. */
  async run(signal?: AbortSignal): Promise<void> {
    const measuring = this.#keepMeasuring();
    try {
      await this.#driver.run(signal);
    } finally {
      this.#cancelIdle();
      await Promise.all([...this.#tasks.values()].map(({ mark }) => this.#ender.end(mark)));
      this.#over.abort();
      await measuring;
      await this.#fetcher.close();
    }
  }

  #handlers(): ExecutorHandlers {
    const { log } = this.#options;
    return {
      subscribed: ({ framework_info }) => {
        this.#framework = framework_info;
        this.#watchIdleness();
      },
      launch: async (task) => void (await this.#run(task)),
      launchGroup: (group) => this.#runGroup(group.tasks ?? []),
      kill: (id, policy) => this.#kill(id, policy),
      shutdown: async (grace) => {
        const running = [...this.#tasks.keys()];
        log.info({ tasks: running.length }, 'shutting down');
        for (const id of running) this.#kill(id, undefined, Math.max(0, grace - farewell));
      },
      error: (message) => log.error({ message }, 'the agent reports an error'),
      disconnected: (reason) => log.warn({ reason }, 'disconnected from the agent'),
      failed: (error) => log.error({ error: describeError(error) }, 'an update was refused, or a handler failed'),
    };
  }

  async #run(info: TaskInfo): Promise<ReturnType<ProcessTask['run']>> {
    const id = info.task_id.value;
    const task = new ProcessTask(info, this.#surroundings);
    this.#tasks.set(id, task);
    this.#watchIdleness();
    this.#options.log.info({ task: id }, 'launching');
    try {
      const state = await task.run();
      this.#options.log.info({ task: id, state }, 'ended');
      this.#usageFile.ended(task, state);
      return state;
    } finally {
      this.#tasks.delete(id);
      this.#watchIdleness();
    }
  }

  /** One that does not finish takes the others with it. */
  async #runGroup(group: TaskInfo[]): Promise<void> {
    const ids = group.map(({ task_id }) => task_id.value);
    await Promise.all(
      group.map(async (info) => {
        if ((await this.#run(info)) === 'TASK_FINISHED') return;
        for (const id of ids) this.#kill(id, undefined);
      }),
    );
  }

  #kill(id: string, policy: KillPolicy | undefined, graceSeconds?: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.kill(graceSeconds ?? this.#graceOf(task, policy), this.#announces());
  }

  /** Seconds. */
  #graceOf({ info }: ProcessTask, policy: KillPolicy | undefined): number {
    const nanoseconds = (policy?.grace_period ?? info.kill_policy?.grace_period)?.nanoseconds;
    return nanoseconds === undefined ? killGrace : Number(nanoseconds) / 1e9;
  }

  #announces(): boolean {
    return this.#framework !== undefined && hasCapability(this.#framework, 'TASK_KILLING_STATE');
  }

  #watchIdleness(): void {
    this.#cancelIdle();
    const { idleTimeout } = this.#options;
    if (idleTimeout === undefined || this.#tasks.size > 0) return;
    this.#cancelIdle = this.#clock.after(idleTimeout * 1000, () => this.#driver.stop());
  }

  async #keepMeasuring(): Promise<void> {
    const { usageInterval, log } = this.#options;
    // The least of the last few: other things that happen meanwhile cost, too.
    let costs = [0, 0, 0];
    while (!this.#over.signal.aborted) {
      const pause = Math.min(measuring.longestPause, Math.min(...costs) / measuring.share);
      await sleep(this.#clock, Math.max(usageInterval * 1000, pause), this.#over.signal);
      const before = process.cpuUsage();
      await this.#measure().catch((error: unknown) => log.warn({ error: describeError(error) }, 'measuring failed'));
      const { user, system } = process.cpuUsage(before);
      costs = [...costs.slice(1), (user + system) / 1000];
    }
  }

  async #measure(): Promise<void> {
    const now = this.#clock.now();
    if (this.#tasks.size > 0) {
      const usage = await this.#meter.measure(now);
      for (const task of this.#tasks.values()) task.measured(usage.get(task.mark) ?? [], now / 1000);
    }
    this.#usageFile.write(this.#tasks.values(), now / 1000);
  }
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself, or is somebody else's by now.
  }
}
