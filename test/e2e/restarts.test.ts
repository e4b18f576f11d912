import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { type AgentProcess, Cluster } from '../support/cluster.ts';
import { containersBelow, docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { terminals } from '../support/recovery-room.ts';
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

  /** The same agent, started anew. */
  async function restarted(one: AgentProcess): Promise<AgentProcess> {
    cluster.agents.splice(cluster.agents.indexOf(one), 1);
    return cluster.startAgent(one.name);
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

  it('go on with their own containers when one is killed and comes back, and remove none but their own', async () => {
    const [first, second] = [agent('agent-1'), agent('agent-2')];
    const foreign = `mesos-${randomUUID()}`;
    await docker('run', '-d', '--name', foreign, '--network=none', testImage, 'sleep', '1000');
    try {
      await launchOn(first.id, 'stays');
      await launchOn(second.id, 'kept');
      const [stays, kept] = [await cluster.containerOf('stays'), await cluster.containerOf('kept')];
      await first.process.end('SIGKILL');
      // As one that the agent had begun to make for somebody whom nobody remembers.
      const orphan = `mesos-${randomUUID()}`;
      const labels = ['--label', `org.mesita.work_dir=${first.workDirectory}`];
      await docker('create', '--name', orphan, ...labels, testImage, 'true');
      const again = await restarted(first);
      assert.equal(again.id, first.id);
      await eventually('the orphan is gone', async () => {
        assert.deepEqual((await containersBelow(cluster.directory)).sort(), [stays, kept].sort());
        return true;
      });
      assert.equal(await docker('inspect', foreign, '--format', '{{.State.Status}}'), 'running');
      for (const name of ['stays', 'kept'])
        assert.deepEqual(scheduler.statesOf(name), ['TASK_STARTING', 'TASK_RUNNING']);
      await launchOn(again.id, 'after');
      for (const name of ['after', 'stays', 'kept']) await kill(name);
    } finally {
      await docker('rm', '-f', foreign);
    }
  });

  it('tell how tasks ended while their agent was away', async () => {
    const first = agent('agent-1');
    const outcomes = [
      ['fails', 'exit 3'],
      ['finishes', 'exit 0'],
      ['eats', 'tail /dev/zero'],
    ] as const;
    const go = 'while [ ! -e /mnt/mesos/sandbox/go ]; do sleep 0.1; done';
    for (const [name, end] of outcomes) {
      const command = { value: `echo begun; ${go}; echo over; ${end}` };
      await scheduler.launch({ ...long, name, command }, { agent: first.id });
      await scheduler.update(name, 'TASK_RUNNING');
    }
    const containers = await Promise.all(outcomes.map(([name]) => cluster.containerOf(name)));
    await first.process.end('SIGKILL');
    for (const container of containers) await docker('exec', container, 'touch', '/mnt/mesos/sandbox/go');
    for (const container of containers) await docker('wait', container);
    await restarted(first);
    assert.match((await scheduler.update('fails', 'TASK_FAILED')).message ?? '', /status 3/);
    await scheduler.update('finishes', 'TASK_FINISHED');
    assert.equal((await scheduler.update('eats', 'TASK_FAILED')).reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    for (const [name] of outcomes) {
      const output = await readFile(join(await cluster.sandboxOf(name), 'stdout'), 'utf8');
      assert.equal(output, 'begun\nover\n');
      assert.equal(terminals(scheduler, name).length, 1);
    }
  });

  it('say of a container that is gone when the agent comes back that it is, and why', async () => {
    const first = agent('agent-1');
    await launchOn(first.id, 'removed');
    const container = await cluster.containerOf('removed');
    await first.process.end('SIGKILL');
    await docker('rm', '-f', container);
    await restarted(first);
    assert.match((await scheduler.update('removed', 'TASK_LOST')).message ?? '', /gone when the agent came back/);
  });

  it('hand over their tasks with SIGTERM, under a master that is away and one that never knew them', async () => {
    const first = agent('agent-1');
    await launchOn(first.id, 'handed');
    const { code, stderr } = await first.process.end('SIGTERM');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /"tasks":1.*tasks are left running/);
    await cluster.master.end('SIGKILL');
    await rm(join(cluster.directory, 'master'), { recursive: true });
    await cluster.startMaster();
    await restarted(first);
    await eventually('both agents are back', async () => (await cluster.state()).slaves.length === 2);
    await scheduler.subscribed(2);
    await kill('handed');
    assert.equal(terminals(scheduler, 'handed').length, 1);
  });

  it('go on with their tasks under a master that was killed and comes back', async () => {
    const { id } = agent('agent-1');
    await launchOn(id, 'survivor');
    const container = await cluster.containerOf('survivor');
    const before = scheduler.id;
    await cluster.master.end('SIGKILL');
    await cluster.startMaster();
    await scheduler.subscribed(3);
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

  it('end their tasks on SIGUSR1, and the scheduler hears of each', async () => {
    const stopped = agent('agent-2');
    const tasks = ['one', 'other'];
    for (const task of tasks) await launchOn(stopped.id, task);
    const { code, stderr } = await stopped.process.end('SIGUSR1');
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
    await cluster.startAgent('agent-2');
  });
});
