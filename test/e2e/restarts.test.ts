import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { containersBelow, docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { type TaskDraft, TestScheduler } from '../support/test-scheduler.ts';

const long: Omit<TaskDraft, 'name'> = {
  container: { type: 'DOCKER', docker: { image: testImage } },
  command: { value: 'trap "exit 0" TERM; sleep 1000 & wait' },
};

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('two agents on one engine', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start([[], []]);
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'TASK_KILLING_STATE' }] });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(async () => {
    await Promise.all(cluster.agents.map(({ process }) => assert.ok(!process.over)));
    await cluster.settled();
  });

  /** The cluster's agent of that name, as it is now. */
  function agent(name: string) {
    const found = cluster.agents.find((candidate) => candidate.name === name);
    assert.ok(found);
    return found;
  }

  async function launchOn(id: string, name: string): Promise<void> {
    await scheduler.launch({ name, ...long }, { agent: id });
    await scheduler.update(name, 'TASK_RUNNING');
  }

  async function kill(name: string): Promise<void> {
    await scheduler.driver.kill(name);
    await scheduler.update(name, 'TASK_KILLED');
  }

  it('run a task each, and know their own alone', async () => {
    const [first, second] = [agent('agent-1'), agent('agent-2')];
    await launchOn(first.id, 'on-first');
    await launchOn(second.id, 'on-second');
    const state = await cluster.state();
    for (const [{ id }, task] of [
      [first, 'on-first'],
      [second, 'on-second'],
    ] as const) {
      const address = state.slaves.find((slave) => slave.id === id)?.pid.split('@')[1];
      const own = (await (await fetch(`http://${address}/state`)).json()) as {
        frameworks: { executors: { id: string }[] }[];
      };
      assert.deepEqual(
        own.frameworks.flatMap(({ executors }) => executors.map((executor) => executor.id)),
        [task],
      );
    }
    await kill('on-first');
    assert.deepEqual(scheduler.statesOf('on-second'), ['TASK_STARTING', 'TASK_RUNNING']);
    await kill('on-second');
  });

  it('keep their ids and remove their own containers alone when one is killed and comes back', async () => {
    const [first, second] = [agent('agent-1'), agent('agent-2')];
    const foreign = `mesos-${randomUUID()}`;
    await docker('run', '-d', '--name', foreign, '--network=none', testImage, 'sleep', '1000');
    try {
      await launchOn(first.id, 'lost');
      await launchOn(second.id, 'kept');
      const kept = await cluster.containerOf('kept');
      await first.process.end('SIGKILL');
      cluster.agents.splice(cluster.agents.indexOf(first), 1);
      const again = await cluster.startAgent('agent-1');
      assert.equal(again.id, first.id);
      const lost = await scheduler.update('lost', 'TASK_LOST');
      assert.equal(lost.agent_id?.value, first.id);
      assert.deepEqual(await containersBelow(cluster.directory), [kept]);
      assert.equal(await docker('inspect', foreign, '--format', '{{.State.Status}}'), 'running');
      assert.deepEqual(scheduler.statesOf('kept'), ['TASK_STARTING', 'TASK_RUNNING']);
      await launchOn(again.id, 'after');
      await kill('after');
      await kill('kept');
    } finally {
      await docker('rm', '-f', foreign);
    }
  });

  it('go on with their tasks under a master that was killed and comes back', async () => {
    const { id } = agent('agent-1');
    await launchOn(id, 'survivor');
    const container = await cluster.containerOf('survivor');
    const before = scheduler.id;
    await cluster.master.end('SIGKILL');
    await cluster.startMaster();
    await scheduler.subscribed(2);
    assert.equal(scheduler.id, before);
    await eventually('the agents are back', async () => (await cluster.state()).slaves.length === 2);
    const { slaves } = await cluster.state();
    assert.deepEqual(slaves.map((slave) => slave.id).sort(), cluster.agents.map((one) => one.id).sort());
    const seen = scheduler.updates.length;
    await eventually('the master tells that it runs', async () => {
      await scheduler.driver.reconcile([{ task_id: { value: 'survivor' } }]);
      const news = scheduler.updates.slice(seen).filter((status) => status.task_id.value === 'survivor');
      assert.ok(news.every(({ state }) => state === 'TASK_RUNNING'));
      return news.length > 0;
    });
    assert.equal(await cluster.containerOf('survivor'), container);
    await launchOn(id, 'newcomer');
    await kill('survivor');
    await kill('newcomer');
  });

  it('finish a task that ended while there was no master', async () => {
    await scheduler.launch({
      name: 'meanwhile',
      container: { type: 'DOCKER', docker: { image: testImage } },
      command: { value: 'while [ ! -e /mnt/mesos/sandbox/go ]; do sleep 0.1; done' },
    });
    await scheduler.update('meanwhile', 'TASK_RUNNING');
    const container = await cluster.containerOf('meanwhile');
    await cluster.master.end('SIGTERM');
    await docker('exec', container, 'touch', '/mnt/mesos/sandbox/go');
    await eventually('it is over', async () => !(await containersBelow(cluster.directory)).includes(container));
    await cluster.startMaster();
    await scheduler.update('meanwhile', 'TASK_FINISHED');
  });

  for (const [name, signal] of [
    ['agent-1', 'SIGTERM'],
    ['agent-2', 'SIGUSR1'],
  ] as const) {
    it(`end their tasks on ${signal}, and the scheduler hears of each`, async () => {
      const stopped = agent(name);
      const tasks = [`${name}-a`, `${name}-b`];
      for (const task of tasks) await launchOn(stopped.id, task);
      const { code, stderr } = await stopped.process.end(signal);
      assert.equal(code, 0, stderr);
      for (const task of tasks) {
        await scheduler.update(task, 'TASK_KILLED');
        assert.deepEqual(scheduler.statesOf(task), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
      }
      cluster.agents.splice(cluster.agents.indexOf(stopped), 1);
      assert.deepEqual(await containersBelow(cluster.directory), []);
      await eventually('the master knows that it has gone', async () =>
        (await cluster.state()).slaves.every(({ id, active }) => id !== stopped.id || !active),
      );
      await cluster.startAgent(name);
    });
  }
});
