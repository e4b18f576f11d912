import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ProcessExecutor, type ProcessExecutorOptions } from '../../executor/process-executor.ts';
import type { CommandInfo, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import { silentLog } from '../../runtime/log.ts';
import { commandTask } from './executor-room.ts';
import { ScriptedAgent } from './scripted-agent.ts';
import { until } from './virtual-clock.ts';

/** An executor of processes on a scripted agent. What its tasks leave behind is killed when the test is over, whatever became of it. */
export class TaskRoom {
  readonly directory: string;
  readonly agent: ScriptedAgent;
  readonly end: Promise<Error | undefined>;
  readonly stop = new AbortController();

  private constructor(directory: string, agent: ScriptedAgent, end: Promise<Error | undefined>) {
    this.directory = directory;
    this.agent = agent;
    this.end = end;
  }

  static async open(
    t: TestContext,
    options: Partial<ProcessExecutorOptions> & { shutdownGrace?: number; capabilities?: 'TASK_KILLING_STATE'[] } = {},
  ): Promise<TaskRoom> {
    const { shutdownGrace = 5, capabilities = [], ...rest } = options;
    const directory = mkdtempSync(join(tmpdir(), 'mesita-processes-'));
    const agent = await ScriptedAgent.open(t);
    agent.capabilities = capabilities;
    const environment = agent.environment({ sandbox: directory, shutdownGrace, recovery: undefined });
    const variables = { PATH: process.env.PATH, INHERITED: 'yes', MESOS_EXECUTOR_AUTHENTICATION_TOKEN: 'secret' };
    const executor = new ProcessExecutor({ environment, variables, log: silentLog, usageInterval: 0.05, ...rest });
    const stop = new AbortController();
    const end = executor.run(stop.signal).then(
      () => undefined,
      (error: Error) => error,
    );
    const room = new TaskRoom(directory, agent, end);
    t.after(async () => {
      stop.abort();
      agent.cut();
      await end;
      for (const pid of room.survivors()) process.kill(pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    });
    await until('it is subscribed', () => agent.subscribed);
    return room;
  }

  run(id: string, command: string | CommandInfo, changes: Partial<TaskInfo> = {}): void {
    this.agent.launch(commandTask(id, command, changes));
  }

  /** Runs it to its end. */
  async outcome(id: string, command: string | CommandInfo, changes: Partial<TaskInfo> = {}): Promise<TaskStatus> {
    this.run(id, command, changes);
    return this.last(id);
  }

  /** The terminal update. */
  async last(id: string): Promise<TaskStatus> {
    const over = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED', 'TASK_ERROR'];
    const find = () => this.agent.statuses(id).find(({ state }) => over.includes(state));
    await until(`${id} is over`, () => find() !== undefined);
    return find() as TaskStatus;
  }

  kill(id: string, graceSeconds?: number): void {
    const kill_policy =
      graceSeconds === undefined ? {} : { kill_policy: { grace_period: { nanoseconds: graceSeconds * 1e9 } } };
    this.agent.send({ type: 'KILL', kill: { task_id: { value: id }, ...kill_policy } });
  }

  output(id: string, file = 'stdout'): string {
    try {
      return readFileSync(join(this.directory, 'tasks', id, file), 'utf8');
    } catch {
      return '';
    }
  }

  /** Waits until the task has written so many lines. */
  async lines(id: string, count: number): Promise<string[]> {
    const read = () => this.output(id).split('\n').slice(0, -1);
    await until(`${id} has written ${count} lines`, () => read().length >= count);
    return read();
  }

  /** Processes that carry a sign of this room: in their environment, working directory or open files. Told otherwise than the executor tells. */
  survivors(extra: readonly number[] = []): number[] {
    return readdirSync('/proc').flatMap((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid || !isAlive(pid)) return [];
      return extra.includes(pid) || signsOf(pid).includes(this.directory) ? [pid] : [];
    });
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function signsOf(pid: number): string {
  return ['environ', 'cmdline']
    .map((file) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\0');
}
