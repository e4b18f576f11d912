import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { ElectedMasters } from '../support/elected-masters.ts';
import { eventually } from '../support/eventually.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';
import { ForeignProcess, type Told } from './foreign-process.ts';
import { ForeignScheduler } from './foreign-scheduler.ts';
import { prepareGo, preparePython } from './toolchains.ts';

// PyPI's pymesos 0.3.15, which finds the leader by kazoo 2.11; mesos-go's detector (api/v0) by samuel/go-zookeeper.

const goToolchain = await prepareGo();
const toolchain = await preparePython();
const scripts = join(import.meta.dirname, 'python');
const skip = 'missing' in toolchain ? toolchain.missing : await missingZooKeeper();

describe('a scheduler on pymesos with zk://', { skip, timeout: 240_000 }, () => {
  let zookeeper: ZooKeeperServers;
  let cluster: Cluster;
  let masters: ElectedMasters;
  let scheduler: ForeignScheduler | undefined;

  before(async () => {
    zookeeper = await ZooKeeperServers.start();
    cluster = await Cluster.empty();
    masters = new ElectedMasters(cluster, zookeeper, '/mesos');
    await masters.start('a');
    await masters.leader();
    await masters.start('b');
    await cluster.startAgent('agent-1', [`--master=${masters.url}`, '--containerizers=process']);
  });
  after(async () => {
    await scheduler?.kill();
    for (const agent of cluster?.agents ?? []) await agent.process.end('SIGUSR1');
    await masters?.close();
    await cluster?.close();
    await zookeeper?.close();
  });

  async function running(name: string): Promise<string> {
    assert.ok(scheduler);
    const [task] = await scheduler.launch({ name, command: 'sleep 1000' });
    assert.ok(task);
    await scheduler.status(task.task, 'TASK_RUNNING');
    return task.task;
  }

  it('finds the leader, follows to the next one, and goes on with its tasks', async () => {
    assert.ok('directory' in toolchain);
    scheduler = await ForeignScheduler.start({
      file: join(toolchain.directory, 'bin/python3'),
      args: [
        join(scripts, 'scheduler.py'),
        JSON.stringify({ master: masters.url, name: 'by-zookeeper', directory: cluster.directory }),
      ],
      directory: cluster.directory,
      environment: { PYTHONPATH: scripts, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const first = await running('first');
    const leader = await masters.leader();
    leader.process.kill('SIGKILL');
    await leader.process.outcome;
    await masters.leaderAfter(leader);
    await eventually('it is subscribed again', () => (scheduler?.all('subscribed').length ?? 0) >= 2);
    const second = await running('second');
    for (const task of [first, second]) {
      assert.deepEqual(new Set(scheduler.statesOf(task)), new Set(['TASK_STARTING', 'TASK_RUNNING']));
      scheduler.command({ do: 'kill', task });
      await scheduler.status(task, 'TASK_KILLED');
    }
    assert.deepEqual(scheduler.errors, []);
  });

  it('waits while there is no master, and finds the next one', async () => {
    assert.ok(scheduler);
    const leader = await masters.leader();
    await leader.process.end('SIGTERM');
    const before = scheduler.all('subscribed').length;
    await masters.start('c');
    await eventually('it is subscribed again', () => (scheduler?.all('subscribed').length ?? 0) > before);
    const third = await running('third');
    scheduler.command({ do: 'kill', task: third });
    await scheduler.status(third, 'TASK_KILLED');
    assert.ok(!scheduler.over, scheduler.log);
  });
});

const skipGo = 'missing' in goToolchain ? goToolchain.missing : await missingZooKeeper();

describe('the detector of mesos-go', { skip: skipGo, timeout: 240_000 }, () => {
  let zookeeper: ZooKeeperServers;
  let cluster: Cluster;
  let masters: ElectedMasters;
  let detector: ForeignProcess | undefined;

  before(async () => {
    zookeeper = await ZooKeeperServers.start(3);
    cluster = await Cluster.empty();
    masters = new ElectedMasters(cluster, zookeeper, '/mesos');
    for (const name of ['a', 'b']) await masters.start(name);
  });
  after(async () => {
    await detector?.kill();
    await masters?.close();
    await cluster?.close();
    await zookeeper?.close();
  });

  it('tells of the leader, of the next one, and that there is none', async () => {
    assert.ok('directory' in goToolchain);
    const leader = await masters.leader();
    const found = new ForeignProcess({
      file: join(goToolchain.directory, 'detector'),
      args: [masters.url],
      directory: cluster.directory,
    });
    detector = found;
    const tells = ({ address }: { address: string }) =>
      found.tells<Told & { address: string; pid: string }>(
        'leader',
        (told) => told.address === address && told.pid === `master@${address}`,
      );
    await tells(leader);
    await leader.process.end('SIGKILL');
    const next = await masters.leaderAfter(leader);
    await tells(next);
    await next.process.end('SIGTERM');
    await found.tells('none');
    assert.ok(!found.over, found.log);
  });
});
