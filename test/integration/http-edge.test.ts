import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Leader } from '../../master/http/leader-redirect.ts';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = [], leader?: () => Leader): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags, undefined, leader);
  t.after(() => room.close());
  return room;
}

const host = 'Host: x\r\n';
const json = { 'content-type': 'application/json' };
const health = `GET /health HTTP/1.1\r\n${host}\r\n`;

function post(path: string, body: string, headers = ''): string {
  return `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/json\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function subscribeBody(name: string): string {
  return JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: frameworkInfo({ name }) } });
}

const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1] ?? '');

// What a real master was sent, and answered.
const exchanges: { name: string; sent: string[]; status: string[]; closed?: true; text?: string }[] = [
  {
    name: 'three pipelined requests',
    sent: [health + health.replace('health', 'nope') + health],
    status: ['200', '404', '200'],
  },
  { name: 'HTTP/1.0', sent: ['GET /health HTTP/1.0\r\n\r\n'], status: ['200'], closed: true },
  {
    name: 'HTTP/1.0 with keep-alive',
    sent: ['GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
    status: ['200'],
  },
  {
    name: 'Connection: close',
    sent: [`GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
    status: ['200'],
    closed: true,
  },
  { name: 'no Host', sent: ['GET /health HTTP/1.1\r\n\r\n'], status: ['200'] },
  {
    name: 'a chunked body',
    sent: [
      `POST /api/v1 HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"typ\r\n10\r\ne":"GET_HEALTH"}\r\n0\r\n\r\n`,
    ],
    status: ['200'],
    text: '{"type":"GET_HEALTH","get_health":{"healthy":true}}',
  },
  {
    name: 'a body in two writes',
    sent: [post('/api/v1', '{"type":"GET_HEALTH"}').slice(0, -5), 'LTH"}'],
    status: ['200'],
  },
  {
    name: 'no Content-Length',
    sent: [post('/api/v1', '{"type":"GET_HEALTH"}').replace(/Content-Length.*\r\n/, '')],
    status: ['400'],
  },
  { name: 'an absolute URI', sent: [`GET http://x/health HTTP/1.1\r\n${host}\r\n`], status: ['200'] },
  { name: 'a fragment', sent: [`GET /health#x HTTP/1.1\r\n${host}\r\n`], status: ['200'] },
  {
    name: 'OPTIONS *',
    sent: [`OPTIONS * HTTP/1.1\r\n${host}\r\n`],
    status: ['400'],
    text: "Request URL path must start with '/'",
  },
  {
    name: 'a header of 70,000 bytes',
    sent: [`GET /health HTTP/1.1\r\n${host}X: ${'a'.repeat(70_000)}\r\n\r\n`],
    status: ['200'],
  },
  {
    name: 'a target of 20,000 bytes',
    sent: [`GET /health?${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`],
    status: ['200'],
  },
  {
    name: 'Upgrade: websocket',
    sent: [`GET /health HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
    status: ['200'],
  },
  {
    name: 'Upgrade: h2c',
    sent: [
      `GET /health HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\n`,
    ],
    status: ['200'],
  },
  {
    name: 'an expectation of another kind',
    sent: [`GET /health HTTP/1.1\r\n${host}Expect: wonders\r\n\r\n`],
    status: ['200'],
  },
  // On purpose a clean 400 where Mesos closes without a word.
  { name: 'garbage', sent: ['hello\r\n\r\n'], status: ['400'], closed: true },
  { name: 'an unknown method', sent: [`FOO /health HTTP/1.1\r\n${host}\r\n`], status: ['400'], closed: true },
  { name: 'the preface of h2c', sent: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], status: ['400'], closed: true },
  { name: 'a malformed query', sent: [`GET /files/browse?path=%zz HTTP/1.1\r\n${host}\r\n`], status: ['400'] },
];

describe('raw HTTP is answered as by a real master:', () => {
  for (const { name, sent, status, closed, text } of exchanges) {
    test(name, async (t) => {
      const room = await open(t);
      const client = await room.raw();
      for (const part of sent) client.socket.write(part);
      await until('the answers', () => statuses(client.received()).length >= status.length);
      assert.deepEqual(statuses(client.received()), status);
      if (text !== undefined) await until('the text', () => client.received().endsWith(text));
      if (closed) await until('the end', () => client.closed());
      else if (name !== 'no Content-Length') assert.equal(client.closed(), false);
    });
  }
});

describe('connections', () => {
  test('a client that asks first whether to go on is told to', async (t) => {
    const room = await open(t);
    const { socket, received } = await room.raw();
    const request = post('/api/v1', '{"type":"GET_HEALTH"}', 'Expect: 100-continue\r\n');
    socket.write(request.slice(0, -21));
    await until('an answer', () => received().startsWith('HTTP/1.1 100 Continue'));
    socket.write(request.slice(-21));
    await until('the answer', () => received().endsWith('{"type":"GET_HEALTH","get_health":{"healthy":true}}'));
  });

  test('a request behind a subscription is not taken up while that is open', async (t) => {
    const room = await open(t);
    const { socket, received } = await room.raw();
    socket.write(post('/api/v1/scheduler', subscribeBody('one')) + post('/api/v1/scheduler', subscribeBody('two')));
    await until('the subscription', () => received().includes('HEARTBEAT'));
    assert.equal((await room.request('GET', '/health')).status, 200);
    assert.deepEqual(
      [...room.master.state.frameworks.values()].map(({ info }) => info.name),
      ['one'],
    );
    assert.equal(statuses(received()).length, 1);
    const [framework] = room.master.state.frameworks.keys();
    const teardown = { type: 'TEARDOWN', teardown: { framework_id: { value: framework } } };
    await room.request('POST', '/api/v1', { headers: json, body: JSON.stringify(teardown) });
    await until('its turn', () => [...room.master.state.frameworks.values()].some(({ info }) => info.name === 'two'));
    assert.match(received(), /\r\n0\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  test('a request behind a subscription is never made when the client hangs up', async (t) => {
    const room = await open(t);
    const { socket, received } = await room.raw();
    socket.write(post('/api/v1/scheduler', subscribeBody('one')) + post('/api/v1/scheduler', subscribeBody('two')));
    await until('the subscription', () => received().includes('HEARTBEAT'));
    socket.destroy();
    await until('the master sees it', () => room.master.state.frameworks.size === 0);
    assert.deepEqual(
      [...room.master.state.completedFrameworks.values()].map(({ info }) => info.name),
      ['one'],
    );
  });

  test('a connection with endless requests behind a subscription is closed', async (t) => {
    const room = await open(t);
    const client = await room.raw();
    client.socket.write(post('/api/v1/scheduler', subscribeBody('one')));
    await until('the subscription', () => client.received().includes('HEARTBEAT'));
    client.socket.write(health.repeat(1000));
    await until('the end', () => client.closed());
  });

  test('many pipelined requests are answered in order', async (t) => {
    const room = await open(t);
    const { socket, received } = await room.raw();
    socket.write(
      Array.from({ length: 60 }, (_, index) => (index % 2 ? health : health.replace('health', 'nope'))).join(''),
    );
    await until('the answers', () => statuses(received()).length === 60);
    assert.deepEqual(
      statuses(received()),
      Array.from({ length: 60 }, (_, index) => (index % 2 ? '200' : '404')),
    );
  });

  test('streams are chunked for HTTP/1.0 and with Connection: close too, and never have a length', async (t) => {
    const room = await open(t);
    const request = post('/api/v1/scheduler', subscribeBody('one'));
    for (const [from, to] of [
      ['HTTP/1.1', 'HTTP/1.0'],
      ['Host: x', 'Connection: close'],
    ] as const) {
      const { socket, received, closed } = await room.raw();
      socket.write(request.replace(from, to));
      await until('the stream', () => received().includes('\r\n17\r\n20\n{"type":"HEARTBEAT"}\r\n'));
      assert.match(received(), /transfer-encoding: chunked\r\n/i);
      assert.doesNotMatch(received(), /content-length/i);
      assert.equal(closed(), false);
    }
  });

  test('a client that stops in the middle of a head or a body harms nobody', async (t) => {
    const room = await open(t);
    const stream = await room.subscribe(frameworkInfo());
    for (const part of ['GET /hea', post('/api/v1', '{"type":"GET_HEALTH"}').slice(0, -4)]) {
      const half = await room.raw();
      half.socket.end(part);
      await until('the end', () => half.closed());
      const gone = await room.raw();
      gone.socket.write(part, () => gone.socket.destroy());
    }
    assert.equal((await room.request('GET', '/health')).status, 200);
    assert.equal(stream.ended, false);
  });
});

describe('methods', () => {
  test('HEAD is answered like GET, without the body', async (t) => {
    const room = await open(t);
    const whole = await room.request('GET', '/version');
    const head = await room.request('HEAD', '/version');
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['content-length'], whole.headers['content-length']);
    assert.equal(head.headers['content-type'], 'application/json');
  });

  test('others than POST are refused by the APIs', async (t) => {
    const room = await open(t);
    for (const path of ['/api/v1', '/api/v1/scheduler', '/master/api/v1/', '/api/v1/operator']) {
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD', 'TRACE']) {
        const answer = await room.request(method, path);
        const text = `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method}'.`;
        assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'], `${method} ${path}`);
        assert.equal(answer.headers['content-length'], String(text.length));
        assert.equal(answer.text, method === 'HEAD' ? '' : text);
      }
    }
  });
});

describe('gzip', () => {
  test('compresses answers of 1024 bytes and more for those who take it', async (t) => {
    const room = await open(t);
    const plain = await room.request('GET', '/state');
    const { socket, received } = await room.raw();
    socket.write(`GET /state HTTP/1.1\r\n${host}Accept-Encoding: deflate, gzip\r\n\r\n`);
    const split = () => received().indexOf('\r\n\r\n');
    const length = () => Number(/content-length: (\d+)/i.exec(received())?.[1] ?? Number.NaN);
    await until('the answer', () => received().length === split() + 4 + length());
    assert.match(received(), /content-encoding: gzip/i);
    const body = gunzipSync(Buffer.from(received().slice(split() + 4), 'latin1')).toString();
    assert.deepEqual(Object.keys(JSON.parse(body)), Object.keys(JSON.parse(plain.text)));
    assert.ok(length() < plain.text.length);
    const encodingOf = async (path: string, accepted: string) =>
      (await room.request('GET', path, { headers: { 'accept-encoding': accepted } })).headers['content-encoding'];
    assert.equal(await encodingOf('/state', 'gzip;q=0'), undefined);
    assert.equal(await encodingOf('/version', 'gzip'), undefined);
  });

  test('never compresses a stream', async (t) => {
    const room = await open(t);
    const stream = await room.subscribe(frameworkInfo(), { 'accept-encoding': 'gzip' });
    assert.equal(stream.headers['content-encoding'], undefined);
    assert.equal(stream.records[0]?.type, 'SUBSCRIBED');
  });

  const send = (room: MasterRoom, body: Buffer) =>
    room.request('POST', '/api/v1', { headers: { ...json, 'content-encoding': 'gzip' }, body });

  test('is taken off the bodies of requests', async (t) => {
    const room = await open(t);
    const answer = await send(room, gzipSync('{"type":"GET_HEALTH"}'));
    assert.equal(answer.text, '{"type":"GET_HEALTH","get_health":{"healthy":true}}');
  });

  test('that is broken is refused as by a real master', async (t) => {
    const room = await open(t);
    const whole = gzipSync('{"type":"GET_HEALTH"}');
    for (const body of [Buffer.from('{"type":"GET_HEALTH"}'), whole.subarray(0, 20), Buffer.alloc(0)]) {
      const answer = await send(room, body);
      assert.deepEqual([answer.status, answer.text], [500, 'failed to decode body']);
    }
  });

  test('that unpacks to more than a body may have is refused', async (t) => {
    const room = await open(t);
    assert.equal((await send(room, gzipSync(Buffer.alloc(65 * 1024 * 1024)))).status, 413);
    assert.equal((await room.request('GET', '/health')).status, 200);
  });
});

describe('a master that does not lead', () => {
  test('sends on what only the leader knows', async (t) => {
    const room = await open(t, [], () => ({ hostname: 'other', port: 5050 }));
    for (const [method, path] of [
      ['POST', '/api/v1/scheduler'],
      ['POST', '/master/api/v1?a=%20b'],
      ['GET', '/api/v1'],
      ['GET', '/master/state?jsonp=x'],
      ['GET', '//slaves/'],
      ['GET', '/state/foo'],
      ['POST', '/teardown'],
    ] as const) {
      const answer = await room.request(method, path, method === 'POST' ? { headers: json, body: 'no call' } : {});
      assert.deepEqual([answer.status, answer.headers.location, answer.text], [307, `//other:5050${path}`, ''], path);
    }
    const redirect = await room.request('GET', '/master/redirect');
    assert.deepEqual([redirect.status, redirect.headers.location], [307, '//other:5050']);
  });

  test('says so while there is no leader', async (t) => {
    const room = await open(t, [], () => undefined);
    for (const path of ['/state', '/api/v1/scheduler']) {
      const answer = await room.request('GET', path);
      assert.deepEqual([answer.status, answer.text], [503, 'No leader elected']);
    }
    const redirect = await room.request('GET', '/redirect');
    assert.deepEqual(
      [redirect.status, redirect.headers.location],
      [307, `//localhost:${room.master.address.split(':')[1]}`],
    );
  });

  test('answers what is its own', async (t) => {
    for (const leader of [undefined, { hostname: 'other', port: 5050 }]) {
      const room = await open(t, [], () => leader);
      for (const path of ['/health', '/master/flags', '/version', '/metrics/snapshot', '/files/debug']) {
        assert.equal((await room.request('GET', path)).status, 200, path);
      }
      for (const path of ['/nope', '/redirect/x']) assert.equal((await room.request('GET', path)).status, 404, path);
    }
  });
});

describe('a subscriber that does not read', () => {
  test('is cut off, and the others notice nothing', async (t) => {
    const room = await open(t, ['--max_stream_backlog=1']);
    const agent = agentSubscription({ resources: 'cpus:4;mem:1024' });
    // Each offer carries so much.
    agent.agent.attributes = [{ name: 'a', type: 'TEXT', text: { value: 'x'.repeat(500_000) } }];
    await room.join(agent);
    const deaf = await room.raw();
    deaf.socket.write(post('/api/v1/scheduler', subscribeBody('deaf')));
    await until('the subscription', () => deaf.received().includes('HEARTBEAT'));
    deaf.socket.pause();
    const [id = ''] = room.master.state.frameworks.keys();
    const headers = { ...json, 'mesos-stream-id': /Mesos-Stream-Id: (\S+)/.exec(deaf.received())?.[1] ?? '' };
    const connected = () => room.master.state.frameworks.get(id as never)?.connected === true;
    for (let times = 0; connected() && times < 200; times++) {
      const offers = [...room.master.state.offers.keys()].map((value) => ({ value }));
      const decline = { offer_ids: offers, filters: { refuse_seconds: 0 } };
      const calls = [{ type: 'DECLINE', decline }, { type: 'REVIVE' }];
      for (const call of calls) {
        const body = JSON.stringify({ framework_id: { value: id }, ...call });
        await room.request('POST', '/api/v1/scheduler', { headers, body });
      }
    }
    assert.equal(connected(), false);
    const other = await room.subscribe(frameworkInfo());
    await until('an offer', () => other.records.some(({ type }) => type === 'OFFERS'));
    assert.ok(frameworkOf(other));
  });
});
