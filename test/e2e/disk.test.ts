import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { ImageRegistry } from '../support/image-registry.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;

describe('the disk', { timeout }, () => {
  let registry: ImageRegistry;
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    registry = await ImageRegistry.open();
    cluster = await Cluster.empty();
    await cluster.startMaster();
    // Everything is too much: what may go goes at once.
    const images = '{"image_disk_headroom": 1, "image_disk_watch_interval": {"nanoseconds": 1000000000}}';
    await mkdir(join(cluster.directory, 'agent/slaves/former/frameworks'), { recursive: true });
    await cluster.startAgent('agent', [
      '--container_disk_watch_interval=1secs',
      `--image_gc_config=${images}`,
      '--gc_disk_headroom=1',
      '--disk_watch_interval=1secs',
    ]);
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
    await registry?.close();
  });
  afterEach(() => cluster.settled());

  it('of a sandbox is no more than its task asked for', async () => {
    const command = { value: 'dd if=/dev/zero of=$MESOS_SANDBOX/file bs=1M count=20 2>/dev/null; sleep 1000' };
    await scheduler.launch({ name: 'greedy', command, resources: resources({ cpus: 0.1, mem: 32, disk: 10 }) });
    const { reason, message, limitation } = await scheduler.update('greedy', 'TASK_FAILED');
    assert.equal(reason, 'REASON_CONTAINER_LIMITATION_DISK');
    assert.match(message ?? '', /limit 10 MB, 20(\.\d)? MB/);
    assert.equal(limitation?.resources?.[0]?.name, 'disk');
  });

  it('has no sandbox of what is over for long, nor of former agents, and has those of what runs', async () => {
    const container = { type: 'DOCKER' as const, docker: { image: testImage } };
    await scheduler.launch({ name: 'lives', container, command: { value: 'sleep 1000' } });
    await scheduler.update('lives', 'TASK_RUNNING');
    await scheduler.launch({ name: 'over', container, command: { value: 'true' } });
    await scheduler.update('over', 'TASK_FINISHED');
    const [over, lives] = [await cluster.sandboxOf('over'), await cluster.sandboxOf('lives')];
    await eventually('what is over is gone', () => !existsSync(join(over, '..')));
    await eventually('the former agent is gone', () => !existsSync(join(cluster.directory, 'agent/slaves/former')));
    assert.ok(existsSync(join(lives, 'stdout')));
    await scheduler.driver.kill('lives');
    await scheduler.update('lives', 'TASK_KILLED');
  });

  it('has no image for long that the agent pulled and no task uses, and has all others', async () => {
    const [used, free] = [await registry.add('used:1', 'used'), await registry.add('free:1', 'free')];
    const foreign = await registry.add('foreign:1', 'foreign');
    await docker('pull', foreign);
    const of = (image: string) => ({ type: 'DOCKER' as const, docker: { image } });
    await scheduler.launch({ name: 'used', container: of(used), command: { value: 'sleep 1000' } });
    await scheduler.update('used', 'TASK_RUNNING');
    for (const [name, image] of Object.entries({ free, foreign })) {
      await scheduler.launch({ name, container: of(image), command: { value: 'true' } });
      await scheduler.update(name, 'TASK_FINISHED');
    }
    const images = () => docker('images', '--format', '{{.Repository}}:{{.Tag}}');
    await eventually('the free one is gone', async () => !(await images()).includes(free));
    const left = await images();
    for (const image of [used, foreign, testImage]) assert.ok(left.split('\n').includes(image), image);
    await scheduler.driver.kill('used');
    await eventually('the used one is gone, too', async () => !(await images()).includes(used));
  });
});
