import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until, VirtualClock } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = [], clock?: VirtualClock): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags, clock);
  t.after(() => room.close());
  return room;
}

const resources = 'cpus:4;mem:1024';

test('each event is one chunk, SUBSCRIBED with a HEARTBEAT right behind it', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo());
  await until('the heartbeat', () => stream.records.length >= 2);
  assert.deepEqual(
    stream.records.slice(0, 2).map(({ type }) => type),
    ['SUBSCRIBED', 'HEARTBEAT'],
  );
  assert.equal(stream.chunks[1], '20\n{"type":"HEARTBEAT"}');
  assert.match(stream.chunks[0] ?? '', /"heartbeat_interval_seconds":15\.0/);
  assert.equal(stream.headers['content-type'], 'application/json');
  assert.match(String(stream.headers['mesos-stream-id']), /^[0-9a-f-]{36}$/);
  assert.equal(stream.headers['content-length'], undefined);
});

test('heartbeats come every fifteen seconds', async (t) => {
  const clock = new VirtualClock();
  const room = await open(t, [], clock);
  const stream = await room.subscribe(frameworkInfo());
  clock.advance(15_000);
  clock.advance(15_000);
  await until('two more heartbeats', () => stream.records.filter(({ type }) => type === 'HEARTBEAT').length === 3);
});

test('an offer, a launch, an update and its acknowledgement travel from end to end', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo());
  const agent = await room.join(agentSubscription({ resources }));
  await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
  const offer = stream.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  const launch = { task_infos: [taskFor(offer, 't1', 'cpus:1;mem:64')] };
  const accept = { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch }] };
  const answer = await room.call(stream, { type: 'ACCEPT', accept });
  assert.deepEqual([answer.status, answer.text, answer.headers['content-length']], [202, '', '0']);
  await until('the task', () => agent.records.some(({ type }) => type === 'RUN_TASK'));
  const status = {
    task_id: { value: 't1' },
    state: 'TASK_RUNNING' as const,
    agent_id: offer.agent_id,
    uuid: 'EjRWeJq8TeaAZcMAAAAAAQ==',
  };
  const update = { type: 'UPDATE' as const, framework_id: frameworkOf(stream), status, latest_state: status.state };
  assert.equal((await room.tell(agent, [update])).status, 202);
  await until('the update', () => stream.records.some(({ type }) => type === 'UPDATE'));
  const acknowledge = { agent_id: offer.agent_id, task_id: status.task_id, uuid: status.uuid };
  await room.call(stream, { type: 'ACKNOWLEDGE', acknowledge });
  await until('the acknowledgement', () => agent.records.some(({ type }) => type === 'ACKNOWLEDGE'));
});

test('a new subscription of the same framework tells and ends the old one, whose stream id is void', async (t) => {
  const room = await open(t);
  const old = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  const id = frameworkOf(old);
  const fresh = await room.subscribe(frameworkInfo({ id, failoverTimeout: 60 }));
  await until('the old one ends', () => old.ended);
  assert.deepEqual(old.records.at(-1), { type: 'ERROR', error: { message: 'Framework failed over' } });
  assert.equal((await room.call(old, { type: 'REVIVE' })).status, 400);
  assert.equal((await room.call(fresh, { type: 'REVIVE' })).status, 202);
  assert.equal(
    room.master.state.frameworks.get(id as never)?.connected,
    true,
    'the end of the old stream disconnects nobody',
  );
});

test('a client that goes away disconnects its framework, also when it only half-closes', async (t) => {
  const room = await open(t);
  const body = JSON.stringify({
    type: 'SUBSCRIBE',
    subscribe: { framework_info: frameworkInfo({ failoverTimeout: 60 }) },
  });
  const head = `POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
    const { socket, received } = await room.raw();
    socket.write(head + body);
    await until('SUBSCRIBED', () => received().includes('SUBSCRIBED'));
    assert.ok([...room.master.state.frameworks.values()].some(({ connected }) => connected));
    socket[leave]();
    await until(`the master sees ${leave}`, () =>
      [...room.master.state.frameworks.values()].every(({ connected }) => !connected),
    );
  }
});

test('a client that goes away before the answer leaves nobody subscribed', async (t) => {
  const room = await open(t);
  const body = JSON.stringify({
    type: 'SUBSCRIBE',
    subscribe: { framework_info: frameworkInfo({ failoverTimeout: 60 }) },
  });
  for (let times = 0; times < 20; times++) {
    const { socket } = await room.raw();
    socket.write(
      `POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    if (times % 2 === 0) socket.resetAndDestroy();
    else socket.end();
  }
  await room.request('GET', '/health');
  await until('all are away', () => [...room.master.state.frameworks.values()].every(({ connected }) => !connected));
});

test('TEARDOWN ends the stream after the answer', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo());
  assert.equal((await room.call(stream, { type: 'TEARDOWN' })).status, 202);
  await until('the stream ends', () => stream.ended);
  assert.equal(room.master.state.completedFrameworks.size, 1);
});

test('an agent that does not pong is unreachable, one that does is not', async (t) => {
  const clock = new VirtualClock();
  const room = await open(t, [], clock);
  const quiet = await room.join(agentSubscription({ resources, hostname: 'quiet' }));
  const good = await room.join(agentSubscription({ resources, hostname: 'good' }));
  for (let seconds = 0; seconds < 75; seconds += 15) {
    clock.advance(15_000);
    await room.tell(good, [{ type: 'PONG' }]);
  }
  clock.advance(1_000);
  assert.deepEqual(
    [...room.master.state.agents.values()].map(({ info }) => info.hostname),
    ['good'],
  );
  await until('the link of the other ends', () => quiet.ended);
  const late = await room.tell(quiet, [{ type: 'PONG' }]);
  assert.equal(late.status, 403);
});

test('an agent that dials again takes over from its old link', async (t) => {
  const room = await open(t);
  const old = await room.join(agentSubscription({ resources }));
  const [registered] = old.records;
  const id = registered?.type === 'REGISTERED' ? registered.agent_id : '';
  const fresh = await room.join(agentSubscription({ resources, id }));
  await until('the old one ends', () => old.ended);
  assert.equal((await room.tell(old, [{ type: 'PONG' }])).status, 403);
  assert.equal((await room.tell(fresh, [{ type: 'PONG' }])).status, 202);
  assert.equal(room.master.state.agents.get(id as never)?.connected, true);
});

test('what is no agent is refused and changes nothing', async (t) => {
  const room = await open(t);
  for (const body of [
    '',
    'nonsense',
    '{}',
    '[]',
    '{"agent":{"hostname":"h"}}',
    JSON.stringify({ ...agentSubscription({ resources }), tasks: 'x' }),
  ]) {
    const answer = await room.request('POST', '/mesita/v1/agent', {
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(answer.status, 400, body);
  }
  const agent = await room.join(agentSubscription({ resources }));
  const headers = { 'content-type': 'application/json', 'mesos-stream-id': String(agent.headers['mesos-stream-id']) };
  for (const body of ['', '{}', '[null]', '[1]', '[{"type":"UPDATE"}]', '[{"type":"LATER"}]']) {
    const answer = await room.request('POST', '/mesita/v1/agent/messages', { headers, body });
    assert.ok(answer.status === 400 || answer.status === 202, `${body}: ${answer.status}`);
  }
  assert.equal(room.master.state.agents.size, 1);
});

test('a request is relayed to an agent, and its answer comes back with status and type', async (t) => {
  const room = await open(t);
  const agent = await room.join(agentSubscription({ resources }));
  const asked = room.request(
    'GET',
    `/mesita/v1/agents/${[...room.master.state.agents.keys()][0]}/files/read?path=/a%20b&offset=0`,
  );
  await until('the agent is asked', () => agent.records.some(({ type }) => type === 'HTTP_REQUEST'));
  const request = agent.records.find((record) => record.type === 'HTTP_REQUEST');
  assert.equal(request?.type === 'HTTP_REQUEST' && request.url, '/files/read?path=/a%20b&offset=0');
  const id = request?.type === 'HTTP_REQUEST' ? request.request_id : '';
  const headers = { 'content-type': 'text/x-odd', 'mesita-status': '418' };
  const posted = await room.request('POST', `/mesita/v1/agent/relay/${id}`, { headers, body: 'x'.repeat(2_000_000) });
  assert.equal(posted.status, 202);
  const answer = await asked;
  assert.deepEqual([answer.status, answer.headers['content-type'], answer.text.length], [418, 'text/x-odd', 2_000_000]);
  assert.equal((await room.request('POST', `/mesita/v1/agent/relay/${id}`, { headers, body: 'again' })).status, 404);
  assert.equal((await room.request('GET', '/mesita/v1/agents/nobody/state')).status, 404);
});

test('an agent that does not answer a relayed request is given up', async (t) => {
  const clock = new VirtualClock();
  const room = await open(t, [], clock);
  const agent = await room.join(agentSubscription({ resources }));
  const id = [...room.master.state.agents.keys()][0] ?? '';
  const asked = room.request('GET', `/mesita/v1/agents/${id}/state`);
  await until('the agent is asked', () => agent.records.some(({ type }) => type === 'HTTP_REQUEST'));
  clock.advance(30_000);
  assert.deepEqual([(await asked).status, (await asked).text], [503, `Agent ${id} does not answer`]);
  agent.hangUp();
  await until('it is away', () => room.master.state.agents.get(id as never)?.connected === false);
  assert.equal((await room.request('GET', `/mesita/v1/agents/${id}/state`)).status, 503);
});
