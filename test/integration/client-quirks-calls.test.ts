// What clients in the field depend on, second part: calls. Each test's number is that of the line in the list of quirks.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { MasterMessage } from '../../protocol/agent-link.ts';
import type { Offer, SchedulerEvent } from '../../protocol/messages.ts';
import { dockerTask } from '../support/agent-room.ts';
import { postRaw } from '../support/chunked-stream.ts';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = []): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags);
  t.after(() => room.close());
  return room;
}

const path = '/api/v1/scheduler';
const json = { 'content-type': 'application/json' };

async function offerOf(stream: OpenStream<SchedulerEvent>): Promise<Offer> {
  const offers = () => stream.records.flatMap((event) => event.offers?.offers ?? []);
  await until('an offer', () => offers().length > 0);
  const offer = offers().at(-1);
  assert.ok(offer);
  return offer;
}

const launched = (agent: OpenStream<MasterMessage>) =>
  agent.records.flatMap((message) => (message.type === 'RUN_TASK' ? [message.task] : []));

test('quirk 5: 64-bit integers are taken as numbers and as strings, and given out as numbers, digit by digit', async (t) => {
  const room = await open(t);
  const window = (nanoseconds: string) =>
    `{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[{"machine_ids":[{"hostname":"m"}],"unavailability":{"start":{"nanoseconds":${nanoseconds}}}}]}}}`;
  for (const [given, expected] of [
    ['1470820172046531841', '1470820172046531841'],
    ['"9007199254740993"', '9007199254740993'],
  ] as const) {
    assert.equal((await room.request('POST', '/api/v1', { headers: json, body: window(given) })).status, 200);
    const body = '{"type":"GET_MAINTENANCE_SCHEDULE"}';
    const { text } = await room.request('POST', '/api/v1', { headers: json, body });
    assert.ok(text.includes(`"nanoseconds":${expected}}`), text);
  }
});

test('quirk 6: null is unset, booleans and numbers may be strings, a single value may stand for a list, the unknown is ignored', async (t) => {
  const room = await open(t);
  const info = {
    ...frameworkInfo({ name: 'lenient' }),
    id: null,
    hostname: null,
    principal: null,
    labels: null,
    roles: null,
    checkpoint: 'true',
    failover_timeout: '60.5',
    capabilities: { type: 'PARTITION_AWARE' },
    no_such_field: { deep: [1] },
  };
  const stream = await room.subscribe(info);
  const [framework] = room.master.state.frameworks.values();
  assert.equal(framework?.info.checkpoint, true);
  assert.equal(framework?.info.failover_timeout, 60.5);
  assert.deepEqual(framework?.info.capabilities, [{ type: 'PARTITION_AWARE' }]);
  const agent = await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
  const offer = await offerOf(stream);
  const task = {
    ...taskFor(offer, 't1', 'cpus:1;mem:32'),
    slave_id: { value: 'old' },
    labels: null,
    command: { value: 'true', shell: 'true', uris: { value: 'http://x/y', extract: 'false', outputfile: 'z' } },
    container: {
      type: 'DOCKER',
      docker: { image: 'i', network: 'NO_SUCH_NETWORK', privileged: 'false' },
      volumes: null,
    },
  };
  const operations = { type: 'LAUNCH', id: null, launch: { task_infos: task } };
  const accept = { offer_ids: offer.id, operations, filters: { refuse_seconds: '0' } };
  assert.equal((await room.call(stream, { type: 'ACCEPT', accept })).status, 202);
  await until('the task', () => launched(agent).length === 1);
  const [run] = launched(agent);
  assert.deepEqual(
    run?.command?.uris?.map(({ value, extract }) => [value, extract]),
    [['http://x/y', false]],
  );
  // The default of a member that says nothing.
  assert.ok(['HOST', undefined].includes(run?.container?.docker?.network));
});

test('quirk 8: a call that is taken is answered with 202 and no body; UPDATE_FRAMEWORK alone with 200', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo());
  const [task_id, agent_id] = [{ value: 't' }, { value: 'S' }];
  const [executor_id, operation_id] = [{ value: 'E' }, { value: 'op' }];
  const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';
  const calls: object[] = [
    { type: 'ACCEPT', accept: { offer_ids: [{ value: 'O' }] } },
    { type: 'DECLINE', decline: { offer_ids: [{ value: 'O' }] } },
    { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids: [{ value: 'O' }] } },
    { type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: { inverse_offer_ids: [{ value: 'O' }] } },
    { type: 'REVIVE' },
    { type: 'SUPPRESS' },
    { type: 'KILL', kill: { task_id } },
    { type: 'SHUTDOWN', shutdown: { executor_id, agent_id } },
    { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } },
    { type: 'ACKNOWLEDGE_OPERATION_STATUS', acknowledge_operation_status: { agent_id, operation_id, uuid } },
    { type: 'RECONCILE', reconcile: { tasks: [] } },
    { type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations: [] } },
    { type: 'MESSAGE', message: { agent_id, executor_id, data: 'AAEC' } },
    { type: 'REQUEST', request: { requests: [] } },
    { type: 'TEARDOWN' },
  ];
  const info = { ...frameworkInfo(), id: { value: frameworkOf(stream) } };
  const update = await room.call(stream, { type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: info } });
  assert.deepEqual([update.status, update.text], [200, '']);
  for (const call of calls) {
    const { status, text, headers } = await room.call(stream, call);
    assert.deepEqual([status, text, headers['content-length']], [202, '', '0'], JSON.stringify(call));
  }
});

test('quirk 11: requests may be chunked, pretty-printed, without Accept, or with several', async (t) => {
  const room = await open(t);
  const pretty = JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: frameworkInfo() } }, null, 4);
  const type = 'Content-Type: application/json';
  const chunked = `${pretty.length.toString(16)}\r\n${pretty}\r\n0\r\n\r\n`;
  for (const [headers, body] of [
    [[type], pretty],
    [[type, 'Transfer-Encoding: chunked'], chunked],
    [[type, 'Accept: application/json', 'Accept: application/json'], pretty],
    [[type, 'Accept: application/x-protobuf', 'Accept: application/json'], pretty],
    [[type, 'Accept: application/json, */*'], pretty],
  ] as const) {
    const raw = await postRaw(room, path, body, headers);
    assert.match(raw.head(), /^HTTP\/1\.1 200 OK\r\n/, headers.join());
    assert.match(raw.head(), /^content-type: application\/json$/im);
    await until('SUBSCRIBED', () => raw.chunks().length > 0);
  }
});

test('quirk 12: with authentication off, empty credentials and an empty principal are passed over', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe({ ...frameworkInfo(), principal: '' }, { authorization: 'Basic Og==' });
  assert.ok(frameworkOf(stream));
  assert.equal((await room.request('GET', '/state', { headers: { authorization: 'Basic Og==' } })).status, 200);
  assert.equal((await room.call(stream, { type: 'REVIVE' })).status, 202);
});

test('quirk 17: a framework id that the client chose is taken, a completed one is refused, a stream id at SUBSCRIBE too', async (t) => {
  const room = await open(t);
  const info = frameworkInfo({ id: 'chosen-by-the-client' });
  const stream = await room.subscribe(info);
  assert.equal(frameworkOf(stream), 'chosen-by-the-client');
  assert.equal((await room.call(stream, { type: 'TEARDOWN' })).status, 202);
  const refused = await room.subscribe(info);
  assert.equal(refused.status, 200);
  assert.deepEqual(refused.records, [{ type: 'ERROR', error: { message: 'Framework has been removed' } }]);
  await until('its end', () => refused.ended);
  const body = JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: frameworkInfo() } });
  const answer = await room.request('POST', path, { headers: { ...json, 'mesos-stream-id': 'x' }, body });
  assert.equal(answer.status, 400);
});

test('quirk 21: each offer has its agent’s address', async (t) => {
  const room = await open(t);
  await agentOf(t, room);
  const { url } = await offerOf(await room.subscribe(frameworkInfo()));
  assert.equal(url?.address.ip, '127.0.0.1');
  assert.ok((url?.address.port ?? 0) > 0);
  assert.equal(url?.path, '/slave(1)');
});

test('quirk 27: offers to frameworks without MULTI_ROLE have resources with their role and without allocation_info, and are accepted like that', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo({ role: 'a' }));
  const agent = await room.join(agentSubscription({ resources: 'cpus:1;mem(a):64' }));
  const offer = await offerOf(stream);
  const roles = (offer.resources ?? []).map(({ name, role, allocation_info, reservations }) => ({
    [name]: [role, allocation_info, reservations],
  }));
  assert.deepEqual(Object.assign({}, ...roles), {
    cpus: ['*', undefined, undefined],
    mem: ['a', undefined, undefined],
  });
  const operations = [
    { type: 'LAUNCH', launch: { task_infos: [{ ...taskFor(offer, '0', 'cpus:1'), resources: offer.resources }] } },
  ];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  await until('the task', () => launched(agent).length === 1);
  assert.deepEqual(
    launched(agent)[0]?.resources?.map(({ allocation_info }) => allocation_info?.role),
    ['a', 'a'],
  );
});

test('quirk 27: tasks may be called 0 and have a ContainerInfo of type MESOS without image; KILL needs no agent_id; TEARDOWN is how stop() ends', async (t) => {
  const room = await open(t);
  const { agent } = await agentOf(t, room, { program: () => ({}), flags: ['--default_image=fake:1'] });
  const stream = await room.subscribe(frameworkInfo());
  const offer = await offerOf(stream);
  const tasks = ['0', '1'].map((id) => ({
    ...taskFor(offer, id, 'cpus:0.1;mem:32'),
    container: id === '0' ? { type: 'MESOS', mesos: {} } : dockerTask(id).container,
  }));
  const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  const running = () => [...agent.state.tasks.values()].filter(({ phase }) => phase === 'running').length;
  await until('both run', () => running() === 2);
  for (const task_id of [{ value: '0' }, { value: '1' }]) await room.call(stream, { type: 'KILL', kill: { task_id } });
  await until('both are dead', () => running() === 0);
  await room.call(stream, { type: 'TEARDOWN' });
  await until('the end', () => stream.ended);
  assert.equal(room.master.state.frameworks.size, 0);
});

test('quirk 27: every status has its agent’s id, also those that the master makes', async (t) => {
  const room = await open(t);
  const stream = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
  const offer = await offerOf(stream);
  const launch = (id: string, resources: string, offer_id: string) => {
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [taskFor(offer, id, resources)] } }];
    return room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [{ value: offer_id }], operations } });
  };
  await launch('too large', 'cpus:99', offer.id.value);
  await launch('on nothing', 'cpus:1', 'no such offer');
  const tasks = [{ task_id: { value: 'unknown' }, agent_id: offer.agent_id }];
  await room.call(stream, { type: 'RECONCILE', reconcile: { tasks } });
  const statuses = () => stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status]));
  await until('three updates', () => statuses().length === 3);
  assert.deepEqual(
    statuses().map(({ task_id, state, agent_id }) => [task_id.value, state, agent_id]),
    [
      ['too large', 'TASK_ERROR', offer.agent_id],
      ['on nothing', 'TASK_LOST', offer.agent_id],
      ['unknown', 'TASK_LOST', offer.agent_id],
    ],
  );
});
