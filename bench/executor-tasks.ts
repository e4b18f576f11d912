// Claim: a task in an executor that runs already, ACCEPT → TASK_RUNNING, ≤ 5 ms p50. Peer: a bare spawn of the same shell.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeExecutorBundle } from '../images/executor-bundle.ts';
import type { ExecutorInfo } from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { percentile, spread } from './statistics.ts';

const samples = Number(process.env.MESITA_BENCH_SAMPLES ?? 200);
/** Any image with Node does; this one is the agent's own. */
const imageWithNode = 'mesita/agent';

async function bareSpawn(): Promise<number> {
  const began = performance.now();
  const child = spawn('/bin/sh', ['-c', 'true'], { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  const took = performance.now() - began;
  await once(child, 'exit');
  return took;
}

function workers(bundle: string): ExecutorInfo {
  return {
    type: 'CUSTOM',
    executor_id: { value: 'workers' },
    command: {
      value: 'cd "$MESOS_SANDBOX" && exec node executor/main.ts',
      uris: [{ value: `file://${bundle}` }],
    },
    container: { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: imageWithNode } } } },
    resources: resources({ cpus: 0.5, mem: 256 }),
  };
}

const directory = await mkdtemp(join(tmpdir(), 'mesita-bench-'));
const cluster = await BenchCluster.start();
try {
  const bundle = join(directory, 'mesita-executor.tar.gz');
  await writeExecutorBundle(resolve(import.meta.dirname, '..'), bundle);
  const framework = new BenchFramework(cluster.master);
  const task = {
    executor: workers(bundle),
    data: Buffer.from('true').toString('base64'),
    resources: resources({ cpus: 0.01, mem: 8 }),
  };
  // The executor itself is started by the first ones, which also warm it up.
  for (let i = 0; i < 20; i++) await framework.launch(1, task);
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let i = 0; i < samples; i++) {
    const [times] = await framework.launch(1, task);
    if (times?.running !== undefined) ours.push(times.running - times.accepted);
    bare.push(await bareSpawn());
  }
  const p99 = (values: number[]) => percentile(values, 0.99).toFixed(1);
  console.log(`task in a running executor, ACCEPT → RUNNING  ${spread(ours)} ms, p99 ${p99(ours)} ms, of ${samples}`);
  console.log(`bare spawn of a shell                         ${spread(bare)} ms, p99 ${p99(bare)} ms`);
  await framework.stop();
} finally {
  await cluster.stop();
  await rm(directory, { recursive: true, force: true });
}
