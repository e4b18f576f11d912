import type { Command } from 'commander';
import { type AgentEntry, readState, tasksOf } from '../cluster-state.ts';
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
          output === 'json'
            ? json()
            : asTable(state.slaves, (id) => tasks.filter((task) => task.slave_id === id).length),
        );
      }),
    );
}

function asTable(agents: AgentEntry[], tasksOn: (id: string) => number): string {
  const rows = agents.map((agent) => [
    agent.id,
    agent.hostname,
    stateOf(agent),
    String(tasksOn(agent.id)),
    used(agent, 'cpus'),
    used(agent, 'mem'),
    used(agent, 'disk'),
    Object.entries(agent.attributes)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(' ')
      .slice(0, 60),
  ]);
  return renderTable(['AGENT', 'HOST', 'STATE', 'TASKS', 'CPUS', 'MEM', 'DISK', 'ATTRIBUTES'], rows, ['TASKS']);
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
