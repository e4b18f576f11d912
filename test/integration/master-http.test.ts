import assert from 'node:assert/strict';
import { existsSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = []): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags);
  t.after(() => room.close());
  return room;
}

// What a real master has, in its order; mesita may add keys of its own.
const stateKeys =
  'version build_date build_time build_user start_time elected_time id pid hostname capabilities activated_slaves deactivated_slaves unreachable_slaves leader leader_info flags slaves recovered_slaves frameworks completed_frameworks orphan_tasks unregistered_frameworks';

describe('the unversioned endpoints', () => {
  test('/state has the keys that a real master has', async (t) => {
    const room = await open(t);
    await room.join(agentSubscription({ resources: 'cpus:4;mem(a):512;ports:[31000-31009]' }));
    const stream = await room.subscribe(frameworkInfo({ role: 'a' }));
    await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
    const answer = await room.request('GET', '/state');
    assert.equal(answer.headers['content-type'], 'application/json');
    const state = JSON.parse(answer.text);
    for (const key of stateKeys.split(' ')) assert.ok(key in state, key);
    const [slave] = state.slaves;
    assert.deepEqual(slave.resources, { disk: 0, mem: 512, gpus: 0, cpus: 4, ports: '[31000-31009]' });
    assert.deepEqual(slave.reserved_resources, { a: { disk: 0, mem: 512, gpus: 0, cpus: 0 } });
    assert.equal(slave.unreserved_resources.mem, 0);
    assert.deepEqual(slave.offered_resources, slave.resources);
    assert.equal(state.frameworks[0].id, frameworkOf(stream));
    assert.equal(state.frameworks[0].offers.length, 1);
  });

  test('answer under /master too, with slashes at the end, and to any method', async (t) => {
    const room = await open(t);
    for (const path of ['/state', '/master/state', '/state/', '/state//', '//state', '/master/state/', '/state/foo']) {
      const answer = await room.request('GET', path);
      assert.equal(answer.status, 200, path);
      assert.ok('activated_slaves' in JSON.parse(answer.text), path);
    }
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'HEAD']) {
      assert.equal((await room.request(method, '/state')).status, 200, method);
      assert.equal((await room.request(method, '/health')).status, 200, method);
    }
    for (const path of ['/nope', '/state.json', '/master/nope']) {
      const answer = await room.request('GET', path);
      assert.deepEqual([answer.status, answer.text], [404, '404 Not Found.']);
    }
  });

  test('?jsonp= makes a script of them', async (t) => {
    const room = await open(t);
    const answer = await room.request('GET', '/slaves?jsonp=cb');
    assert.equal(answer.headers['content-type'], 'text/javascript');
    assert.equal(answer.text, 'cb({"slaves":[],"recovered_slaves":[]})');
    assert.equal((await room.request('GET', '/slaves?jsonp=')).text, '({"slaves":[],"recovered_slaves":[]})');
  });

  test('/redirect names the leader without a scheme', async (t) => {
    const room = await open(t);
    const answer = await room.request('GET', '/redirect');
    const port = room.master.address.split(':')[1];
    assert.deepEqual([answer.status, answer.headers.location], [307, `//localhost:${port}`]);
    assert.equal((await room.request('GET', '/master/redirect')).status, 307);
  });

  test('a query that cannot be read harms nobody', async (t) => {
    const room = await open(t);
    for (const path of ['/state?%zz', '/%zz', '/state?jsonp=a&jsonp=b', '/mesita/v1/agents/%zz/x']) {
      assert.ok((await room.request('GET', path)).status < 500, path);
    }
  });
});

describe('bodies', () => {
  test('of 100 MB are refused, and the master goes on', async (t) => {
    const room = await open(t);
    const { socket, received, closed } = await room.raw();
    const size = 100 * 1024 * 1024;
    socket.write(
      `POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`,
    );
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    for (let sent = 0; sent < 3 && !closed(); sent++) socket.write(chunk);
    await until('an answer', () => received().length > 0 || closed());
    assert.match(received(), /^HTTP\/1\.1 413 /);
    socket.destroy();
    assert.equal((await room.request('GET', '/health')).status, 200);
  });

  test('of many megabytes within the limit are read', async (t) => {
    const room = await open(t);
    const body = `{"type":"REVIVE","padding":"${'x'.repeat(20_000_000)}"}`;
    const answer = await room.request('POST', '/api/v1/scheduler', {
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(answer.text, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present");
  });

  test('nested beyond all reason are refused', async (t) => {
    const room = await open(t);
    for (const body of ['['.repeat(200_000), `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`]) {
      const answer = await room.request('POST', '/api/v1/scheduler', {
        headers: { 'content-type': 'application/json' },
        body,
      });
      assert.equal(answer.status, 400);
    }
  });

  test('that never come, or come as rubbish, harm nobody', async (t) => {
    const room = await open(t);
    const { socket, closed } = await room.raw();
    socket.write(
      'POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
    );
    socket.end();
    await until('it is closed', closed);
    const rubbish = await room.raw();
    rubbish.socket.write('\u0000\u0001 nonsense\r\n\r\n');
    await until('it is closed too', rubbish.closed);
    assert.equal((await room.request('GET', '/health')).status, 200);
  });

  test('two calls on one connection are answered in order', async (t) => {
    const room = await open(t);
    const { socket, received } = await room.raw();
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('both answers', () => received().includes('404 Not Found.'));
    assert.ok(received().startsWith('HTTP/1.1 200 OK'));
  });
});

describe('the artifact store', () => {
  const path = (uri: string) => uri.replace('mesita:///', '/mesita/v1/artifacts/');
  const put = (room: MasterRoom, name: string, body: string | Buffer) =>
    room.request('PUT', `/mesita/v1/artifacts/${name}`, { body });

  test('keeps a file under an id of its own, hands it out, and deletes it', async (t) => {
    const room = await open(t);
    const answer = await put(room, 'a+b@1.tgz', 'content');
    assert.equal(answer.status, 201);
    const { uri } = JSON.parse(answer.text);
    assert.match(uri, /^mesita:\/\/\/[0-9a-f-]{36}\/a\+b@1\.tgz$/);
    assert.equal((await room.request('GET', path(uri))).text, 'content');
    assert.equal((await room.request('DELETE', path(uri))).status, 200);
    assert.equal((await room.request('GET', path(uri))).status, 404);
    assert.deepEqual(readdirSync(join(room.directory, 'artifacts')), []);
  });

  test('takes empty files, and files of the same name twice', async (t) => {
    const room = await open(t);
    const uris = [await put(room, 'x', ''), await put(room, 'x', 'y')].map(({ text }) => JSON.parse(text).uri);
    assert.deepEqual(await Promise.all(uris.map(async (uri) => (await room.request('GET', path(uri))).text)), [
      '',
      'y',
    ]);
  });

  test('refuses names that could lead elsewhere', async (t) => {
    const room = await open(t);
    for (const name of ['..', '.hidden', 'a%2Fb', '..%2F..%2Fx', 'a%00b', 'a%20b', 'x'.repeat(201)]) {
      const { status } = await put(room, name, 'x');
      assert.ok(status === 400 || status === 404 || status === 414, `${name}: ${status}`);
    }
    for (const where of ['../../x', '%2e%2e/x', 'no-uuid/x', '00000000-0000-0000-0000-000000000000/..%2F..%2Fx']) {
      assert.equal((await room.request('GET', `/mesita/v1/artifacts/${where}`)).status, 404, where);
    }
    assert.ok(!existsSync(join(room.directory, 'x')));
  });

  test('takes no more than its capacity, and leaves nothing of what was too much', async (t) => {
    const room = await open(t, ['--artifact_capacity=1']);
    const small = await put(room, 'small', Buffer.alloc(700_000));
    assert.equal(small.status, 201);
    const large = await put(room, 'large', Buffer.alloc(700_000));
    assert.equal(large.status, 507);
    assert.match(large.text, /has room for 0 MB, the file has 1 MB/);
    assert.equal(readdirSync(join(room.directory, 'artifacts')).length, 1);
  });

  test('stops a stream that grows beyond it', async (t) => {
    const room = await open(t, ['--artifact_capacity=1']);
    const { socket, received, closed } = await room.raw();
    socket.write('PUT /mesita/v1/artifacts/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let sent = 0; sent < 3; sent++) socket.write(`80000\r\n${'x'.repeat(0x80000)}\r\n`);
    await until('an answer', () => received().length > 0 || closed());
    await until('nothing is left', () => readdirSync(join(room.directory, 'artifacts')).length === 0);
  });

  test('leaves nothing of an upload that breaks off', async (t) => {
    const room = await open(t);
    const { socket } = await room.raw();
    socket.write('PUT /mesita/v1/artifacts/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    const directory = join(room.directory, 'artifacts');
    await until('it has begun', () => existsSync(directory) && readdirSync(directory).length === 1);
    socket.destroy();
    await until('it is gone', () => readdirSync(directory).length === 0);
  });

  test('deletes what is older than a day', async (t) => {
    const room = await open(t);
    const { uri } = JSON.parse((await put(room, 'old', 'x')).text);
    const [id = ''] = readdirSync(join(room.directory, 'artifacts'));
    const long = Date.now() / 1000 - 25 * 3600;
    utimesSync(join(room.directory, 'artifacts', id), long, long);
    await put(room, 'new', 'x');
    assert.equal((await room.request('GET', path(uri))).status, 404);
  });
});
