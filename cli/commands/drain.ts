import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MasterCall } from '../../protocol/messages.ts';
import type { MasterClient } from '../../scheduler/index.ts';
import { findAgent, readState } from '../cluster-state.ts';
import { masterOption, withClient } from '../master-option.ts';
import { seconds } from './kill.ts';

const lookAgainMs = 500;

interface DrainOptions {
  master: string;
  grace?: number;
  gone?: true;
  wait?: true;
}

export function registerDrain(program: Command): void {
  program
    .command('drain')
    .description('empty agents: nothing of them is offered any more, and their tasks are killed')
    .argument('<agent...>', 'ids or host names of the agents')
    .option('--grace <duration>', 'time between SIGTERM and SIGKILL at the most, e.g. 10secs', seconds)
    .option('--gone', 'mark the agents gone when they are empty: they end, and never come back')
    .option('--wait', 'wait until the agents are empty')
    .addOption(masterOption())
    .action((agents: string[], options: DrainOptions) =>
      withClient(options.master, async (client) => {
        const drained = await each(client, agents, (agent_id) => drainCall(agent_id, options));
        if (options.wait) await untilEmpty(client, drained);
      }),
    );
}

export function registerDeactivate(program: Command): void {
  program
    .command('deactivate')
    .description('offer nothing of agents any more; their tasks go on')
    .argument('<agent...>', 'ids or host names of the agents')
    .addOption(masterOption())
    .action((agents: string[], { master }: { master: string }) =>
      withClient(master, async (client) => {
        await each(client, agents, (agent_id) => ({ type: 'DEACTIVATE_AGENT', deactivate_agent: { agent_id } }));
      }),
    );
}

export function registerReactivate(program: Command): void {
  program
    .command('reactivate')
    .description('use agents again that were drained or deactivated')
    .argument('<agent...>', 'ids or host names of the agents')
    .addOption(masterOption())
    .action((agents: string[], { master }: { master: string }) =>
      withClient(master, async (client) => {
        await each(client, agents, (agent_id) => ({ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } }));
      }),
    );
}

/** Makes a call for each agent and prints its id; the ids. */
async function each(
  client: MasterClient,
  agents: readonly string[],
  call: (agent: { value: string }) => MasterCall,
): Promise<string[]> {
  const state = await readState(client);
  const ids = agents.map((given) => findAgent(state, given).id);
  for (const id of ids) {
    await client.post('/api/v1', call({ value: id }));
    process.stdout.write(`${id}\n`);
  }
  return ids;
}

function drainCall(agent_id: { value: string }, { grace, gone }: DrainOptions): MasterCall {
  const whole = Math.floor(grace ?? 0);
  const max_grace_period = { seconds: whole, nanos: Math.round(((grace ?? 0) - whole) * 1e9) };
  const limits = grace === undefined ? {} : { max_grace_period };
  return { type: 'DRAIN_AGENT', drain_agent: { agent_id, ...limits, mark_gone: gone ?? false } };
}

/** One that is gone, or drained no more, is waited for no longer. */
async function untilEmpty(client: MasterClient, ids: readonly string[]): Promise<void> {
  for (;;) {
    const { slaves } = await readState(client);
    const busy = slaves.filter(({ id, drain_info }) => ids.includes(id) && drain_info?.state === 'DRAINING');
    if (busy.length === 0) return;
    await sleep(lookAgainMs);
  }
}
