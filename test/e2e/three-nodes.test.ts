import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import type { Resource } from '../../protocol/messages.ts';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { resourcesOf } from '../support/master-messages.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

interface Slave {
  id: string;
  active: boolean;
  resources: Record<'cpus' | 'mem' | 'disk', number>;
  used_resources: Record<'cpus' | 'mem' | 'disk', number>;
}

const sizes = ['cpus:2;mem:4096;disk:1024', 'cpus:3;mem:6144;disk:2048', 'cpus:4;mem:8192;disk:3072'];
const needs = ['cpus:1;mem:2048;disk:1024', 'cpus:2;mem:4096;disk:2048', 'cpus:3;mem:6144;disk:3072'];

const flags = (size: string) => [
  `--resources=${size};ports:[]`,
  '--containerizers=process',
  '--docker_socket=/nowhere/docker.sock',
];

/** What schedulers send: without reservations, to whatever role it is. */
function demandOf(index: number): Resource[] {
  return resourcesOf(needs[index] ?? '').map((resource) => ({ ...resource, role: '*' }));
}

/** Three nodes run a task each, of a scheduler each. */
async function story(t: TestContext) {
  const cluster = await Cluster.empty();
  t.after(() => cluster.close());
  await cluster.startMaster([
    '--agent_ping_timeout=200ms',
    '--max_agent_ping_timeouts=10',
    '--allocation_interval=100ms',
  ]);
  const schedulers: TestScheduler[] = [];
  for (const [index, size] of sizes.entries()) {
    const agent = await cluster.startAgent(`n${index + 1}`, [...flags(size), `--hostname=n${index + 1}`]);
    const scheduler = await TestScheduler.start(cluster.address, { name: `s${index + 1}` });
    t.after(() => scheduler.close());
    await launch(scheduler, `t${index + 1}`, index, agent.id);
    await scheduler.update(`t${index + 1}`, 'TASK_RUNNING');
    schedulers.push(scheduler);
  }
  const [first, second, third] = schedulers;
  assert.ok(first && second && third);
  return { cluster, first, second, third };
}

function launch(scheduler: TestScheduler, name: string, index: number, agent?: string): Promise<void> {
  const demand = demandOf(index);
  const draft = { name, command: { value: 'exec sleep 1000' }, resources: demand };
  return scheduler.launch(draft, { demand, ...(agent !== undefined && { agent }) });
}

/** The machine stops: its agent and all that ran on it. */
async function killMachine(cluster: Cluster, name: string): Promise<void> {
  const agent = cluster.agents.find((candidate) => candidate.name === name);
  assert.ok(agent);
  agent.process.kill('SIGKILL');
  await agent.process.outcome;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const read = (file: string) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    };
    if (`${read('environ')}${read('cmdline')}`.includes(`${agent.workDirectory}/`))
      process.kill(Number(pid), 'SIGKILL');
  }
}

async function slavesOf(cluster: Cluster): Promise<Slave[]> {
  const { slaves } = (await (await cluster.get('/slaves')).json()) as { slaves: Slave[] };
  for (const { resources, used_resources } of slaves)
    for (const name of ['cpus', 'mem', 'disk'] as const)
      assert.ok(used_resources[name] <= resources[name], `${name} is overcommitted`);
  return slaves;
}

describe('of three nodes with a task each the second dies: its task is lost, and its scheduler waits', () => {
  async function dies(t: TestContext) {
    const all = await story(t);
    const { cluster, second } = all;
    await killMachine(cluster, 'n2');
    assert.equal((await second.update('t2', 'TASK_LOST')).reason, 'REASON_AGENT_REMOVED');
    const again = launch(second, 't2-again', 1);
    let placed = false;
    again.then(
      () => {
        placed = true;
      },
      () => undefined,
    );
    const why = await eventually('both others were offered', async () => {
      const { stdout } = await cluster.mesita('why', 's2');
      return /Declined \d+ offers/.test(stdout) && stdout;
    });
    assert.match(why, /It waits for 2 cpus, 4096 MB mem, 2048 MB disk, as much as the task had that it lost: t2\./);
    assert.match(why, /: largest had 1 cpus, 2048 MB mem\./);
    assert.match(why, /n3 +1 cpus, 2048 MB mem, no disk +1 cpus, 2048 MB mem, 2048 MB disk +too little free/);
    assert.match(why, /n1 .* too small even when empty: 2 cpus, 4096 MB mem, 1024 MB disk/);
    assert.match(why, /n2 \(.*\), away for .*, comes back/);
    assert.match(why, /another agent with 2 cpus, 4096 MB mem, 2048 MB disk free/);
    assert.deepEqual([placed, (await slavesOf(cluster)).length], [false, 2]);
    return { ...all, again };
  }

  /** The task runs, on that agent; the others go on undisturbed. */
  async function runs(scene: Awaited<ReturnType<typeof dies>>, agent: string): Promise<void> {
    const { cluster, first, second, third, again } = scene;
    await again;
    assert.equal((await second.update('t2-again', 'TASK_RUNNING')).agent_id?.value, agent);
    for (const { used_resources, id } of await slavesOf(cluster))
      if (id === agent)
        assert.deepEqual([used_resources.cpus, used_resources.mem, used_resources.disk], [2, 4096, 2048]);
    assert.deepEqual(first.statesOf('t1'), ['TASK_STARTING', 'TASK_RUNNING']);
    assert.deepEqual(third.statesOf('t3'), ['TASK_STARTING', 'TASK_RUNNING']);
  }

  test('until the node is back', async (t) => {
    const scene = await dies(t);
    const { id } = await scene.cluster.restartAgent('n2', [...flags(sizes[1] ?? ''), '--hostname=n2']);
    await runs(scene, id);
  });

  test('until a fourth node with 2 cpus joins', async (t) => {
    const scene = await dies(t);
    const size = 'cpus:2;mem:4096;disk:2048';
    const { id } = await scene.cluster.startAgent('n4', [...flags(size), '--hostname=n4']);
    await runs(scene, id);
  });
});
