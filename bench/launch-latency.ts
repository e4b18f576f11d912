// Claims, for one task on an idle cluster: added over bare create + start ≤ 5 ms p50 and ≤ 20 ms p99;
// exit → TASK_FINISHED ≤ 10 ms p99 over bare `/wait`.
import { tmpdir } from 'node:os';
import type { TaskInfo } from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';
import { ensureTestImage } from '../test/support/test-image.ts';
import { BareDocker, sameOptions } from './bare-docker.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { percentile } from './statistics.ts';

const samples = Number(process.env.MESITA_BENCH_SAMPLES ?? 100);
// Long enough for the start to be over, so that start and end are told apart.
const sleepSeconds = 0.4;

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 150));

interface Sample {
  start: number;
  /** From start to heard of the end. */
  end: number;
}

async function bareSample(bare: BareDocker, task: Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>): Promise<Sample> {
  const options = sameOptions(task, tmpdir())(bare.name());
  const began = performance.now();
  const container = await bare.start(options);
  const started = performance.now();
  await container.wait();
  const ended = performance.now();
  await bare.removeAll();
  return { start: started - began, end: ended - started };
}

async function mesitaSample(
  framework: BenchFramework,
  task: Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>,
): Promise<Sample> {
  const [times] = await framework.launch(1, task);
  if (times?.running === undefined || times.over === undefined) throw new Error('a task without times');
  return { start: times.running - times.accepted, end: times.over - times.running };
}

const image = await ensureTestImage();
const task = {
  resources: resources({ cpus: 1, mem: 64 }),
  container: { type: 'DOCKER' as const, docker: { image, network: 'HOST' as const } },
  command: { shell: false, value: 'sleep', arguments: [String(sleepSeconds)] },
};
const bare = new BareDocker();
const cluster = await BenchCluster.start();
const framework = new BenchFramework(cluster.master);
const ours: Sample[] = [];
const theirs: Sample[] = [];
try {
  for (let round = 0; round < samples + 5; round++) {
    const theirSample = await bareSample(bare, task);
    await settle();
    const ourSample = await mesitaSample(framework, task);
    await settle();
    // The first few warm both sides up.
    if (round >= 5) {
      theirs.push(theirSample);
      ours.push(ourSample);
    }
  }
} finally {
  await framework.stop();
  await cluster.stop();
  await bare.removeAll();
}

function row(what: string, of: (sample: Sample) => number): void {
  const [a, b] = [ours.map(of), theirs.map(of)];
  const added = (p: number) => (percentile(a, p) - percentile(b, p)).toFixed(1);
  const show = (values: number[]) =>
    `p50 ${percentile(values, 0.5).toFixed(1)} p99 ${percentile(values, 0.99).toFixed(1)} ms`;
  console.log(`${what}  mesita ${show(a)}  bare ${show(b)}  added p50 ${added(0.5)} p99 ${added(0.99)} ms`);
}

console.log(`one task at a time on an idle cluster, host network, ${samples} samples, interleaved`);
row('ACCEPT → TASK_RUNNING, over create + start      ', (sample) => sample.start);
row('TASK_RUNNING → TASK_FINISHED, over start → wait ', (sample) => sample.end);
