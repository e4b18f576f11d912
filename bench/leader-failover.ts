// Claim: with 4,000 agents, the next task is launched ≤ 1 s after the session of a leader that was killed has ended (Mesos, NSDI'11: 4 to 8 s).
//
// Two masters stand for election with a real ZooKeeper, which has the registry, too. This process emulates the agents, with ten tasks each, and runs a
// framework on mesita's own driver; all of them follow the leader through ZooKeeper. The leader is killed (SIGKILL); when ZooKeeper has given its session
// up, whoever watches is told of the new leader: that moment is where the time begins. It ends when an agent is told to run the next task. Agents that
// find the new leader still reading the registry dial again after 20 ms.
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { LeaderDetector } from '../runtime/zookeeper/leader-detector.ts';
import { parseZooKeeperUrl } from '../runtime/zookeeper/zookeeper-url.ts';
import { resources, SchedulerDriver } from '../scheduler/index.ts';
import { missingZooKeeper, ZooKeeperServers } from '../test/support/zookeeper.ts';
import { dialAgent } from './agent-link.ts';
import { subscriptionText } from './emulated-agents.ts';
import { MasterProcess } from './master-process.ts';
import { spread } from './statistics.ts';

const cluster = { agents: Number(process.env.MESITA_BENCH_AGENTS ?? 4000), tasksEach: 10, frameworks: 50 };
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const sessionTimeout = process.env.MESITA_BENCH_SESSION ?? '4secs';
const mostDialling = 200;
const againMs = 20;

/** All emulated agents; they dial whoever leads. */
class Agents {
  #links: Socket[] = [];
  /** Aborted when another leader is dialled, or none any more. */
  #dialling = new AbortController();
  /** Called with the name of each task that an agent is told to run. */
  onTask: (name: string) => void = () => undefined;

  async dial(address: string): Promise<void> {
    this.close();
    this.#dialling = new AbortController();
    const { signal } = this.#dialling;
    const [host = '', port] = address.split(':');
    const target = { host, port: Number(port) };
    let next = 0;
    const dialler = async () => {
      while (next < cluster.agents && !signal.aborted) await this.#dialUntilUp(target, next++, signal);
    };
    await Promise.all(Array.from({ length: mostDialling }, dialler));
  }

  close(): void {
    this.#dialling.abort();
    for (const link of this.#links.splice(0)) link.destroy();
  }

  async #dialUntilUp(target: { host: string; port: number }, index: number, signal: AbortSignal): Promise<void> {
    const body = subscriptionText(cluster, index, `old-S${index}`);
    while (!signal.aborted) {
      try {
        const link = await dialAgent(target, index, body, (text) => {
          const name = /"type":"RUN_TASK".*"name":"(probe-\d+)"/.exec(text)?.[1];
          if (name !== undefined) this.onTask(name);
        });
        if (signal.aborted) link.destroy();
        else this.#links.push(link);
        return;
      } catch {
        await pause(againMs);
      }
    }
  }
}

const missing = await missingZooKeeper();
if (missing !== false) throw new Error(missing);
const directory = mkdtempSync(join(tmpdir(), 'mesita-bench-'));
const zooKeeper = await ZooKeeperServers.start();
const url = zooKeeper.url('/mesos');
const parsed = parseZooKeeperUrl(url);
if ('error' in parsed) throw new Error(parsed.error);
let masters = 0;
const startMaster = () =>
  MasterProcess.start(join(directory, String(masters++)), 0, [`--zk=${url}`, `--zk_session_timeout=${sessionTimeout}`]);
let leading = await startMaster();
let following = await startMaster();
const detector = new LeaderDetector({
  ...{ url: parsed.value, sessionTimeout: 10_000, clock: systemClock, random: Math.random, log: silentLog },
});
const agents = new Agents();
/** The task that is to be launched next, from the election on. */
let wanted: string | undefined = 'probe-0';
const launched = new Map<string, number>();
agents.onTask = (name) => launched.set(name, performance.now());
const driver = new SchedulerDriver({
  master: url,
  framework: { user: 'root', name: 'bench', failover_timeout: 3600 },
  handlers: {
    offers: async (offers) => {
      const [offer, ...others] = offers;
      if (offer !== undefined && wanted !== undefined) {
        const name = wanted;
        wanted = undefined;
        const task = { name, task_id: { value: name }, agent_id: offer.agent_id, command: { value: 'true' } };
        await driver.launch([offer], [{ ...task, resources: resources({ cpus: 0.1, mem: 32 }) }]);
      } else if (offer !== undefined) others.push(offer);
      if (others.length > 0) await driver.decline(others, { refuse_seconds: 0 });
    },
  },
});
const untilLaunched = async (name: string): Promise<number> => {
  for (;;) {
    const at = launched.get(name);
    if (at !== undefined) return at;
    await pause(1);
  }
};
const times: number[] = [];
const [first = ''] = await detector.find(new AbortController().signal);
await agents.dial(first);
const running = driver.run();
try {
  await untilLaunched('probe-0');
  for (let round = 1; round <= rounds; round++) {
    const elected = new Promise<number>((told) => {
      const unwatch = detector.watch((address) => {
        const at = performance.now();
        unwatch();
        wanted = `probe-${round}`;
        agents.dial(address).catch((error: unknown) => console.error(error));
        told(at);
      });
    });
    const killed = performance.now();
    await leading.kill();
    const since = await elected;
    times.push((await untilLaunched(`probe-${round}`)) - since);
    console.log(
      `round ${round}  ${times.at(-1)?.toFixed(0)} ms from the end of the session, which came ${(since - killed).toFixed(0)} ms after the kill`,
    );
    leading = following;
    following = await startMaster();
    await pause(3_000);
  }
} finally {
  agents.close();
  await driver.stop();
  await running.catch(() => undefined);
  await detector.close();
  await leading.kill();
  await following.kill();
  await zooKeeper.close();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${cluster.agents} agents: the next task is launched after ms ${spread(times, 0)} (aim: ≤ 1000)`);
