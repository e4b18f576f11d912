import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { MasterEvent, TaskState } from '../../protocol/messages.ts';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { until, VirtualClock } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = [], clock?: VirtualClock): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags, clock);
  t.after(() => room.close());
  return room;
}

function follow(room: MasterRoom, accept = 'application/json'): Promise<OpenStream<MasterEvent>> {
  return room.stream<MasterEvent>('/api/v1', '{"type":"SUBSCRIBE"}', { accept });
}

const typesOf = ({ records }: OpenStream<MasterEvent>) => records.map(({ type }) => type);

test('a subscriber gets the state, a heartbeat at once, and one every fifteen seconds, each in a chunk of its own', async (t) => {
  const clock = new VirtualClock();
  const room = await open(t, [], clock);
  const stream = await follow(room);
  assert.deepEqual([stream.status, stream.headers['content-type']], [200, 'application/json']);
  assert.equal(stream.headers['content-length'], undefined);
  await until('the first heartbeat', () => stream.records.length === 2);
  const [subscribed] = stream.records;
  assert.equal(subscribed?.subscribed?.heartbeat_interval_seconds, 15);
  assert.deepEqual(subscribed?.subscribed?.get_state?.get_agents, { agents: [], recovered_agents: [] });
  assert.equal(stream.chunks[1], '20\n{"type":"HEARTBEAT"}');
  clock.advance(14_999);
  clock.advance(1);
  clock.advance(15_000);
  await until('two more heartbeats', () => stream.records.length === 4);
  assert.equal(stream.chunks.length, 4);
});

test('subscribers hear in either form of all that a framework does', async (t) => {
  const room = await open(t);
  const streams = [await follow(room), await follow(room, 'application/x-protobuf')];
  const framework = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  const agent = await room.join(agentSubscription({ resources: 'cpus:4;mem:1024' }));
  await until('an offer', () => framework.records.some(({ type }) => type === 'OFFERS'));
  const offer = framework.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  const launch = { task_infos: [taskFor(offer, 't1', 'cpus:1;mem:64')] };
  const accept = { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch }] };
  await room.call(framework, { type: 'ACCEPT', accept });
  const update = (state: TaskState, uuid: string) => {
    const status = { task_id: { value: 't1' }, state, agent_id: offer.agent_id, uuid, data: 'aGVsbG8=' };
    return room.tell(agent, [
      { type: 'UPDATE', framework_id: frameworkOf(framework), status, latest_state: 'TASK_RUNNING' },
    ]);
  };
  await update('TASK_STARTING', 'EjRWeJq8TeaAZcMAAAAAAQ==');
  await update('TASK_RUNNING', 'EjRWeJq8TeaAZcMAAAAAAg==');
  await update('TASK_RUNNING', 'EjRWeJq8TeaAZcMAAAAAAg==');
  await room.tell(agent, [{ type: 'UNREGISTER' }]);
  await room.call(framework, { type: 'TEARDOWN' });
  for (const stream of streams) {
    await until('the end of the framework', () => typesOf(stream).includes('FRAMEWORK_REMOVED'));
    assert.deepEqual(typesOf(stream), [
      'SUBSCRIBED',
      'HEARTBEAT',
      'FRAMEWORK_ADDED',
      'AGENT_ADDED',
      'TASK_ADDED',
      'TASK_UPDATED',
      'TASK_UPDATED',
      'TASK_UPDATED',
      'AGENT_REMOVED',
      'FRAMEWORK_REMOVED',
    ]);
    const updates = stream.records.flatMap(({ task_updated }) => task_updated ?? []);
    assert.deepEqual(
      updates.map(({ status, state }) => [status.state, state]),
      [
        ['TASK_STARTING', 'TASK_RUNNING'],
        ['TASK_RUNNING', 'TASK_RUNNING'],
        ['TASK_LOST', 'TASK_LOST'],
      ],
      'a repeated update is no news',
    );
    assert.equal(updates[0]?.status.data, 'aGVsbG8=');
  }
});

test('a framework that subscribes again is updated; that it went is no news', async (t) => {
  const room = await open(t);
  const stream = await follow(room);
  const first = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  const id = frameworkOf(first);
  first.hangUp();
  await until('it is disconnected', () => room.master.state.frameworks.get(id as never)?.connected === false);
  await room.subscribe(frameworkInfo({ id, failoverTimeout: 60, name: 'renamed' }));
  await until('the update', () => stream.records.length === 4);
  assert.deepEqual(typesOf(stream).slice(2), ['FRAMEWORK_ADDED', 'FRAMEWORK_UPDATED']);
  const { framework } = stream.records[3]?.framework_updated ?? {};
  assert.deepEqual([framework?.framework_info.name, framework?.connected], ['renamed', true]);
});

test('with too many subscribers, the oldest stream ends', async (t) => {
  const room = await open(t, ['--max_operator_event_stream_subscribers=2']);
  const [first, second, third] = [await follow(room), await follow(room), await follow(room)];
  await until('the first ends', () => first.ended);
  second.hangUp();
  await room.subscribe(frameworkInfo());
  await until('the third goes on', () => typesOf(third).includes('FRAMEWORK_ADDED'));
  const fourth = await follow(room);
  await until('the fourth begins', () => fourth.records.length >= 2);
  assert.equal(third.ended, false, 'one that left makes room');
});

test('a state that is longer than what may wait for a subscriber reaches it all the same', async (t) => {
  const room = await open(t, ['--max_stream_backlog=1']);
  const id = frameworkOf(await room.subscribe(frameworkInfo()));
  const framework = room.master.state.frameworks.get(id as never);
  for (let index = 0; index < 30_000; index++) {
    framework?.completedTasks.push({
      name: 'a task with a long name, so that fewer of them are needed to fill several megabytes',
      task_id: { value: `t${index}` },
      framework_id: { value: id },
      agent_id: { value: 'S0' },
      state: 'TASK_FINISHED',
    });
  }
  const stream = await follow(room);
  await until('the heartbeat', () => typesOf(stream).includes('HEARTBEAT'));
  assert.equal(stream.records[0]?.subscribed?.get_state?.get_tasks?.completed_tasks?.length, 30_000);
  assert.equal(stream.ended, false);
});
