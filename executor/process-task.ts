import { spawn } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../protocol/errors.ts';
import type { CheckStatusInfo, TaskInfo, TaskState } from '../protocol/messages.ts';
import { startChecks } from '../runtime/checks/task-checks.ts';
import { emptyCheckStatus } from '../runtime/checks/verdict.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { ProcessTable } from '../runtime/process-table.ts';
import type { TreeEnder } from '../runtime/tree-ender.ts';
import type { UpdateDetails } from './driver.ts';
import { describeExit, type Exit } from './exit-message.ts';
import { memoryExcess, memoryLimit } from './memory-limit.ts';
import {
  type Account,
  commandOf,
  environmentOf,
  findAccount,
  type MarkingShell,
  marked,
  programOf,
  unsupported,
} from './task-command.ts';
import type { TaskFetcher } from './task-fetcher.ts';
import { taskProbe } from './task-probe.ts';
import { type ProcessUsage, TaskUsage } from './task-usage.ts';

/** What tasks share. */
export interface TaskSurroundings {
  clock: Clock;
  table: ProcessTable;
  ender: TreeEnder;
  shell: MarkingShell;
  /** The executor's sandbox. */
  sandbox: string;
  environment: Readonly<Record<string, string | undefined>>;
  newMark(): string;
  update(task: TaskInfo, state: TaskState, details?: UpdateDetails): void;
  fetcher: Pick<TaskFetcher, 'fetch'>;
  /** Its health check has failed too often in a row: it is to be killed. */
  unhealthy(task: ProcessTask): void;
}

/** Why a task was ended by us: what its terminal update will say. */
interface Ending extends UpdateDetails {
  state: 'TASK_KILLED' | 'TASK_FAILED';
}

/**
 * One task: a process in a session of its own, and all that it starts.
 *
 *     launch → [STARTING, its URIs] → RUNNING → (main process exits) → what is left of the tree is killed → terminal update
 *                 ├ news of its checks: RUNNING again
 *                 └ end: [KILLING] SIGTERM to the tree → grace → SIGKILL ─┘
 *
 * No TASK_STARTING without URIs: nothing is waited for in between, and TASK_RUNNING would have to wait for the framework's acknowledgement of it.
 *
 * INVARIANTS
 * - The terminal update is made when no process of the task is left.
 * - The first reason to end a task is the one that is told; a later one only changes the grace period.
 */
export class ProcessTask {
  readonly info: TaskInfo;
  readonly mark: string;
  readonly usage = new TaskUsage();
  readonly memoryLimit: number | undefined;
  readonly directory: string;
  readonly #at: TaskSurroundings;
  /** Aborted when there is nothing left to wait for. */
  readonly #over = new AbortController();
  readonly #fetching = new AbortController();
  readonly #forced = Promise.withResolvers<void>();
  #ending: Ending | undefined;
  #healthy: boolean | undefined;
  #checkStatus: CheckStatusInfo | undefined;
  #stopChecks: () => void = () => undefined;
  /** It came to its end by itself: no reason to end it counts any more. */
  #ended = false;
  #endingSince = 0;
  #cancelDeadline: () => void = () => undefined;

  constructor(info: TaskInfo, surroundings: TaskSurroundings) {
    this.info = info;
    this.#at = surroundings;
    this.mark = surroundings.newMark();
    this.memoryLimit = memoryLimit(info);
    this.directory = join(surroundings.sandbox, 'tasks', info.task_id.value);
  }

  /** From launch to terminal update, which is returned. */
  async run(): Promise<TaskState> {
    const { ender, table } = this.#at;
    const obstacle = unsupported(this.info);
    if (obstacle !== undefined) return this.#tell('TASK_FAILED', { message: obstacle });
    const problem = await this.#fetch();
    if (this.#ending !== undefined || problem !== undefined) return this.#neverRan(problem);
    const started = this.#start();
    if ('error' in started) return this.#tell('TASK_FAILED', { message: await started.error });
    table.register(this.mark, started.pid);
    this.#tell('TASK_RUNNING');
    this.#limitTime();
    this.#startChecks();
    const exit = await started.exit;
    this.#stopChecks();
    // A shell dies of the first signal; what it has started may use its grace period.
    if (this.#ending === undefined) this.#ended = true;
    else await Promise.race([ender.gone(this.mark), this.#forced.promise]);
    await ender.end(this.mark);
    this.#cancelDeadline();
    this.#ended = true;
    this.#over.abort();
    table.forget(this.mark);
    const { state, ...details } = this.#outcome(exit);
    return this.#tell(state, details);
  }

  /** What is wrong with the task's URIs. A kill gives up. */
  async #fetch(): Promise<string | undefined> {
    const { uris = [], user } = commandOf(this.info) ?? {};
    if (uris.length === 0) return undefined;
    this.#tell('TASK_STARTING');
    const account = accountOf(user);
    if (account !== undefined && 'error' in account) return account.error;
    const { directory } = this;
    try {
      mkdirSync(directory, { recursive: true });
      await this.#at.fetcher.fetch(uris, { directory, owner: account }, this.#fetching.signal);
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }

  #neverRan(problem: string | undefined): TaskState {
    this.#ended = true;
    this.#cancelDeadline();
    this.#over.abort();
    if (this.#ending === undefined)
      return this.#tell('TASK_FAILED', { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: problem ?? '' });
    const { state, ...details } = this.#ending;
    return this.#tell(state, { message: 'The command was never run', ...details });
  }

  /** KILL: SIGTERM, and SIGKILL after the grace period (seconds). `why`: what its updates say besides. */
  kill(graceSeconds: number, announce: boolean, why: { healthy?: false } = {}): void {
    if (announce && this.#ending === undefined && !this.#ended) this.#tell('TASK_KILLING', why);
    this.#end({ state: 'TASK_KILLED', ...why }, graceSeconds);
  }

  /** Takes down what the processes use, and ends the task when that is too much. `at`: seconds. */
  measured(processes: readonly ProcessUsage[], at: number): void {
    this.usage.look(processes, at);
    const excess = memoryExcess(this.memoryLimit, this.usage);
    if (excess === undefined) return;
    this.#end({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY', ...excess }, 0);
  }

  #tell(state: TaskState, details: UpdateDetails = {}): TaskState {
    const { check } = this.info;
    const said = check === undefined ? details : { check_status: emptyCheckStatus(check.type), ...details };
    this.#at.update(this.info, state, said);
    return state;
  }

  #startChecks(): void {
    const { info, mark } = this;
    const { clock, shell, environment } = this.#at;
    const account = accountOf(commandOf(info)?.user);
    if (account !== undefined && 'error' in account) return;
    const { directory } = this;
    const place = {
      directory,
      mark,
      shell,
      account,
      environment: environmentOf(info, environment, { directory, mark }),
    };
    this.#stopChecks = startChecks(info, {
      clock,
      probe: (target) => taskProbe(target, place),
      healthChanged: ({ healthy, kill }) => {
        this.#healthy = healthy;
        this.#tellNews('REASON_TASK_HEALTH_CHECK_STATUS_UPDATED');
        if (kill) this.#at.unhealthy(this);
      },
      statusChanged: (status) => {
        this.#checkStatus = status;
        this.#tellNews('REASON_TASK_CHECK_STATUS_UPDATED');
      },
    });
  }

  #tellNews(reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' | 'REASON_TASK_CHECK_STATUS_UPDATED'): void {
    if (this.#ending !== undefined || this.#ended) return;
    this.#tell('TASK_RUNNING', {
      reason,
      ...(this.#healthy !== undefined && { healthy: this.#healthy }),
      ...(this.#checkStatus && { check_status: this.#checkStatus }),
    });
  }

  #end(ending: Ending, graceSeconds: number): void {
    if (this.#ended) return;
    const { clock, ender } = this.#at;
    if (this.#ending === undefined) {
      this.#ending = ending;
      this.#fetching.abort();
      this.#stopChecks();
      this.#endingSince = clock.now();
      ender.ask(this.mark);
    }
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(this.#endingSince + graceSeconds * 1000 - clock.now(), () => {
      this.#forced.resolve();
      void ender.end(this.mark);
    });
  }

  #limitTime(): void {
    const { clock } = this.#at;
    const nanoseconds = this.info.max_completion_time?.nanoseconds;
    if (nanoseconds === undefined) return;
    void sleep(clock, Number(nanoseconds) / 1e6, this.#over.signal).then(() =>
      this.#end({ state: 'TASK_FAILED', reason: 'REASON_MAX_COMPLETION_TIME_REACHED' }, 0),
    );
  }

  #outcome(exit: Exit): Ending | { state: 'TASK_FINISHED' | 'TASK_FAILED'; message: string } {
    const message = describeExit(exit);
    if (this.#ending !== undefined) return { message, ...this.#ending };
    return { state: exit.code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', message };
  }

  #start(): { pid: number; exit: Promise<Exit> } | { error: string | Promise<string> } {
    const { environment, shell } = this.#at;
    const command = commandOf(this.info) ?? {};
    const account = accountOf(command.user);
    if (account !== undefined && 'error' in account) return account;
    const { file, name, args } = marked(programOf(command), this.mark, shell);
    const outputs: number[] = [];
    try {
      mkdirSync(this.directory, { recursive: true });
      for (const output of ['stdout', 'stderr']) outputs.push(openSync(join(this.directory, output), 'a'));
      if (account !== undefined) {
        for (const path of ['', 'stdout', 'stderr']) chownSync(join(this.directory, path), account.uid, account.gid);
      }
      const child = spawn(file, args, {
        argv0: name,
        cwd: this.directory,
        env: environmentOf(this.info, environment, { directory: this.directory, mark: this.mark }),
        stdio: ['ignore', ...outputs],
        // setsid
        detached: true,
        ...account,
      });
      const { promise: exit, resolve } = Promise.withResolvers<Exit>();
      child.once('exit', (code, signal) => resolve({ code, signal }));
      const { promise: failure, resolve: fail } = Promise.withResolvers<string>();
      child.once('error', (error) => fail(`Failed to run the command: ${describeError(error)}`));
      return child.pid === undefined ? { error: failure } : { pid: child.pid, exit };
    } catch (error) {
      return { error: `Failed to run the command: ${describeError(error)}` };
    } finally {
      for (const output of outputs) closeSync(output);
    }
  }
}

function accountOf(user: string | undefined): Account | { error: string } | undefined {
  if (user === undefined) return undefined;
  const account = findAccount(user);
  if (account === undefined) return { error: `No user ${user} in the executor's container` };
  const own = process.getuid?.();
  if (account.uid === own) return undefined;
  if (own === 0) return account;
  return { error: `The executor is not root, so it cannot run a command as ${user}` };
}
