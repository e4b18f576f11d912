// Every claim in turn, each in a process of its own: `npm run bench [name…]`.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const claims = [
  'launch-rate',
  'launch-latency',
  'idle',
  'processes',
  'codec',
  'fetch',
  'wire',
  'executor-tasks',
  'nsdi',
  'allocator',
  'registry',
  'status-updates',
  'failover',
  'failover-http',
  'leader-failover',
  'agent-restart',
];
// Fifty thousand agents and their tasks live in the same process, and their garbage is not the master's.
const flags: Record<string, string[]> = {
  nsdi: ['--max-semi-space-size=128', '--initial-old-space-size=4000', '--max-old-space-size=8000'],
};
const chosen = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : claims) {
  if (!claims.includes(name)) {
    console.error(`There is no bench '${name}'; there are ${claims.join(', ')}`);
    process.exitCode = 2;
    break;
  }
  console.log(`\n== ${name}`);
  const child = spawn(process.execPath, [...(flags[name] ?? []), resolve(import.meta.dirname, `${name}.ts`)], {
    stdio: 'inherit',
  });
  const code = await new Promise<number | null>((done) => child.once('exit', done));
  if (code !== 0) process.exitCode = 1;
}
