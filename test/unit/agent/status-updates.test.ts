import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { containerRemoved } from '../../../agent/commands/container-events.ts';
import { AgentRoom, dockerTask, framework, outcomes } from '../../support/agent-room.ts';
import { until } from '../../support/virtual-clock.ts';

async function started(t: TestContext): Promise<AgentRoom> {
  const room = await AgentRoom.open();
  t.after(() => room.close());
  room.run(dockerTask('t1'));
  await room.running('t1');
  return room;
}

describe('status updates', () => {
  test('go out one at a time: the next one follows the acknowledgement of the one before', async (t) => {
    const room = await started(t);
    const [starting, ...more] = room.statuses();
    assert.deepEqual([starting?.state, more], ['TASK_STARTING', []]);
    assert.ok(starting);
    room.acknowledge(starting);
    const [running] = room.statuses();
    assert.equal(running?.state, 'TASK_RUNNING');
    room.acknowledge(starting);
    assert.deepEqual(room.statuses(), [], 'an acknowledgement that comes twice is passed over');
  });

  test('say how far the task is by now while older ones wait', async (t) => {
    const room = await started(t);
    const [message] = room.sent.splice(0);
    assert.equal(message?.type === 'UPDATE' && message.latest_state, 'TASK_STARTING');
    room.register();
    const [again] = room.sent.splice(0);
    assert.equal(again?.type === 'UPDATE' && again.latest_state, 'TASK_RUNNING');
    assert.equal(again?.type === 'UPDATE' && again.status.state, 'TASK_STARTING');
  });

  test('are repeated after 10, 20, 40 … 600 seconds until they are acknowledged, with the same uuid', async (t) => {
    const room = await started(t);
    const [first] = room.statuses();
    const waits: number[] = [];
    for (let waited = 0; waits.length < 9; ) {
      room.clock.advance(1_000);
      waited++;
      const repeated = room.statuses();
      if (repeated.length === 0) continue;
      assert.deepEqual(
        repeated.map(({ uuid }) => uuid),
        [first?.uuid],
      );
      waits.push(waited);
      waited = 0;
    }
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
  });

  test('of a framework that subscribes again go out at once, for it may be a new scheduler', async (t) => {
    const room = await started(t);
    const [first] = room.statuses();
    room.performer.receive({ type: 'UPDATE_FRAMEWORK', framework: { ...framework, id: { value: 'other' } } });
    assert.deepEqual(room.statuses(), []);
    room.performer.receive({ type: 'UPDATE_FRAMEWORK', framework });
    assert.deepEqual(
      room.statuses().map(({ uuid }) => uuid),
      [first?.uuid],
    );
  });

  test('once the last is acknowledged the task id may be used again, while the container is still being removed', async (t) => {
    const room = await started(t);
    const earlier = room.task('t1');
    earlier.state = 'TASK_FAILED';
    earlier.queue.length = 0;
    room.run(dockerTask('t1'));
    const later = room.task('t1');
    assert.notEqual(later.containerId, earlier.containerId);
    containerRemoved(room.state, earlier);
    assert.equal(room.task('t1'), later);
    await room.running('t1');
  });

  test('after a new link go out at once, beginning with 10 seconds again', async (t) => {
    const room = await started(t);
    room.clock.advance(100_000);
    room.statuses();
    room.register();
    assert.equal(room.statuses().length, 1);
    room.clock.advance(9_000);
    assert.equal(room.statuses().length, 0);
    room.clock.advance(2_000);
    assert.equal(room.statuses().length, 1);
  });

  test('of an ended task stay until the last is acknowledged, then the agent forgets it', async (t) => {
    const room = await started(t);
    room.engine.exit(room.task('t1').containerName, 0);
    await until('it is removed', () => room.task('t1').released);
    assert.equal(room.state.tasks.size, 1);
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  test('carry the addresses of the container, or of the agent on networks without any of their own', async (t) => {
    const room = await started(t);
    const [starting] = room.statuses();
    assert.deepEqual(starting?.container_status?.network_infos, [
      { ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.0.1' }] },
    ]);
    assert.equal(starting?.container_status?.container_id?.value, room.task('t1').containerId);
  });

  test('tell of slow steps of the launch, and no more than one at a time', async (t) => {
    const room = await AgentRoom.open();
    t.after(() => room.close());
    room.engine.scriptPull('slow:1', { progress: ['10 %', '20 %', '90 %'] });
    room.run(dockerTask('t1', { container: { type: 'DOCKER', docker: { image: 'slow:1' } } }));
    room.engine.exit(await room.running('t1'), 0);
    const statuses = await room.history('t1');
    assert.deepEqual(outcomes(statuses), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    assert.equal(statuses[0]?.message, '10 %');
  });
});

describe('RECONCILE', () => {
  const ask = (room: AgentRoom, ...tasks: [string, boolean][]) =>
    room.performer.receive({
      type: 'RECONCILE',
      tasks: tasks.map(([task_id, partition_aware]) => ({ framework_id: 'F', task_id, partition_aware })),
    });

  test('names tasks that are not here: they are lost, and that is repeated until it is acknowledged', async (t) => {
    const room = await started(t);
    room.statuses();
    ask(room, ['t1', true], ['aware', true], ['plain', false]);
    const lost = room.statuses();
    assert.deepEqual(outcomes(lost), ['TASK_DROPPED REASON_RECONCILIATION', 'TASK_LOST REASON_RECONCILIATION']);
    assert.ok(lost.every(({ source, agent_id }) => source === 'SOURCE_AGENT' && agent_id?.value === 'S'));
    ask(room, ['aware', true]);
    room.clock.advance(11_000);
    const repeated = room.statuses().filter(({ task_id }) => task_id.value !== 't1');
    assert.deepEqual(
      repeated.map(({ uuid }) => uuid),
      lost.map(({ uuid }) => uuid),
    );
    for (const status of lost) room.acknowledge(status);
    assert.equal(room.state.tasks.size, 1);
  });

  test('does not confuse frameworks', async (t) => {
    const room = await started(t);
    room.run(dockerTask('t1'), { ...framework, id: { value: 'G' } });
    assert.equal(room.state.tasks.size, 2);
    room.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'G' });
    await until('G is gone', () => room.state.tasks.size === 1);
  });
});
