import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createHttpServer, listen, openStream } from '../../runtime/http-server.ts';
import { silentLog } from '../../runtime/log.ts';
import type { RecordStream } from '../../runtime/record-stream.ts';
import { until } from '../support/virtual-clock.ts';

describe('clients that stall', () => {
  let server: FastifyInstance;
  let port: number;
  const streams: RecordStream[] = [];
  let closed = 0;

  before(async () => {
    const timeouts = { head: 300, body: 300, idle: 600 };
    server = createHttpServer({ log: silentLog, actor: 'master', bodyLimit: 1000, timeouts });
    server.post('/echo', (request, reply) => reply.send(request.body));
    server.post('/stream', (_request, reply) => {
      streams.push(openStream(reply, {}, () => closed++));
      return reply;
    });
    port = await listen(server, { ip: '127.0.0.1', port: 0 });
  });
  after(async () => {
    for (const stream of streams) stream.destroy();
    await server.close();
  });

  async function client(t: TestContext): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> {
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    let received = '';
    let closed = false;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.once('close', () => {
      closed = true;
    });
    await new Promise((resolve) => socket.once('connect', resolve));
    return { socket, received: () => received, closed: () => closed };
  }

  test('in the head of a request are cut off', async (t) => {
    for (const part of ['', 'POST /echo HTTP/1.1\r\nHost: x\r\nX: ']) {
      const stalled = await client(t);
      stalled.socket.write(part);
      await until('the end', () => stalled.closed());
      assert.match(stalled.received(), /^(HTTP\/1\.1 408 |$)/);
    }
  });

  test('in the body are refused, also when they drip', async (t) => {
    const stalled = await client(t);
    stalled.socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n');
    const drip = setInterval(() => stalled.socket.write('x'), 20);
    t.after(() => clearInterval(drip));
    await until('an answer', () => stalled.received().startsWith('HTTP/1.1 408 '));
  });

  test('with a subscription keep it', async (t) => {
    const subscriber = await client(t);
    subscriber.socket.write('POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await until('the stream', () => subscriber.received().includes('chunked'));
    const idle = await client(t);
    await until('the end of an idle connection that came later', () => idle.closed());
    assert.equal(closed, 0);
    streams[0]?.write('{}');
    await until('a record', () => subscriber.received().endsWith('4\r\n2\n{}\r\n'));
  });
});

test('a body that is too large is refused while it is being sent, and its client reads why', async (t) => {
  const server = createHttpServer({ log: silentLog, actor: 'master', bodyLimit: 1_000_000 });
  t.after(() => server.close());
  server.post('/echo', (request, reply) => reply.send(request.body));
  const port = await listen(server, { ip: '127.0.0.1', port: 0 });
  for (const head of ['Content-Length: 20000000\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n']) {
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    let failure: Error | undefined;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\n${head}`);
    // As a client does that reads no answer before it has sent all.
    socket.pause();
    const part = Buffer.alloc(100_000, 'x');
    const framed = head.startsWith('T') ? Buffer.concat([Buffer.from('186a0\r\n'), part, Buffer.from('\r\n')]) : part;
    for (let parts = 0; parts < 200; parts++) {
      if (!socket.write(framed)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    }
    if (head.startsWith('T')) socket.write('0\r\n\r\n');
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.resume();
    await until('the answer', () => received.includes('1000000 bytes at the most'));
    assert.match(received, /^HTTP\/1\.1 413 /);
    assert.equal(failure, undefined);
  }
});
