import type { Command } from 'commander';
import { type ClusterState, readState, tasksOf } from '../cluster-state.ts';
import { renderAge, renderState, renderTable } from '../format/table.ts';
import { masterOption, outputOption, withClient } from '../master-option.ts';

interface PsOptions {
  master: string;
  output: string;
  all?: boolean;
}

export function registerPs(program: Command): void {
  program
    .command('ps')
    .description('list tasks')
    .option('-a, --all', 'also those that are over')
    .addOption(masterOption())
    .addOption(outputOption())
    .action((options: PsOptions) =>
      withClient(options.master, async (client) => {
        const state = await readState(client);
        process.stdout.write(
          options.output === 'json' ? asJson(state, options.all === true) : asTable(state, options.all === true),
        );
      }),
    );
}

function asJson(state: ClusterState, all: boolean): string {
  return `${JSON.stringify(tasksOf(state, all), undefined, 2)}\n`;
}

function asTable(state: ClusterState, all: boolean): string {
  const hosts = new Map(state.slaves.map((agent) => [agent.id, agent.hostname]));
  const frameworks = new Map([...state.completed_frameworks, ...state.frameworks].map(({ id, name }) => [id, name]));
  const now = Date.now() / 1000;
  const rows = tasksOf(state, all).map((task) => {
    const last = task.statuses.at(-1);
    return [
      task.id,
      task.name,
      frameworks.get(task.framework_id) ?? task.framework_id,
      hosts.get(task.slave_id) ?? task.slave_id,
      renderState(task.state),
      last === undefined ? '' : renderAge(now - last.timestamp),
      String(task.resources.cpus ?? 0),
      String(task.resources.mem ?? 0),
      task.container?.docker?.image ?? '',
      ...(all ? [(last?.message ?? '').slice(0, 80)] : []),
    ];
  });
  const headings = [
    'TASK',
    'NAME',
    'FRAMEWORK',
    'AGENT',
    'STATE',
    'SINCE',
    'CPUS',
    'MEM',
    'IMAGE',
    ...(all ? ['MESSAGE'] : []),
  ];
  return renderTable(headings, rows, ['CPUS', 'MEM']);
}
