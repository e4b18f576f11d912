import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ClusterState, tasksOf } from '../../cli/cluster-state.ts';
import { SchedulerDriver } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { type ElectedMaster, ElectedMasters, endedAsDeposed } from '../support/elected-masters.ts';
import { eventually } from '../support/eventually.ts';
import { TestScheduler } from '../support/test-scheduler.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';

const skip = await missingZooKeeper();
// Milliseconds for all of it: nothing may hang.
const timeout = 480_000;

const stateOf = async ({ address }: ElectedMaster): Promise<ClusterState> =>
  (await (await fetch(`http://${address}/state`)).json()) as ClusterState;

describe('three masters and three ZooKeeper servers', { skip, timeout }, () => {
  let zookeeper: ZooKeeperServers;
  let cluster: Cluster;
  let masters: ElectedMasters;
  let scheduler: TestScheduler;

  before(async () => {
    zookeeper = await ZooKeeperServers.start(3);
    cluster = await Cluster.empty();
    masters = new ElectedMasters(cluster, zookeeper, '/test/mesos');
    for (const name of ['a', 'b', 'c']) await masters.start(name);
    await masters.leader();
    const flags = [`--master=${masters.url}`, '--zk_session_timeout=3secs', '--containerizers=process'];
    await Promise.all(['agent-1', 'agent-2'].map((name) => cluster.startAgent(name, flags)));
    scheduler = await TestScheduler.start(masters.url, { capabilities: [{ type: 'PARTITION_AWARE' }] });
  });
  after(async () => {
    await scheduler?.driver.teardown().catch(() => undefined);
    await scheduler?.close();
    for (const agent of cluster?.agents ?? []) await agent.process.end('SIGUSR1');
    await masters?.close();
    await cluster?.close();
    await zookeeper?.close();
  });

  async function run(name: string): Promise<void> {
    await scheduler.launch({ name, command: { value: 'sleep 1000' } });
    await scheduler.update(name, 'TASK_RUNNING');
  }

  /** That master leads with all that there was: both agents, the framework, and these tasks running, once each. */
  async function carriesOn(leader: ElectedMaster, ...names: string[]): Promise<void> {
    await eventually('agents and tasks are back', async () => {
      const state = await stateOf(leader);
      assert.equal(state.slaves.length, 2);
      const running = tasksOf(state, false).filter((task) => task.state === 'TASK_RUNNING');
      assert.deepEqual(running.map(({ id }) => id).sort(), [...names].sort());
      // Refused while there is no subscription.
      await scheduler.driver.suppress();
      return true;
    });
    for (const name of names)
      assert.deepEqual(new Set(scheduler.statesOf(name)), new Set(['TASK_STARTING', 'TASK_RUNNING']));
  }

  it('send clients of those that follow to the one that leads', async () => {
    const leader = await masters.leader();
    for (const master of masters.all) {
      assert.ok(!master.process.over, master.process.stderr);
      for (const path of ['/redirect', '/master/redirect']) {
        const { status, headers } = await fetch(`http://${master.address}${path}`, { redirect: 'manual' });
        assert.deepEqual([status, headers.get('location')?.split(':').at(-1)], [307, leader.address.split(':')[1]]);
      }
      const metrics = (await (await fetch(`http://${master.address}/metrics/snapshot`)).json()) as Record<
        string,
        number
      >;
      assert.equal(metrics['master/elected'], master === leader ? 1 : 0);
    }
  });

  it('are found by commands, through ZooKeeper and by a list of them', async () => {
    const addresses = masters.all.map(({ address }) => address);
    for (const master of [masters.url, addresses.join(','), addresses.toReversed().join(',')]) {
      const { code, stdout, stderr } = await cluster.mesita('nodes', `--master=${master}`, '--output=json');
      assert.equal(code, 0, stderr);
      assert.equal((JSON.parse(stdout) as unknown[]).length, 2);
    }
  });

  it('go on with all tasks and frameworks when the one that leads is killed', async () => {
    await run('one');
    const leader = await masters.leader();
    leader.process.kill('SIGKILL');
    await leader.process.outcome;
    const next = await masters.leaderAfter(leader);
    await scheduler.subscribed(2);
    await carriesOn(next, 'one');
    await run('two');
    await carriesOn(next, 'one', 'two');
    await masters.start('d');
  });

  it('hand over at once when the one that leads is stopped', async () => {
    const leader = await masters.leader();
    const { code, stderr } = await leader.process.end('SIGTERM');
    assert.equal(code, 0, stderr);
    const next = await masters.leaderAfter(leader);
    await carriesOn(next, 'one', 'two');
    await masters.start('e');
  });

  it('are not disturbed when a ZooKeeper server ends, the one that leads its ensemble included', async () => {
    const leader = await masters.leader();
    const ofZooKeeper = await zookeeper.leader();
    await zookeeper.kill(ofZooKeeper);
    await zookeeper.serves();
    await run('three');
    assert.equal(await masters.leader(), leader);
    await carriesOn(leader, 'one', 'two', 'three');
    zookeeper.restart(ofZooKeeper);
    await zookeeper.serves();
    assert.equal(await masters.leader(), leader);
  });

  it('have no two that lead: one that ZooKeeper does not hear ends by itself', async () => {
    const leader = await masters.leader();
    for (const proxy of leader.proxies) proxy.hold();
    endedAsDeposed(await leader.process.outcome);
    const next = await masters.leaderAfter(leader);
    await carriesOn(next, 'one', 'two', 'three');
    await masters.start('f');
  });

  it('launch nothing through one that slept while another was elected', async () => {
    const leader = await masters.leader();
    // Of this framework the old leader alone knows, and it never learns of another.
    const direct = new SchedulerDriver({
      master: leader.address,
      framework: { user: 'root', name: 'direct' },
      handlers: {
        offers: async (offers) => {
          const [offer] = offers;
          if (offer === undefined) return;
          leader.process.kill('SIGSTOP');
          await masters.leaderAfter(leader);
          const task = {
            name: 'late',
            task_id: { value: 'late' },
            agent_id: offer.agent_id,
            command: { value: 'sleep 1000' },
            resources: [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.1 } }],
          };
          const told = driver.launch([offer], [task]).catch(() => undefined);
          leader.process.kill('SIGCONT');
          await told;
          driver.stop();
        },
      },
    });
    const driver = direct;
    await direct.run().catch(() => undefined);
    endedAsDeposed(await leader.process.outcome);
    const next = await masters.leaderAfter(leader);
    await carriesOn(next, 'one', 'two', 'three');
    assert.ok(!tasksOf(await stateOf(next), true).some(({ id }) => id === 'late'));
  });

  it('have none that leads while ZooKeeper is away for long, and one again afterwards; tasks go on', async () => {
    const leader = await masters.leader();
    for (const number of [1, 2, 3]) zookeeper.signal(number, 'SIGSTOP');
    endedAsDeposed(await leader.process.outcome);
    const followers = masters.all.filter(({ process }) => !process.over);
    assert.notEqual(followers.length, 0);
    for (const { address } of followers)
      await eventually('it knows of no leader', async () => {
        const { status } = await fetch(`http://${address}/state`, { redirect: 'manual' });
        return status === 503;
      });
    for (const number of [1, 2, 3]) zookeeper.signal(number, 'SIGCONT');
    await carriesOn(await masters.leaderAfter(leader), 'one', 'two', 'three');
    for (const name of ['one', 'two', 'three']) {
      await scheduler.driver.kill(name);
      await scheduler.update(name, 'TASK_KILLED');
    }
  });
});
