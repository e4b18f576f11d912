// Claims, of the process engine: ≥ 500 tasks/s through one agent; 500 idle tasks cost an agent ≤ 1 % of a core and ≤ 150 MB.
// Beside the rates stands the CPU time that they cost: where other things run on the machine, it is what can be compared.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskInfo } from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { spread } from './statistics.ts';

const tasks = Number(process.env.MESITA_BENCH_TASKS ?? 2000);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const idleTasks = Number(process.env.MESITA_BENCH_IDLE_TASKS ?? 500);
const seconds = Number(process.env.MESITA_BENCH_IDLE_SECONDS ?? 60);
const settlesMs = 20_000;
const ticksPerSecond = 100;

type Template = Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>;

function command(value: string): Template {
  return { resources: resources({ cpus: 0.001, mem: 32 }), command: { value } };
}

/** From the third field on. */
function statOf(pid: number | string): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Seconds of CPU time of a process itself, and of its children that it has collected. */
function cpuOf(pid: number): { own: number; children: number } {
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = statOf(pid).slice(11, 15).map(Number);
  return { own: (user + system) / ticksPerSecond, children: (childUser + childSystem) / ticksPerSecond };
}

/** The keeper of an agent's processes. */
function keepersOf(agent: number): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const isKeeper = words.some((word) => word.endsWith('process-keeper-main.ts'));
      return isKeeper && Number(statOf(pid)[1]) === agent ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

/** MB, each process's share of what it shares. */
function memoryOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
  return kilobytes.reduce((sum, each) => sum + Number(each ?? 0), 0) / 1024;
}

/** MB that are resident, shared pages too. */
function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

async function withCluster(
  measure: (at: { agent: number; master: number; framework: BenchFramework }) => Promise<void>,
) {
  const cluster = await BenchCluster.start(['--containerizers=process', '--resources=cpus:1000;mem:1000000']);
  const framework = new BenchFramework(cluster.master);
  try {
    await measure({ agent: cluster.agentProcess.pid ?? 0, master: cluster.masterProcess.pid ?? 0, framework });
  } finally {
    await framework.stop();
    await cluster.stop();
  }
}

/** Seconds that the keeper, and what it has collected, took. */
function keeperCpu(agent: number): number {
  const [keeper] = keepersOf(agent);
  if (keeper === undefined) return 0;
  const { own, children } = cpuOf(keeper);
  return own + children;
}

await withCluster(async ({ agent, master, framework }) => {
  await framework.launch(tasks, command('true'));
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = { agent: cpuOf(agent), master: cpuOf(master), own: process.cpuUsage(), keeper: keeperCpu(agent) };
    const times = await framework.launch(tasks, command('true'));
    const began = Math.min(...times.map(({ accepted }) => accepted));
    const rate = tasks / ((Math.max(...times.map(({ over }) => over ?? Number.NaN)) - began) / 1000);
    rates.push(rate);
    const { user, system } = process.cpuUsage(before.own);
    // Until all are removed and collected.
    await pause(1_000);
    const each = (cpuSeconds: number): string => ((cpuSeconds * 1000) / tasks).toFixed(2);
    const ours = `agent ${each(cpuOf(agent).own - before.agent.own)}, master ${each(cpuOf(master).own - before.master.own)}, framework ${each((user + system) / 1e6)}`;
    console.log(
      `round ${round + 1}  ${rate.toFixed(0)} tasks/s; ms of CPU a task: the processes themselves ${each(keeperCpu(agent) - before.keeper)}, ${ours}`,
    );
  }
  console.log(`${tasks} tasks \`true\`, ACCEPT to the last TASK_FINISHED: tasks/s ${spread(rates)}`);
});

await withCluster(async ({ agent, framework }) => {
  // Ends with the framework.
  framework.launch(idleTasks, command('exec sleep 100000')).catch(() => undefined);
  await pause(settlesMs);
  const before = cpuOf(agent).own;
  await pause(seconds * 1000);
  const share = ((cpuOf(agent).own - before) / seconds) * 100;
  const keepers = keepersOf(agent);
  console.log(
    `${idleTasks} idle tasks: agent ${residentOf(agent).toFixed(1)} MB resident (its share ${memoryOf([agent]).toFixed(1)} MB), its keeper ${keepers.map(residentOf).join()} MB resident (its share ${memoryOf(keepers).toFixed(1)} MB); ${share.toFixed(2)} % of a core over ${seconds} s`,
  );
});
