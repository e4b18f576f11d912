import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bytesOf, type Exchange, isExchange, readRecording } from '../conformance/recording.ts';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { MasterRoom } from '../support/master-room.ts';

/** Requests to the unversioned endpoints of the recorded master, other than those that tell its state at some moment. */
const exchanges = readRecording('d_master_legacy')
  .filter(isExchange)
  .filter(({ name }) =>
    /\[(variant|POST empty|HEAD|DELETE|empty cluster|gzip;q=0|accept protobuf|no id|unknown|no slaveId|no resources|no volumes|unknown agent|POST)\]$/.test(
      name,
    ),
  )
  .filter(({ request }) => request.target.endsWith(':6050'));

/** The dashboard, help, and debugging of its own kind. */
const notHere = /^\/($|master\/?$|app|assets|help|__processes__|profiler|registrar|api)/;
/** A malformed query closes the connection, in Mesos. */
const clearer = /%zz/;

const contentType = ({ response }: Exchange) => response.headers?.find(([name]) => name === 'Content-Type')?.[1];

describe('the unversioned endpoints of a master', () => {
  let room: MasterRoom;
  before(async () => {
    room = await MasterRoom.open();
  });
  after(() => room.close());

  for (const exchange of exchanges) {
    const { request, response, name } = exchange;
    if (notHere.test(request.path) || clearer.test(request.path)) continue;
    test(`${name.replace('legacy:', '')} is answered as by a real one`, async () => {
      const options = request.body === undefined ? {} : { body: bytesOf(request.body) };
      const answer = await room.request(request.method, request.path, options);
      assert.equal(answer.status, response.status);
      assert.equal(answer.headers['content-type'], contentType(exchange));
      const expected = bytesOf(response.body).toString();
      if (answer.status >= 400) assert.equal(answer.text, expected);
      else assert.equal(answer.text === '', expected === '');
    });
  }
});

describe('the unversioned endpoints of a master with a framework', () => {
  test('teardown by form ends it, and its metrics stay', async () => {
    const room = await MasterRoom.open();
    try {
      const stream = await room.subscribe(frameworkInfo({ name: 'a b/c' }));
      const framework = String(stream.records[0]?.subscribed?.framework_id.value);
      await room.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
      const state = JSON.parse((await room.request('GET', '/state')).text);
      assert.equal(state.frameworks[0].id, framework);
      assert.equal('pid' in state.frameworks[0], false);
      assert.equal(state.leader, state.pid);
      const body = `frameworkId=${encodeURIComponent(framework)}`;
      assert.equal((await room.request('POST', '/master/teardown', { body })).status, 200);
      const after = JSON.parse((await room.request('GET', '/frameworks')).text);
      assert.deepEqual([after.frameworks.length, after.completed_frameworks[0].id], [0, framework]);
      const metrics = JSON.parse((await room.request('GET', '/metrics/snapshot?timeout=100ms')).text);
      assert.equal(metrics[`master/frameworks/a%20b%2Fc/${framework}/calls/subscribe`], 1);
      assert.equal(metrics[`master/frameworks/a%20b%2Fc/${framework}/subscribed`], 0);
      assert.equal(metrics['master/elected'], 1);
      assert.ok(Object.values(metrics).every((value) => typeof value === 'number'));
    } finally {
      await room.close();
    }
  });
});
