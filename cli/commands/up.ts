import { type Command, InvalidArgumentError } from 'commander';
import { type Cluster, clusterPlace, defaultCluster, startCluster } from '../setup/cluster.ts';
import { interruptible } from '../setup/interruption.ts';
import { prepareMachine } from '../setup/machine.ts';
import { machineOptions } from './setup.ts';

interface UpOptions {
  agents: number;
  port: number;
  name: string;
  output?: string;
}

export function registerUp(program: Command): void {
  program
    .command('up')
    .description('start a cluster of one master and some agents on this machine, by docker compose')
    .option('--agents <n>', 'how many agents; run it again with another number to change it', wholeNumber(0, 100), 3)
    .option('--port <port>', 'the master’s port on 127.0.0.1', wholeNumber(1, 65535), 5050)
    .option('--name <name>', 'name of the cluster, where there are several', defaultCluster)
    .option('-o, --output <format>', 'json, for programs')
    .action((options: UpOptions) => interruptible((signal) => up(options, signal)));
}

async function up(options: UpOptions, signal: AbortSignal): Promise<void> {
  const tools = machineOptions(signal);
  const place = clusterPlace(options.name, tools.checkout, tools.environment);
  const machine = await prepareMachine(tools);
  const cluster = await startCluster(machine, { ...tools, ...place, agents: options.agents, port: options.port });
  const text = options.output === 'json' ? JSON.stringify(cluster, undefined, 2) : describeCluster(cluster);
  process.stdout.write(`${text}\n`);
}

function describeCluster({ master, agents }: Cluster): string {
  const lines = agents.map((agent) => `agent   ${agent.hostname}  ${agent.address}  ${agent.resources}`);
  return [`master  http://${master}`, ...lines].join('\n');
}

/** A parser of an option's value for commander. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${from} to ${to}.`);
  };
}
