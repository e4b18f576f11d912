import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { PartitionRoom, storyOf } from '../support/partition-room.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const started = ['TASK_STARTING', 'TASK_RUNNING'];

describe('a link on which nothing arrives any more, without being closed', () => {
  for (const [name, directions] of [
    ['both ways', { up: true, down: true }],
    ['from the master', { down: true }],
    ['from the agent', { up: true }],
  ] as const) {
    test(`${name}: is given up by both sides, and a new one takes over with every task`, async (t) => {
      const room = await PartitionRoom.open(t);
      const [aware, plain] = [await room.scheduler('PARTITION_AWARE'), await room.scheduler()];
      await room.run(aware, 'a');
      await room.run(plain, 'p');
      const { attempts } = room;
      room.network.swallow(directions);
      await room.isUnreachable();
      await aware.update('a', 'TASK_UNREACHABLE');
      await plain.update('p', 'TASK_LOST');
      assert.ok(aware.failures.some(({ agent_id }) => agent_id?.value === room.agent));
      room.network.heal();
      await room.isBack();
      assert.ok(room.attempts > attempts);
      await eventually('both are told', () =>
        [aware, plain].every(({ updates }) => updates.at(-1)?.state === 'TASK_RUNNING'),
      );
      assert.deepEqual(storyOf(aware, 'a'), [
        ...started,
        'TASK_UNREACHABLE REASON_AGENT_REMOVED',
        'TASK_RUNNING REASON_AGENT_REREGISTERED',
      ]);
      assert.deepEqual(storyOf(plain, 'p'), [
        ...started,
        'TASK_LOST REASON_AGENT_REMOVED',
        'TASK_RUNNING REASON_AGENT_REREGISTERED',
      ]);
      assert.deepEqual([room.runs('a'), room.runs('p')], [true, true]);
      // The new link works both ways.
      await aware.driver.kill('a');
      await aware.update('a', 'TASK_KILLED');
      await room.run(plain, 'q');
    });
  }

  test('a task that was launched into it and never arrived is told to be lost, and not run later', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    const offer = await scheduler.offer();
    room.network.swallow({ up: true, down: true });
    const task = { task_id: { value: 't' }, name: 't', agent_id: offer.agent_id, resources: offer.resources };
    const container = { type: 'DOCKER', docker: { image: 'fake:1' } } as const;
    await scheduler.driver.launch([offer], [{ ...task, container, command: { value: 'sleep' } }]);
    await scheduler.update('t', 'TASK_UNREACHABLE');
    room.network.heal();
    await room.isBack();
    await eventually('its end is told', () => scheduler.updates.at(-1)?.state === 'TASK_DROPPED');
    assert.equal(room.runs('t'), false);
    assert.equal(storyOf(scheduler, 't').at(-1), 'TASK_DROPPED REASON_RECONCILIATION');
  });

  test('a kill that was said into it is said again', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    await room.run(scheduler, 't');
    room.network.swallow({ down: true });
    await scheduler.driver.kill('t');
    await room.isUnreachable();
    room.network.heal();
    await scheduler.update('t', 'TASK_KILLED');
    assert.equal(room.runs('t'), false);
  });

  test('an end that was told into it is told again, and acknowledged once', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    await room.run(scheduler, 't');
    room.network.swallow({ up: true });
    room.finish('t');
    await room.isUnreachable();
    room.network.heal();
    await scheduler.update('t', 'TASK_FINISHED');
    const { state } = room.room.master;
    await eventually('it is completed', () => [...state.frameworks.values()].every(({ tasks }) => tasks.size === 0));
    await eventually('the agent has forgotten it', () => room.held === 0);
    assert.equal(scheduler.updates.filter(({ state }) => state === 'TASK_FINISHED').length, 1);
  });

  test('an acknowledgement that was lost in it is made up for', async (t) => {
    const room = await PartitionRoom.open(t);
    const aware = { capabilities: [{ type: 'PARTITION_AWARE' as const }] };
    const scheduler = await TestScheduler.start(room.room.master.address, aware, 'by hand');
    t.after(() => scheduler.close());
    await room.launch(scheduler, 't');
    for (const state of ['TASK_STARTING', 'TASK_RUNNING'] as const)
      await scheduler.driver.acknowledge(await scheduler.update('t', state));
    room.finish('t');
    const end = await scheduler.update('t', 'TASK_FINISHED');
    room.network.swallow({ down: true });
    await scheduler.driver.acknowledge(end);
    await room.isUnreachable();
    room.network.heal();
    await room.isBack();
    await eventually('the agent has forgotten it', () => room.held === 0);
    assert.equal(scheduler.updates.filter(({ state }) => state === 'TASK_FINISHED').length, 1);
  });
});

describe('a network that', () => {
  test('is slow delays everything and loses nothing', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    room.network.delay(150);
    for (const name of ['a', 'b', 'c']) await room.launch(scheduler, name);
    for (const name of ['a', 'b', 'c']) await scheduler.update(name, 'TASK_RUNNING');
    for (const name of ['a', 'b', 'c']) room.finish(name);
    for (const name of ['a', 'b', 'c']) await scheduler.update(name, 'TASK_FINISHED');
    assert.ok(scheduler.updates.every(({ state }) => state !== 'TASK_UNREACHABLE'));
  });

  test('breaks again and again while tasks come and go loses none, and each ends once', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    for (let round = 0; round < 8; round++) {
      await room.run(scheduler, `t${round}`);
      room.finish(`t${round}`);
      room.network.reset();
    }
    for (let round = 0; round < 8; round++) await scheduler.update(`t${round}`, 'TASK_FINISHED');
    await eventually('the agent has forgotten them', () => room.held === 0);
    for (let round = 0; round < 8; round++)
      assert.deepEqual(scheduler.statesOf(`t${round}`), [...started, 'TASK_FINISHED']);
  });

  test('delivers a subscription that the agent has given up after its next one changes nothing by it', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    await room.run(scheduler, 't');
    const deliver = room.network.hold();
    room.network.reset();
    const { attempts } = room;
    await eventually('it is away', () => room.known?.connected === false);
    // The agent waits for an answer; what it says then is that t runs.
    await new Promise((resolve) => setTimeout(resolve, 300));
    room.network.letPass();
    room.network.reset();
    await eventually('it has dialled again', () => room.known?.connected === true && room.attempts > attempts);
    room.finish('t');
    await scheduler.update('t', 'TASK_FINISHED');
    const { state } = room.room.master;
    await eventually('it is completed', () => [...state.frameworks.values()].every(({ tasks }) => tasks.size === 0));
    const { attempts: latest } = room;
    deliver();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual([room.attempts, room.known?.connected], [latest, true]);
    assert.deepEqual(scheduler.statesOf('t'), [...started, 'TASK_FINISHED']);
    await room.run(scheduler, 'next');
  });
});
