import type { Command } from 'commander';
import { type AgentEntry, type ClusterState, readState, tasksOf } from '../cluster-state.ts';
import { renderTable } from '../format/table.ts';
import { masterOption, outputOption, withClient } from '../master-option.ts';

export function registerNodes(program: Command): void {
  program
    .command('nodes')
    .description('list agents, what they have and how much of it is used')
    .addOption(masterOption())
    .addOption(outputOption())
    .action(({ master, output }: { master: string; output: string }) =>
      withClient(master, async (client) => {
        const state = await readState(client);
        const tasks = tasksOf(state, false);
        const json = () => `${JSON.stringify(state.slaves, undefined, 2)}\n`;
        process.stdout.write(
          output === 'json' ? json() : asTable(state, (id) => tasks.filter((task) => task.slave_id === id).length),
        );
      }),
    );
}

function asTable({ slaves, recovered_slaves }: ClusterState, tasksOn: (id: string) => number): string {
  const rows = slaves.map((agent) => [
    agent.id,
    agent.hostname,
    stateOf(agent),
    String(tasksOn(agent.id)),
    used(agent, 'cpus'),
    used(agent, 'mem'),
    used(agent, 'disk'),
    attributesOf(agent),
  ]);
  for (const agent of recovered_slaves)
    rows.push([agent.id, agent.hostname, 'recovered', '', '', '', '', attributesOf(agent)]);
  return renderTable(['AGENT', 'HOST', 'STATE', 'TASKS', 'CPUS', 'MEM', 'DISK', 'ATTRIBUTES'], rows, ['TASKS']);
}

function attributesOf({ attributes }: Pick<AgentEntry, 'attributes'>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')
    .slice(0, 60);
}

function stateOf({ active, deactivated, drain_info }: AgentEntry): string {
  if (drain_info !== undefined) return drain_info.state.toLowerCase();
  if (deactivated) return 'deactivated';
  return active ? 'active' : 'disconnected';
}

/** Used of total. */
function used(agent: AgentEntry, name: string): string {
  return `${agent.used_resources[name] ?? 0}/${agent.resources[name] ?? 0}`;
}
