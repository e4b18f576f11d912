import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../../protocol/duration.ts';
import { findTask, isOver, readState } from '../cluster-state.ts';
import { masterOption, withClient } from '../master-option.ts';

interface KillOptions {
  master: string;
  framework?: string;
  grace?: number;
}

export function registerKill(program: Command): void {
  program
    .command('kill')
    .description('kill tasks: SIGTERM, and SIGKILL after the grace period')
    .argument('<task...>', 'ids or names of the tasks')
    .option('--grace <duration>', 'time between SIGTERM and SIGKILL, e.g. 10secs', seconds)
    .option('--framework <id>', 'the framework of the tasks, where ids are used twice')
    .addOption(masterOption())
    .action((tasks: string[], options: KillOptions) =>
      withClient(options.master, async (client) => {
        const state = await readState(client);
        for (const given of tasks) {
          const task = findTask(state, given, options.framework);
          if (isOver(task)) {
            process.stderr.write(`${task.id} is over already\n`);
            continue;
          }
          const grace = options.grace === undefined ? {} : { grace_seconds: options.grace };
          await client.post('/mesita/v1/kill', { framework_id: task.framework_id, task_id: task.id, ...grace });
          process.stdout.write(`${task.id}\n`);
        }
      }),
    );
}

/** `10secs`, or a plain number of seconds. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseDuration(text.replace(/(\d)s$/, '$1secs'));
  if (value === undefined || value < 0) throw new InvalidArgumentError('Expected a duration such as 10secs.');
  return value;
}
