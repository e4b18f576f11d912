import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { TaskStatus } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

/** Prints the container's own limit by either version of cgroups. */
const show = (second: string, first: string) =>
  `cat /sys/fs/cgroup/${second} 2>/dev/null || cat /sys/fs/cgroup/${first}`;
// Fills a file system in memory, which counts as the container's own.
const swallow = 'dd if=/dev/zero of=/dev/shm/fill bs=1M count=60 2>/dev/null';
const roomy = '--parameter=shm-size=256m';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('limits', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start();
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  it('makes the CPU time that was asked for a quota of the container', async () => {
    const quota = show('cpu.max', 'cpu/cpu.cfs_quota_us');
    const { stdout } = await cluster.run(['--cpus=0.3'], 'sh', '-c', quota);
    assert.match(stdout, /^30000( 100000)?\n$/);
  });

  it('makes the memory that was asked for a limit of the container', async () => {
    const { stdout } = await cluster.run(['--mem=96'], 'sh', '-c', show('memory.max', 'memory/memory.limit_in_bytes'));
    assert.equal(Number(stdout), 96 * 1024 * 1024);
  });

  it('gives no swap beside the memory', async () => {
    const running = await cluster.running('swapless');
    const container = await cluster.containerOf('swapless');
    const inspected = await docker(
      'inspect',
      container,
      '--format',
      '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}',
    );
    assert.equal(inspected, `${128 * 1024 * 1024} ${128 * 1024 * 1024}`);
    await running.end('SIGINT');
  });

  it('bounds the processes of a container', async () => {
    const { stdout } = await cluster.run([], 'sh', '-c', show('pids.max', 'pids/pids.max'));
    assert.equal(stdout, '4096\n');
  });

  it('names limit and peak when the kernel kills the task itself for want of memory', async () => {
    const { code, stderr } = await cluster.run(['--name=greedy', '--mem=32', roomy], 'dd', ...greedy);
    assert.equal(code, 137, stderr);
    assert.match(stderr, /Memory limit exceeded: limit 32 MB, peak 3[12](\.\d)? MB/);
    assertMemory(await lastStatus('greedy'));
  });

  it('names limit and peak when the kernel kills a child, and the task fails for it', async () => {
    const script = `sh -c '${swallow}'; code=$?; echo child $code; exit $code`;
    const { code, stdout, stderr } = await cluster.run(['--name=parent', '--mem=32', roomy], 'sh', '-c', script);
    assert.notEqual(code, 0);
    assert.equal(stdout, 'child 137\n');
    assert.match(stderr, /Memory limit exceeded: limit 32 MB, peak 3[12](\.\d)? MB/);
    assertMemory(await lastStatus('parent'));
  });

  it('lets a task finish that gets over the death of a child', async () => {
    const { code, stderr } = await cluster.run(['--mem=32', roomy], 'sh', '-c', `sh -c '${swallow}'; true`);
    assert.equal(code, 0, stderr);
  });

  it('tells a scheduler the limitation with its reason', async () => {
    await scheduler.launch({
      name: 'told',
      resources: resources({ cpus: 0.2, mem: 40 }),
      container: { type: 'DOCKER', docker: { image: testImage, parameters: [{ key: 'shm-size', value: '256m' }] } },
      command: { value: swallow },
    });
    const status = await scheduler.update('told', 'TASK_FAILED');
    assert.equal(status.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    assert.equal(status.limitation?.resources?.[0]?.scalar?.value, 40);
  });

  it('raises less than 32 MB to 32 MB', async () => {
    const { stdout } = await cluster.run(['--mem=1'], 'sh', '-c', show('memory.max', 'memory/memory.limit_in_bytes'));
    assert.equal(Number(stdout), 32 * 1024 * 1024);
  });

  async function lastStatus(name: string): Promise<Partial<TaskStatus>> {
    const { stdout } = await cluster.mesita('ps', '-a', '-o', 'json');
    const tasks = JSON.parse(stdout) as { name: string; statuses: Partial<TaskStatus>[] }[];
    return tasks.find((task) => task.name === name)?.statuses.at(-1) ?? {};
  }
});

const greedy = ['if=/dev/zero', 'of=/dev/shm/fill', 'bs=1M', 'count=60'];

function assertMemory(status: Partial<TaskStatus>): void {
  assert.deepEqual([status.state, status.reason], ['TASK_FAILED', 'REASON_CONTAINER_LIMITATION_MEMORY']);
}
