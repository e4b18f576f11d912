import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { NotConnected, probeNetwork } from '../../../../runtime/checks/network-probe.ts';

const reach = { address: '127.0.0.1' };
const never = new AbortController().signal;

async function listening(t: TestContext, server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function serving(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  t.after(() => server.closeAllConnections());
  return listening(t, server);
}

const http = (port: number, path = '/') => ({ type: 'HTTP', scheme: 'http', family: 4, port, path }) as const;

/** A port that nothing listens on. */
async function closedPort(t: TestContext): Promise<number> {
  const server = createTcpServer();
  const port = await listening(t, server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('an HTTP attempt', () => {
  test('says the status, and asks as from within the container', async (t) => {
    const seen: (string | undefined)[] = [];
    const port = await serving(t, (request, reply) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      reply.writeHead(418).end('short and stout');
    });
    const result = await probeNetwork(http(port, '/up?deep=1'), reach, never);
    assert.deepEqual(result, { type: 'HTTP', statusCode: 418 });
    assert.deepEqual(seen, [`GET /up?deep=1 127.0.0.1:${port}`]);
  });

  test('follows redirects to the last status, by the address through which loopback is reached', async (t) => {
    const port = await serving(t, ({ url, headers }, reply) => {
      if (url === '/old') reply.writeHead(302, { location: '/new' }).end();
      else if (url === '/new') reply.writeHead(301, { location: `http://localhost:${port}/last` }).end();
      else reply.writeHead(headers.host === `localhost:${port}` ? 204 : 500).end();
    });
    assert.deepEqual(await probeNetwork(http(port, '/old'), reach, never), { type: 'HTTP', statusCode: 204 });
  });

  test('takes a redirect without a place as it is, and gives up on an endless one', async (t) => {
    const port = await serving(t, ({ url }, reply) => {
      reply.writeHead(302, url === '/round' ? { location: '/round' } : {}).end();
    });
    assert.deepEqual(await probeNetwork(http(port, '/'), reach, never), { type: 'HTTP', statusCode: 302 });
    await assert.rejects(probeNetwork(http(port, '/round'), reach, never), /redirected more than 50 times/);
  });

  test('is no answer before the whole body is there', async (t) => {
    const port = await serving(t, (_request, reply) => {
      reply.writeHead(200, { 'content-length': 10 }).write('half');
      setImmediate(() => reply.destroy());
    });
    await assert.rejects(probeNetwork(http(port), reach, never), (error) => !(error instanceof NotConnected));
  });

  test('ends with its signal, and leaves no connection', async (t) => {
    const hanging = createServer(() => undefined);
    const port = await listening(t, hanging);
    await assert.rejects(probeNetwork(http(port), reach, AbortSignal.timeout(50)), { name: 'TimeoutError' });
    await new Promise((resolve) => hanging.close(resolve));
  });

  test('says where there was no connection', async (t) => {
    const port = await closedPort(t);
    await assert.rejects(probeNetwork(http(port), reach, never), NotConnected);
  });

  test('of a path that makes no URL fails', async () => {
    await assert.rejects(probeNetwork(http(80, '99999/'), reach, never), /Invalid URL/);
  });
});

describe('a TCP attempt', () => {
  test('succeeds with a connection', async (t) => {
    const port = await listening(
      t,
      createTcpServer((socket) => socket.end()),
    );
    const result = await probeNetwork({ type: 'TCP', family: 4, port }, reach, never);
    assert.deepEqual(result, { type: 'TCP', succeeded: true });
  });

  test('speaks IPv6', async (t) => {
    const port = await listening(
      t,
      createTcpServer((socket) => socket.end()),
      '::1',
    );
    const result = await probeNetwork({ type: 'TCP', family: 6, port }, { address: '::1' }, never);
    assert.deepEqual(result, { type: 'TCP', succeeded: true });
  });

  test('says where there was no connection', async (t) => {
    const port = await closedPort(t);
    await assert.rejects(probeNetwork({ type: 'TCP', family: 4, port }, reach, never), NotConnected);
  });

  test('waits no longer for a connection than its patience', async () => {
    // Packets to this address, which is set aside for documentation, are answered by nobody.
    const silent = { address: '192.0.2.1', patience: 50 };
    await assert.rejects(probeNetwork({ type: 'TCP', family: 4, port: 9 }, silent, never), NotConnected);
  });
});
