import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MasterClient } from '../../scheduler/index.ts';
import { findTask, isOver, locationOf, readState } from '../cluster-state.ts';
import { masterOption, withClient } from '../master-option.ts';
import { SandboxFollower } from '../sandbox-follower.ts';
import { interruptible } from '../setup/interruption.ts';

interface LogsOptions {
  master: string;
  framework?: string;
  follow?: boolean;
  file?: string;
}

const stateCheckMs = 1_000;

export function registerLogs(program: Command): void {
  program
    .command('logs')
    .description('print what a task writes: its stdout on stdout, its stderr on stderr')
    .argument('<task>', 'id or name of the task')
    .option('-f, --follow', 'go on until the task is over')
    .option('--file <name>', 'another file of the sandbox in place of stdout and stderr')
    .option('--framework <id>', 'the framework of the task, where ids are used twice')
    .addOption(masterOption())
    .action((task: string, options: LogsOptions) =>
      interruptible((signal) => withClient(options.master, (client) => logs(client, task, options, signal))),
    );
}

async function logs(client: MasterClient, given: string, options: LogsOptions, signal: AbortSignal): Promise<void> {
  const task = findTask(await readState(client), given, options.framework);
  const location = locationOf(task);
  const followers =
    options.file === undefined
      ? [
          new SandboxFollower(client, location, 'stdout', process.stdout),
          new SandboxFollower(client, location, 'stderr', process.stderr),
        ]
      : [new SandboxFollower(client, location, options.file, process.stdout)];
  if (options.follow === true && !isOver(task)) {
    const over = new AbortController();
    const following = followers.map((follower) => follower.follow(AbortSignal.any([signal, over.signal])));
    while (!signal.aborted && !isOver(findTask(await readState(client), task.id, task.framework_id))) {
      await pause(stateCheckMs, undefined, { signal }).catch(() => undefined);
    }
    over.abort();
    await Promise.all(following);
  }
  if (!signal.aborted) for (const follower of followers) await follower.drain();
}
