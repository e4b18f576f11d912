// What clients in the field depend on, first part: streams. Each test's number is that of the line in the list of quirks.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeMessage } from '../../protocol/codec.ts';
import { decodeJson, encodeJson } from '../../protocol/json-codec.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { dockerTask } from '../support/agent-room.ts';
import { type ChunkedStream, postRaw } from '../support/chunked-stream.ts';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until, VirtualClock } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = [], clock?: VirtualClock): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags, clock);
  t.after(() => room.close());
  return room;
}

const subscribe = (info: object = frameworkInfo()) =>
  JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: info } });

const path = '/api/v1/scheduler';

/** The JSON of a chunk that is one record, the whole of it, with its length before it. */
function recordOf(chunk: string): string {
  const [length = ''] = chunk.split('\n', 1);
  assert.match(length, /^\d+$/);
  assert.equal(chunk.length, length.length + 1 + Number(length));
  return chunk.slice(length.length + 1);
}

/** A subscription as it is on the wire, of a framework that has had one status update with that text. */
async function updateWith(t: TestContext, message: string): Promise<ChunkedStream> {
  const room = await open(t);
  const raw = await postRaw(room, path, subscribe(frameworkInfo({ failoverTimeout: 60 })));
  const agent = await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
  const [framework = ''] = room.master.state.frameworks.keys();
  const status = { task_id: { value: 't' }, state: 'TASK_RUNNING' as const, message, agent_id: { value: 'S' } };
  await room.tell(agent, [{ type: 'UPDATE', framework_id: framework, status, latest_state: 'TASK_RUNNING' }]);
  await until('the update', () => raw.chunks().some((chunk) => chunk.includes('"UPDATE"')));
  return raw;
}

test('quirk 1: a record is one HTTP chunk, its length in the same, also when a hundred are sent at once', async (t) => {
  const room = await open(t);
  const raw = await postRaw(room, path, subscribe());
  const stream = /Mesos-Stream-Id: (\S+)/i.exec(raw.head())?.[1] ?? '';
  const [framework] = room.master.state.frameworks.keys();
  const tasks = Array.from({ length: 100 }, (_, index) => ({ task_id: { value: `t${index}` } }));
  const call = { type: 'RECONCILE', framework_id: { value: framework }, reconcile: { tasks } };
  const headers = { 'content-type': 'application/json', 'mesos-stream-id': stream };
  assert.equal((await room.request('POST', path, { headers, body: JSON.stringify(call) })).status, 202);
  await until('all answers', () => raw.chunks().filter((chunk) => chunk.includes('"UPDATE"')).length === 100);
  const types = raw.chunks().map((chunk) => JSON.parse(recordOf(chunk)).type);
  assert.deepEqual(types.slice(0, 3), ['SUBSCRIBED', 'HEARTBEAT', 'UPDATE']);
});

test('quirk 2: JSON on streams is ASCII only, so that text may be sliced by byte count', async (t) => {
  const message = 'Größe ☃ 😀';
  const raw = await updateWith(t, message);
  for (const chunk of raw.chunks()) assert.match(chunk, /^[\x20-\x7e\n]*$/);
  const updates = raw.chunks().map((chunk) => JSON.parse(recordOf(chunk)).update?.status.message);
  assert.ok(updates.includes(message));
});

test('quirk 3: a record has no newline inside, so that it may be read by lines', async (t) => {
  const raw = await updateWith(t, 'first line\nsecond line\r\n');
  for (const chunk of raw.chunks()) assert.doesNotMatch(recordOf(chunk), /[\r\n]/);
});

test('quirk 4: a HEARTBEAT comes right after SUBSCRIBED, then one every 15 seconds', async (t) => {
  const clock = new VirtualClock();
  const room = await open(t, [], clock);
  const raw = await postRaw(room, path, subscribe());
  const types = () => raw.chunks().map((chunk) => JSON.parse(recordOf(chunk)).type);
  await until('the first', () => types().length === 2);
  for (let count = 2; count < 4; count++) {
    clock.advance(15_000);
    await until('another', () => types().length === count + 1);
  }
  assert.deepEqual(types(), ['SUBSCRIBED', 'HEARTBEAT', 'HEARTBEAT', 'HEARTBEAT']);
  assert.match(raw.chunks()[0] ?? '', /"heartbeat_interval_seconds":15\.0/);
});

test('quirk 7: events hold no field that the schema does not have and lack none that it requires; MasterInfo has id, ip and port', async (t) => {
  const room = await open(t);
  await agentOf(t, room);
  const stream = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  await until('an offer', () => stream.records.some(({ offers }) => offers !== undefined));
  const offer = stream.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  const tasks = [
    dockerTask('t1', { agent_id: offer.agent_id }),
    taskFor({ agent_id: { value: 'else' } }, 't2', 'cpus:1'),
  ];
  const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  await until('updates', () => stream.records.filter(({ update }) => update !== undefined).length >= 2);
  const decoder = new RecordDecoder({ maximumLength: 1e7 });
  for (const record of stream.chunks.flatMap((chunk) => decoder.push(Buffer.from(chunk)).records)) {
    const decoded = decodeJson('SchedulerEvent', record);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.error);
    assert.deepEqual(JSON.parse(record.toString()), JSON.parse(encodeJson('SchedulerEvent', decoded.value)));
  }
  const master = stream.records.find(({ subscribed }) => subscribed !== undefined)?.subscribed?.master_info;
  assert.ok(master?.id && master.ip > 0 && master.port > 0);
  assert.ok(frameworkOf(stream));
});

test('quirk 9: Content-Type is exactly application/json or application/x-protobuf, on streams and answers', async (t) => {
  const room = await open(t);
  for (const type of ['application/json', 'application/x-protobuf'] as const) {
    const headers = ['Content-Type: application/json', `Accept: ${type}`];
    const raw = await postRaw(room, path, subscribe(), headers);
    assert.match(raw.head(), new RegExp(`^content-type: ${type}$`, 'im'));
    await until('SUBSCRIBED', () => raw.chunks().length > 0);
    const [first = ''] = raw.chunks();
    const record = Buffer.from(first.slice(first.indexOf('\n') + 1), 'latin1');
    assert.ok(decodeMessage(type, 'SchedulerEvent', record).ok);
    const health = { headers: { 'content-type': 'application/json', accept: type }, body: '{"type":"GET_HEALTH"}' };
    assert.equal((await room.request('POST', '/api/v1', health)).headers['content-type'], type);
  }
  assert.equal((await room.request('GET', '/state')).headers['content-type'], 'application/json');
});

test('quirk 10: streams are chunked and never have a Content-Length, also with Connection: close', async (t) => {
  const room = await open(t);
  for (const headers of [[], ['Connection: close']]) {
    const raw = await postRaw(room, path, subscribe(), ['Content-Type: application/json', ...headers]);
    assert.match(raw.head(), /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(raw.head(), /^transfer-encoding: chunked$/im);
    assert.doesNotMatch(raw.head(), /content-length/i);
    await until('events', () => raw.chunks().length >= 2);
  }
});

test('quirk 18: a request that offers an upgrade to h2c is answered as if it did not', async (t) => {
  const room = await open(t);
  const upgrade = [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA',
  ];
  const raw = await postRaw(room, path, subscribe(), ['Content-Type: application/json', ...upgrade]);
  assert.match(raw.head(), /^HTTP\/1\.1 200 OK\r\n/);
  await until('events', () => raw.chunks().length >= 2);
  const { socket, received } = await room.raw();
  socket.write(`GET /health HTTP/1.1\r\nHost: x\r\n${upgrade.join('\r\n')}\r\n\r\n`);
  await until('an answer', () => received().startsWith('HTTP/1.1 200 OK'));
});
