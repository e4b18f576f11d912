import { Option } from 'commander';
import { MasterClient } from '../scheduler/index.ts';

export const defaultMaster = '127.0.0.1:5050';

/** `--master`, for all commands that talk to one. */
export function masterOption(): Option {
  const help = 'the master to talk to; host:port,host:port of several, or zk://host:port,…/path';
  return new Option('-m, --master <host:port>', help)
    .env('MESITA_MASTER')
    .default(process.env.MESOS_MASTER ?? defaultMaster);
}

/** `-o json`, for all commands that print a table. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'table for people, json for programs')
    .choices(['table', 'json'])
    .default('table');
}

/** Does something with a client that is closed afterwards. */
export async function withClient<T>(master: string, work: (client: MasterClient) => Promise<T>): Promise<T> {
  const client = new MasterClient(master);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
