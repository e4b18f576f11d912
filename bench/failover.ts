// Claim: 40,000 agents with 400,000 tasks of 200 frameworks come back to a new master in ≤ 3 s, in process (Mesos 1.5, published, on other
// hardware and over its own network code: 19 s).
//
// What is in it: what the registry knew of the agents and frameworks is taken over (`recover`), the frameworks subscribe again, each agent's
// subscription goes through the command, and all that its effects say to agents is encoded. What is not: reading the registry, HTTP, and
// parsing what the agents say, which `failover-http` has. Garbage of the parsing is collected in the same process, and counts.
import { HierarchicalAllocator } from '../master/allocator/hierarchical-allocator.ts';
import { allocate } from '../master/commands/allocate.ts';
import { registerAgent } from '../master/commands/register-agent.ts';
import { subscribe } from '../master/commands/subscribe.ts';
import type { Effect } from '../master/effects.ts';
import { admitted, known } from '../master/registry/entries.ts';
import { recover } from '../master/registry/recovery.ts';
import type { RegistryRecord } from '../master/registry/registry-store.ts';
import type { MasterState } from '../master/state.ts';
import type { AgentSubscription } from '../protocol/agent-link.ts';
import { linkJson } from '../protocol/link-json.ts';
import { newMasterState } from '../simulator/master-state.ts';
import { frameworkOf, subscriptionText } from './emulated-agents.ts';
import { median, spread } from './statistics.ts';

const cluster = {
  agents: Number(process.env.MESITA_BENCH_AGENTS ?? 40_000),
  tasksEach: Number(process.env.MESITA_BENCH_TASKS_EACH ?? 10),
  frameworks: Number(process.env.MESITA_BENCH_FRAMEWORKS ?? 200),
};
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const now = 1_000_000_000_000;

function newMaster(id: string): MasterState {
  const sorting = 'drf';
  const scenario = {
    allocationInterval: 1,
    agentPingTimeout: 75,
    offerTimeout: undefined,
    roleSorter: sorting,
    frameworkSorter: sorting,
  } as const;
  return newMasterState(scenario, new HierarchicalAllocator(), id, now);
}

/** As the performer does it, but nobody listens. */
function encode(effects: readonly Effect[]): number {
  let bytes = 0;
  for (const effect of effects) {
    if (effect.kind === 'sendToAgent') bytes += linkJson(effect.message).length;
    if (effect.kind === 'sendEvent') bytes += JSON.stringify(effect.event).length;
  }
  return bytes;
}

const agentId = (index: number) => `old-S${index}`;

/** What a master before left in the registry. */
function registry(): RegistryRecord[] {
  const state = newMaster('old');
  for (let index = 0; index < cluster.frameworks; index++) subscribeFramework(state, index);
  for (let index = 0; index < cluster.agents; index++) {
    const subscription = JSON.parse(subscriptionText({ ...cluster, tasksEach: 0 }, index, agentId(index)));
    registerAgent(state, subscription, now);
  }
  const entries = [...[...state.agents.values()].map(admitted), ...[...state.frameworks.values()].map(known)];
  return entries.map(({ table, key, value }) => ({ table, key, value: linkJson(value) }));
}

function subscribeFramework(state: MasterState, index: number): void {
  const subscription = subscribe(state, { framework_info: frameworkOf(index) }, now);
  if ('refusal' in subscription) throw new Error(subscription.refusal);
  encode(subscription.after);
}

class Stopwatch {
  wall = 0;
  cpu = 0;

  time<Result>(work: () => Result): Result {
    const before = process.threadCpuUsage();
    const began = performance.now();
    const result = work();
    this.wall += performance.now() - began;
    const { user, system } = process.threadCpuUsage(before);
    this.cpu += (user + system) / 1000;
    return result;
  }
}

const atATime = 500;

function failOver(records: readonly RegistryRecord[]): { wall: number; cpu: number; allocation: number } {
  const watch = new Stopwatch();
  const state = newMaster('new');
  watch.time(() => {
    recover(state, { cluster: 'bench', epoch: 2, records }, now);
    for (let index = 0; index < cluster.frameworks; index++) subscribeFramework(state, index);
  });
  for (let first = 0; first < cluster.agents; first += atATime) {
    const batch = Array.from(
      { length: Math.min(atATime, cluster.agents - first) },
      (_, index) => JSON.parse(subscriptionText(cluster, first + index, agentId(first + index))) as AgentSubscription,
    );
    watch.time(() => {
      for (const subscription of batch) {
        const registration = registerAgent(state, subscription, now);
        if (!('effects' in registration)) throw new Error(JSON.stringify(registration));
        encode(registration.effects);
      }
    });
  }
  const tasks = [...state.frameworks.values()].reduce((sum, framework) => sum + framework.tasks.size, 0);
  if (tasks !== cluster.agents * cluster.tasksEach || state.recovery.agents.size > 0) throw new Error(`${tasks} tasks`);
  const first = new Stopwatch();
  first.time(() => allocate(state, now, Math.random));
  return { wall: watch.wall, cpu: watch.cpu, allocation: first.wall };
}

const records = registry();
console.log(
  `${cluster.agents} agents, ${cluster.agents * cluster.tasksEach} tasks, ${cluster.frameworks} frameworks; ${rounds} rounds`,
);
const results = Array.from({ length: rounds }, (_, round) => {
  const result = failOver(records);
  console.log(
    `round ${round + 1}  ${result.wall.toFixed(0)} ms, of CPU ${result.cpu.toFixed(0)}; the first allocation after it ${result.allocation.toFixed(0)} ms`,
  );
  return result;
});
const seconds = (times: number[]) =>
  spread(
    times.map((time) => time / 1000),
    2,
  );
console.log(
  `all agents are back after ${seconds(results.map(({ wall }) => wall))} s (aim: ≤ 3 s), of CPU time of the one thread ${seconds(results.map(({ cpu }) => cpu))} s, ${((median(results.map(({ cpu }) => cpu)) / cluster.agents) * 1000).toFixed(0)} µs an agent`,
);
console.log(`memory in the end: ${(process.memoryUsage().rss / 1e9).toFixed(1)} GB`);
