import type { TestContext } from 'node:test';
import {
  ExecutorDriver,
  type ExecutorEnvironment,
  type ExecutorHandlers,
  type ExecutorOptions,
} from '../../executor/index.ts';
import type { CommandInfo, TaskInfo } from '../../protocol/messages.ts';
import type { ScriptedAgent } from './scripted-agent.ts';
import { until } from './virtual-clock.ts';

export function taskInfo(id: string, changes: Partial<TaskInfo> = {}): TaskInfo {
  return { name: id, task_id: { value: id }, agent_id: { value: 'A' }, ...changes };
}

export function commandTask(id: string, command: string | CommandInfo, changes: Partial<TaskInfo> = {}): TaskInfo {
  return taskInfo(id, { command: typeof command === 'string' ? { value: command } : command, ...changes });
}

export interface DriverRun {
  driver: ExecutorDriver;
  /** The error that `run` ended with, if it did. */
  end: Promise<(Error & { code?: string }) | undefined>;
  over: () => boolean;
}

/** A driver that runs until the test is over. */
export function runDriver(
  t: TestContext,
  agent: ScriptedAgent,
  handlers: ExecutorHandlers = {},
  options: Partial<ExecutorOptions> & { at?: Partial<ExecutorEnvironment> } = {},
): DriverRun {
  const { at, ...rest } = options;
  const environment = agent.environment(at);
  const driver = new ExecutorDriver({ handlers, environment, random: () => 0, ...rest });
  const stop = new AbortController();
  let over = false;
  const end = driver
    .run(stop.signal)
    .then(
      () => undefined,
      (error: Error & { code?: string }) => error,
    )
    .finally(() => {
      over = true;
    });
  t.after(async () => {
    agent.fault = () => undefined;
    driver.stop();
    stop.abort();
    agent.cut();
    await end;
  });
  return { driver, end, over: () => over };
}

/** The same, once it knows that it is subscribed. */
export async function subscribedDriver(
  t: TestContext,
  agent: ScriptedAgent,
  handlers: ExecutorHandlers = {},
  options: Parameters<typeof runDriver>[3] = {},
): Promise<DriverRun> {
  let yes = false;
  const noted: ExecutorHandlers = {
    ...handlers,
    subscribed: (about) => {
      yes = true;
      return handlers.subscribed?.(about);
    },
  };
  const run = runDriver(t, agent, noted, options);
  await until('it is subscribed', () => yes);
  return run;
}
