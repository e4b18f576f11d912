// Claim: an agent that is killed while it runs 500 tasks, and started again, knows them all again within 2 s.
//
// Measured from the start of the new process until the master has heard from it: its subscription says all that it runs. The master must then count all
// of them as running, and the tasks must be the same processes. Beside it stands what the start of an agent without tasks takes. With
// `MESITA_BENCH_ENGINE=docker` the tasks are containers on the host's network (100 of them, unless `MESITA_BENCH_TASKS` says otherwise).
import { setTimeout as pause } from 'node:timers/promises';
import { resources } from '../scheduler/index.ts';
import { ensureTestImage } from '../test/support/test-image.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { spread } from './statistics.ts';

const engine = process.env.MESITA_BENCH_ENGINE ?? 'process';
const tasks = Number(process.env.MESITA_BENCH_TASKS ?? (engine === 'docker' ? 100 : 500));
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);

/** How many tasks run, by the master's word, and the times at which they began to. */
async function running(master: string): Promise<{ count: number; began: string }> {
  const response = await fetch(`http://${master}/master/state`);
  const state = (await response.json()) as {
    frameworks: { tasks: { id: string; state: string; statuses: { state: string; timestamp: number }[] }[] }[];
  };
  const found = state.frameworks
    .flatMap((framework) => framework.tasks)
    .filter(({ state }) => state === 'TASK_RUNNING');
  const began = found.map(
    ({ id, statuses }) => `${id} ${statuses.find(({ state }) => state === 'TASK_RUNNING')?.timestamp}`,
  );
  return { count: found.length, began: began.sort().join() };
}

async function allRun(master: string): Promise<string> {
  for (;;) {
    const { count, began } = await running(master);
    if (count === tasks) return began;
    await pause(500);
  }
}

const cluster = await BenchCluster.start([
  ...(engine === 'docker' ? [] : ['--containerizers=process']),
  '--resources=cpus:1000;mem:1000000',
]);
try {
  const empty: number[] = [];
  for (let round = 0; round < rounds; round++) empty.push(await cluster.restartAgent());
  const framework = new BenchFramework(cluster.master);
  try {
    const container = { type: 'DOCKER', docker: { image: await ensureTestImage(), network: 'HOST' } } as const;
    const template = {
      resources: resources({ cpus: 0.001, mem: 32 }),
      command: { value: 'exec sleep 100000' },
      ...(engine === 'docker' ? { container } : {}),
    };
    // Ends with the framework.
    framework.launch(tasks, template).catch(() => undefined);
    const before = await allRun(cluster.master);
    const full: number[] = [];
    for (let round = 0; round < rounds; round++) {
      full.push(await cluster.restartAgent());
      const { count, began } = await running(cluster.master);
      if (count !== tasks || began !== before) throw new Error(`${count} of ${tasks} tasks run, or others do`);
      console.log(`round ${round + 1}  ${full.at(-1)?.toFixed(0)} ms; without tasks ${empty[round]?.toFixed(0)} ms`);
    }
    console.log(
      `${tasks} tasks (${engine}) are known again after ms ${spread(full, 0)} (aim: ≤ 2000); an agent without tasks: ${spread(empty, 0)}`,
    );
  } finally {
    await framework.stop();
    await pause(5_000);
  }
} finally {
  await cluster.stop();
}
