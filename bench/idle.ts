// Claims: an idle agent ≤ 100 MB resident and ≤ 0.5 % of a core, an idle master the same.
import { setTimeout as pause } from 'node:timers/promises';
import pidusage from 'pidusage';
import { BenchCluster } from './cluster.ts';

const seconds = Number(process.env.MESITA_BENCH_IDLE_SECONDS ?? 60);

// Once before: what counts is a start whose compiled code is in the cache, as every start but the very first.
await (await BenchCluster.start()).stop();
const cluster = await BenchCluster.start();
try {
  const processes = { master: cluster.masterProcess.pid ?? 0, agent: cluster.agentProcess.pid ?? 0 };
  await pause(5_000);
  const before = await pidusage(Object.values(processes));
  await pause(seconds * 1000);
  const after = await pidusage(Object.values(processes));
  for (const [name, pid] of Object.entries(processes)) {
    // `ctime` is CPU time since the start, in milliseconds.
    const share = ((after[pid]?.ctime ?? 0) - (before[pid]?.ctime ?? 0)) / (seconds * 1000);
    console.log(
      `idle ${name.padEnd(6)}  ${((after[pid]?.memory ?? 0) / 2 ** 20).toFixed(1)} MB resident, ${(share * 100).toFixed(2)} % of a core over ${seconds} s`,
    );
  }
} finally {
  pidusage.clear();
  await cluster.stop();
}
