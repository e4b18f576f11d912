import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asAgentId } from '../../protocol/ids.ts';
import { eventually } from '../support/eventually.ts';
import { PartitionRoom, storyOf } from '../support/partition-room.ts';

const started = ['TASK_STARTING', 'TASK_RUNNING'];
const grace = { max_grace_period: { nanoseconds: 1e9 } };
const drainOf = (room: PartitionRoom) => room.known?.drain?.state;

describe('a drain', () => {
  test('of an agent that is cut off begins when it comes back, also with a master that was started meanwhile', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    await room.run(scheduler, 't');
    room.network.cut();
    await eventually('it is away', () => room.known?.connected === false);
    assert.equal(await room.operate('DRAIN_AGENT', grace), 200);
    await room.room.restart();
    room.network.heal();
    await scheduler.update('t', 'TASK_KILLED');
    assert.equal(storyOf(scheduler, 't').at(-1), 'TASK_KILLED REASON_AGENT_DRAINING');
    await eventually('it is drained', () => drainOf(room) === 'DRAINED');
    assert.equal(await room.operate('REACTIVATE_AGENT'), 200);
    await room.run(scheduler, 'next');
  });

  test('goes on where the agent was started anew in its course', async (t) => {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler('PARTITION_AWARE');
    await room.run(scheduler, 't');
    await room.stopAgent();
    assert.equal(await room.operate('DRAIN_AGENT', grace), 200);
    assert.equal(drainOf(room), 'DRAINING');
    assert.equal(room.runs('t'), true);
    await room.startAgent();
    await scheduler.update('t', 'TASK_KILLED');
    await eventually('it is drained', () => drainOf(room) === 'DRAINED');
    await room.stopAgent();
    await room.startAgent();
    assert.equal(drainOf(room), 'DRAINED');
    assert.equal(room.known?.deactivated, true);
    assert.equal(room.runs('t'), false);
  });

  test('with mark_gone ends with the agent gone for good, whichever of the two was started anew', async (t) => {
    for (const anew of ['master', 'agent'] as const) {
      const room = await PartitionRoom.open(t);
      const aware = await room.scheduler('PARTITION_AWARE');
      await room.run(aware, 't');
      room.network.cut();
      await eventually('it is away', () => room.known?.connected === false);
      assert.equal(await room.operate('DRAIN_AGENT', { ...grace, mark_gone: true }), 200);
      if (anew === 'master') await room.room.restart();
      else await room.stopAgent();
      room.network.heal();
      if (anew === 'agent') await room.dialAgent();
      await aware.update('t', 'TASK_GONE_BY_OPERATOR');
      const { state } = room.room.master;
      await eventually('it is gone', () => state.goneAgents.has(asAgentId(room.agent)));
      await eventually('it has stopped', () => room.over);
      assert.equal(room.runs('t'), false);
    }
  });
});

describe('MARK_AGENT_GONE', () => {
  test('of an agent that is there ends it with its tasks', async (t) => {
    const room = await PartitionRoom.open(t);
    const [aware, plain] = [await room.scheduler('PARTITION_AWARE'), await room.scheduler()];
    await room.run(aware, 'a');
    await room.run(plain, 'p');
    assert.equal(await room.operate('MARK_AGENT_GONE'), 200);
    await aware.update('a', 'TASK_GONE_BY_OPERATOR');
    await plain.update('p', 'TASK_LOST');
    await eventually('it has stopped', () => room.over);
    await eventually('its tasks have ended', () => !room.runs('a') && !room.runs('p'));
    assert.deepEqual(storyOf(aware, 'a'), [...started, 'TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR']);
    assert.deepEqual(storyOf(plain, 'p'), [...started, 'TASK_LOST REASON_AGENT_REMOVED']);
  });

  test('of one that is unreachable ends it when it comes back, also with a master that was started meanwhile', async (t) => {
    const room = await PartitionRoom.open(t);
    const aware = await room.scheduler('PARTITION_AWARE');
    await room.run(aware, 'a');
    room.network.cut();
    await room.isUnreachable();
    assert.equal(await room.operate('MARK_AGENT_GONE'), 200);
    await aware.update('a', 'TASK_GONE_BY_OPERATOR');
    assert.equal(room.runs('a'), true);
    await room.room.restart();
    room.network.heal();
    await eventually('it has stopped', () => room.over);
    await eventually('its task has ended', () => !room.runs('a'));
    assert.equal(room.room.master.state.agents.size, 0);
    assert.deepEqual(storyOf(aware, 'a').slice(0, 4), [
      ...started,
      'TASK_UNREACHABLE REASON_AGENT_REMOVED',
      'TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR',
    ]);
  });

  test('of one that a new master has not seen yet ends it when it comes', async (t) => {
    const room = await PartitionRoom.open(t);
    const aware = await room.scheduler('PARTITION_AWARE');
    await room.run(aware, 'a');
    room.network.cut();
    await room.room.restart();
    assert.equal(await room.operate('MARK_AGENT_GONE'), 200);
    room.network.heal();
    await eventually('it has stopped', () => room.over);
    await eventually('its task has ended', () => !room.runs('a'));
  });

  test('of one that never was is refused', async (t) => {
    const room = await PartitionRoom.open(t);
    assert.equal(await room.operate('MARK_AGENT_GONE', { agent_id: { value: 'nobody' } }), 404);
  });
});
