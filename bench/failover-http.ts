// Claim: 40,000 agents with 400,000 tasks of 200 frameworks come back to a new master over HTTP in ≤ 10 s (Mesos 1.5, published, on other hardware:
// 19 s).
//
// The master is a process of its own with its registry in SQLite; this process emulates the agents. It registers all of them, kills the master, starts it
// again, and lets them all dial: each opens a connection of its own, says all that it runs, and is back when it has read REGISTERED. Not more than
// `MESITA_BENCH_OPEN` (15,000) links are open at a time, since this machine allows a process 20,000 files: beyond that the oldest one hangs up, and
// the master notices, which is work that 40,000 open links would not make. Measured from when the new master listens.
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dialAgent } from './agent-link.ts';
import { subscriptionText } from './emulated-agents.ts';
import { MasterProcess } from './master-process.ts';
import { spread } from './statistics.ts';
import type { Target } from './wire-client.ts';

const cluster = {
  agents: Number(process.env.MESITA_BENCH_AGENTS ?? 40_000),
  tasksEach: Number(process.env.MESITA_BENCH_TASKS_EACH ?? 10),
  frameworks: Number(process.env.MESITA_BENCH_FRAMEWORKS ?? 200),
};
const mostOpen = Number(process.env.MESITA_BENCH_OPEN ?? 15_000);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 3);
// Dialled and not registered yet.
const mostDialling = 200;

const dial = (target: Target, index: number) =>
  dialAgent(target, index, subscriptionText(cluster, index, `old-S${index}`));

/** All agents dial. Resolves with their open links. */
async function dialAll(target: Target): Promise<Socket[]> {
  const open: Socket[] = [];
  let next = 0;
  let hungUp = 0;
  const dialler = async () => {
    while (next < cluster.agents) {
      open.push(await dial(target, next++));
      if (open.length - hungUp > mostOpen) open[hungUp++]?.destroy();
    }
  };
  await Promise.all(Array.from({ length: mostDialling }, dialler));
  return open;
}

const close = (links: readonly Socket[]) => {
  for (const link of links) link.destroy();
};

const directory = mkdtempSync(join(tmpdir(), 'mesita-bench-'));
const times: { wall: number; cpu: number }[] = [];
let master = await MasterProcess.start(directory);
try {
  let links = await dialAll(master.target);
  for (let round = 0; round < rounds; round++) {
    const { port } = master.target;
    await master.kill();
    close(links);
    master = await MasterProcess.start(directory, port);
    const cpu = master.cpuSeconds();
    const began = performance.now();
    links = await dialAll(master.target);
    const time = { wall: (performance.now() - began) / 1000, cpu: master.cpuSeconds() - cpu };
    times.push(time);
    console.log(
      `round ${round + 1}  ${time.wall.toFixed(1)} s, of CPU of the master ${time.cpu.toFixed(1)} s; ${master.resident().toFixed(0)} MB`,
    );
  }
  close(links);
} finally {
  await master.kill();
  rmSync(directory, { recursive: true, force: true });
}
const { agents, tasksEach } = cluster;
console.log(
  `${agents} agents with ${agents * tasksEach} tasks are back after ${spread(times.map(({ wall }) => wall))} s (aim: ≤ 10), CPU of the master ${spread(times.map(({ cpu }) => cpu))} s`,
);
