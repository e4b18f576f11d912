// Claim: 100 no-op Docker tasks, ACCEPT → TASK_RUNNING on one agent, go at ≥ 0.95 of the rate of the same containers made
// with bare dockerode at its best concurrency, on the networks host, none and bridge.
import { tmpdir } from 'node:os';
import type { ContainerInfoDockerInfoNetwork, TaskInfo } from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';
import { ensureTestImage } from '../test/support/test-image.ts';
import { BareDocker, sameOptions } from './bare-docker.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { median, ratio, spread } from './statistics.ts';

const tasks = Number(process.env.MESITA_BENCH_TASKS ?? 100);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const concurrencies = [2, 4, 6];
const networks = (process.env['MESITA_BENCH_NETWORKS'] ?? 'HOST,NONE,BRIDGE').split(
  ',',
) as ContainerInfoDockerInfoNetwork[];

type Template = Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>;

function template(image: string, network: ContainerInfoDockerInfoNetwork): Template {
  return {
    resources: resources({ cpus: 0.1, mem: 32 }),
    container: { type: 'DOCKER', docker: { image, network } },
    command: { shell: false, value: 'true' },
  };
}

async function mesitaRate(framework: BenchFramework, task: Template): Promise<number> {
  const times = await framework.launch(tasks, task);
  const began = Math.min(...times.map((time) => time.accepted));
  const ended = Math.max(...times.map((time) => time.running ?? Number.NaN));
  return tasks / ((ended - began) / 1000);
}

async function bareRate(bare: BareDocker, task: Template, concurrency: number): Promise<number> {
  const seconds = await bare.launch(tasks, concurrency, sameOptions(task, tmpdir()));
  await bare.removeAll();
  return tasks / seconds;
}

/** The engine is still busy with what was removed: both sides begin on a quiet one. */
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 3_000));

async function bestConcurrency(bare: BareDocker, task: Template): Promise<number> {
  let best = { concurrency: 4, rate: 0 };
  for (const concurrency of concurrencies) {
    const rate = await bareRate(bare, task, concurrency);
    await settle();
    if (rate > best.rate) best = { concurrency, rate };
  }
  return best.concurrency;
}

const image = await ensureTestImage();
const bare = new BareDocker();
const cluster = await BenchCluster.start(['--resources=cpus:1000;mem:1000000']);
const framework = new BenchFramework(cluster.master);
console.log(`${tasks} tasks, ${rounds} rounds, interleaved; launches a second, median (range)`);
try {
  for (const network of networks) {
    const task = template(image, network);
    const concurrency = await bestConcurrency(bare, task);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      theirs.push(await bareRate(bare, task, concurrency));
      await settle();
      ours.push(await mesitaRate(framework, task));
      await settle();
    }
    console.log(
      `${network.padEnd(6)}  mesita ${spread(ours)}  bare dockerode, ${concurrency} at a time ${spread(theirs)}  ratio ${ratio(ours, theirs)} (of medians ${(median(ours) / median(theirs)).toFixed(2)})`,
    );
  }
} finally {
  await framework.stop();
  await cluster.stop();
  await bare.removeAll();
}
