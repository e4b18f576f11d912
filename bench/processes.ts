// Claims, of the process engine: ≥ 500 tasks/s through one agent; 500 idle tasks cost an agent ≤ 1 % of a core and ≤ 150 MB.
// Beside the rates stands the CPU time that they cost: where other things run on the machine, it is what can be compared.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskInfo } from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';
import { BenchCluster, BenchFramework } from './cluster.ts';
import { spread } from './statistics.ts';

const tasks = Number(process.env['MESITA_BENCH_TASKS'] ?? 2000);
const rounds = Number(process.env['MESITA_BENCH_ROUNDS'] ?? 5);
const idleTasks = Number(process.env['MESITA_BENCH_IDLE_TASKS'] ?? 500);
const seconds = Number(process.env['MESITA_BENCH_IDLE_SECONDS'] ?? 60);
const ticksPerSecond = 100;

type Template = Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>;

function command(value: string): Template {
  return { resources: resources({ cpus: 0.001, mem: 32 }), command: { value } };
}

/** Seconds of CPU time of a process itself, and of its children that have ended. */
function cpuOf(pid: number): { own: number; children: number } {
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = statOf(pid).slice(11, 15).map(Number);
  return { own: (user + system) / ticksPerSecond, children: (childUser + childSystem) / ticksPerSecond };
}

/** From the third field on. */
function statOf(pid: number | string): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The keepers of an agent's processes, and the supervisors, which are copies of them. */
function keepersOf(agent: number): { pid: number; isKeeper: boolean }[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!(words[1] ?? '').endsWith('process-keeper.sh')) return [];
      return [{ pid: Number(pid), isKeeper: Number(statOf(pid)[1]) === agent }];
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

const cluster = await BenchCluster.start(['--containerizers=process', '--resources=cpus:1000;mem:1000000']);
const framework = new BenchFramework(cluster.master);
const [agent, master] = [cluster.agentProcess.pid ?? 0, cluster.masterProcess.pid ?? 0];
try {
  await framework.launch(tasks, command('true'));
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = { agent: cpuOf(agent), master: cpuOf(master), own: process.cpuUsage(), keeper: keeperCpu() };
    const times = await framework.launch(tasks, command('true'));
    const wall =
      Math.max(...times.map(({ over }) => over ?? Number.NaN)) - Math.min(...times.map(({ accepted }) => accepted));
    rates.push(tasks / (wall / 1000));
    const { user, system } = process.cpuUsage(before.own);
    await pause(1_000);
    const each = (cpuSeconds: number): string => ((cpuSeconds * 1000) / tasks).toFixed(2);
    console.log(
      `round ${round + 1}  ${(tasks / (wall / 1000)).toFixed(0)} tasks/s; ms of CPU a task: agent ${each(cpuOf(agent).own - before.agent.own)}, processes ${each(keeperCpu() - before.keeper)}, master ${each(cpuOf(master).own - before.master.own)}, framework ${each((user + system) / 1e6)}`,
    );
  }
  console.log(`${tasks} tasks \`true\`, ACCEPT to the last TASK_FINISHED: tasks/s ${spread(rates)}`);
  void framework.launch(idleTasks, command('exec sleep 100000')).catch(() => undefined);
  await pause(15_000);
  const before = cpuOf(agent).own;
  await pause(seconds * 1000);
  const share = (cpuOf(agent).own - before) / seconds;
  const supervisors = keepersOf(agent).map(({ pid }) => pid);
  console.log(
    `${idleTasks} idle tasks: agent ${memoryOf([agent]).toFixed(1)} MB, its keeper and ${supervisors.length - 1} supervisors ${memoryOf(supervisors).toFixed(1)} MB; ${(share * 100).toFixed(2)} % of a core over ${seconds} s`,
  );
} finally {
  await framework.stop();
  await cluster.stop();
}

/** Seconds that the keeper and what it has collected took. */
function keeperCpu(): number {
  return keepersOf(agent)
    .filter(({ isKeeper }) => isKeeper)
    .reduce((sum, { pid }) => sum + cpuOf(pid).own + cpuOf(pid).children, 0);
}
