import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MasterResponse } from '../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { type Answer, frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

let room: MasterRoom;
before(async () => {
  room = await MasterRoom.open();
});
after(() => room.close());

function operate(call: object, path = '/api/v1', headers: Record<string, string> = {}): Promise<Answer> {
  const body = JSON.stringify(call);
  return room.request('POST', path, { headers: { 'content-type': 'application/json', ...headers }, body });
}

describe('the operator API', () => {
  test('is there under all of its paths, in JSON', async () => {
    for (const path of ['/api/v1', '/master/api/v1', '/api/v1/', '/api/v1/operator']) {
      const { status, headers, text } = await operate({ type: 'GET_HEALTH' }, path);
      assert.deepEqual([status, headers['content-type']], [200, 'application/json'], path);
      assert.equal(text, '{"type":"GET_HEALTH","get_health":{"healthy":true}}', path);
    }
  });

  test('takes and answers protobuf', async () => {
    const media = 'application/x-protobuf';
    const body = encodeProtobuf('MasterCall', { type: 'GET_HEALTH' });
    const answer = await room.request('POST', '/api/v1', { headers: { 'content-type': media, accept: media }, body });
    assert.equal(answer.headers['content-type'], media);
    const decoded = decodeProtobuf('MasterResponse', Buffer.from(answer.text, 'latin1'));
    assert.deepEqual(decoded.ok && decoded.value, { type: 'GET_HEALTH', get_health: { healthy: true } });
  });

  test('refuses what is wrong in the words of Mesos', async () => {
    const refusals: [object, number, string][] = [
      [{}, 400, "Failed to validate master::Call: Expecting 'type' to be present"],
      [{ type: 'GET_CONTAINERS' }, 400, "Failed to validate master::Call: Expecting 'type' to be present"],
      [{ type: 'GET_METRICS' }, 400, "Failed to validate master::Call: Expecting 'get_metrics' to be present"],
      [{ type: 'UNKNOWN' }, 501, '501 Not Implemented.'],
      [
        { type: 'READ_FILE', read_file: {} },
        400,
        'Failed to convert JSON into Call protobuf: Missing required fields: read_file.path, read_file.offset',
      ],
      [{ type: 'READ_FILE', read_file: { path: '/master/log', offset: 0 } }, 404, ''],
      [{ type: 'LIST_FILES', list_files: { path: '' } }, 404, ''],
      [{ type: 'TEARDOWN', teardown: { framework_id: { value: 'x' } } }, 400, 'No framework found with specified ID'],
      [{ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'x' } } }, 404, "Agent 'x' not found"],
      [{ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: 'x' } } }, 400, 'Unknown agent'],
      [{ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id: { value: 'x' } } }, 400, 'Agent is not deactivated'],
      [
        { type: 'RESERVE_RESOURCES', reserve_resources: { agent_id: { value: 'x' } } },
        400,
        'No agent found with specified ID',
      ],
    ];
    for (const [call, status, text] of refusals) {
      const answer = await operate(call);
      assert.deepEqual([answer.status, answer.text], [status, text], JSON.stringify(call));
    }
  });

  test('looks at Accept after the call itself', async () => {
    const headers = { accept: 'text/html' };
    assert.equal((await operate({ type: 'GET_HEALTH' }, '/api/v1', headers)).status, 406);
    assert.equal((await operate({ type: 'GET_METRICS' }, '/api/v1', headers)).status, 400);
  });

  test('answers in protobuf where JSON alone is ruled out', async () => {
    const headers = { accept: 'application/json;q=0, */*' };
    const answer = await operate({ type: 'GET_HEALTH' }, '/api/v1', headers);
    assert.equal(answer.headers['content-type'], 'application/x-protobuf');
  });

  test('does nothing where there is nothing to do', async () => {
    for (const call of [
      { type: 'UPDATE_WEIGHTS', update_weights: {} },
      { type: 'UPDATE_QUOTA', update_quota: {} },
    ]) {
      assert.equal((await operate(call)).status, 200);
    }
  });

  test('raises the logging level for a while', async () => {
    const set_logging_level = { level: 2, duration: { nanoseconds: 60e9 } };
    const answer = await operate({ type: 'SET_LOGGING_LEVEL', set_logging_level });
    assert.deepEqual([answer.status, answer.text, answer.headers['content-length']], [200, '', '0']);
    const { text } = await operate({ type: 'GET_LOGGING_LEVEL' });
    assert.equal(text, '{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":2}}');
  });

  test('tells the same metrics and flags as the unversioned endpoints', async () => {
    const metrics = (await read({ type: 'GET_METRICS', get_metrics: {} })).get_metrics?.metrics ?? [];
    const snapshot = JSON.parse((await room.request('GET', '/metrics/snapshot')).text);
    assert.deepEqual(
      metrics.map(({ name }) => name),
      Object.keys(snapshot),
    );
    const flags = (await read({ type: 'GET_FLAGS' })).get_flags?.flags ?? [];
    const shown = JSON.parse((await room.request('GET', '/flags')).text);
    assert.deepEqual(Object.fromEntries(flags.map(({ name, value }) => [name, value])), shown.flags);
    assert.equal(shown.flags.allocation_interval, '1secs');
  });

  test('ends a framework', async () => {
    const stream = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
    const framework_id = { value: frameworkOf(stream) };
    const answer = await operate({ type: 'TEARDOWN', teardown: { framework_id } });
    assert.deepEqual([answer.status, answer.text, answer.headers['content-length']], [200, '', '0']);
    await until('the stream ends', () => stream.ended);
    const { frameworks, completed_frameworks } = (await read({ type: 'GET_FRAMEWORKS' })).get_frameworks ?? {};
    assert.deepEqual(frameworks, []);
    const [ended] = completed_frameworks ?? [];
    assert.deepEqual([ended?.active, ended?.connected], [false, false]);
    assert.ok(ended?.unregistered_time);
  });

  test('keeps a maintenance schedule, and takes machines down and up', async () => {
    const id = { hostname: 'host', ip: '127.0.0.1' };
    const unavailability = { start: { nanoseconds: 1e18 }, duration: { nanoseconds: 3.6e12 } };
    const schedule = { windows: [{ machine_ids: [id], unavailability }] };
    const agent = await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
    const update = { type: 'UPDATE_MAINTENANCE_SCHEDULE', update_maintenance_schedule: { schedule } };
    assert.equal((await operate(update)).status, 200);
    const status = async () => (await read({ type: 'GET_MAINTENANCE_STATUS' })).get_maintenance_status?.status;
    assert.deepEqual(await status(), { draining_machines: [{ id }] });
    assert.equal((await operate({ type: 'START_MAINTENANCE', start_maintenance: { machines: [id] } })).status, 200);
    await until('the link of its agent ends', () => agent.ended);
    assert.deepEqual(await status(), { down_machines: [id] });
    assert.equal((await operate({ type: 'STOP_MAINTENANCE', stop_maintenance: { machines: [id] } })).status, 200);
    assert.deepEqual((await read({ type: 'GET_MAINTENANCE_SCHEDULE' })).get_maintenance_schedule, { schedule: {} });
    const { status: again, text } = await operate({ type: 'STOP_MAINTENANCE', stop_maintenance: {} });
    assert.deepEqual([again, text], [400, 'List of machines is empty']);
  });

  test('marks an agent as gone, once and for all', async () => {
    const agent = await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
    const agents = (await read({ type: 'GET_AGENTS' })).get_agents?.agents ?? [];
    const agent_id = agents[0]?.agent_info.id;
    assert.ok(agent_id);
    for (const time of ['first', 'second']) {
      const { status, text } = await operate({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id } });
      assert.deepEqual([status, text], [200, ''], time);
    }
    await until('its link ends', () => agent.ended);
    assert.deepEqual((await read({ type: 'GET_AGENTS' })).get_agents, { agents: [], recovered_agents: [] });
  });
});

async function read(call: object): Promise<MasterResponse> {
  const { status, text } = await operate(call);
  assert.equal(status, 200, text);
  return JSON.parse(text);
}
