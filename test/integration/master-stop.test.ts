import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { MasterRoom } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { until } from '../support/virtual-clock.ts';

const resources = 'cpus:4;mem:1024';
// More than sockets buffer.
const large = Buffer.alloc(32 * 1024 * 1024, 'x');

async function open(t: TestContext): Promise<MasterRoom> {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  return room;
}

/** A client that asks for a file and does not read it. */
async function slowReader(t: TestContext, address: string, path: string): Promise<Socket> {
  const [host = '', port] = address.split(':');
  const socket = connect({ host, port: Number(port) });
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await until('the answer begins', () => {
    const chunk: Buffer | null = socket.read(1);
    if (chunk === null) return false;
    socket.unshift(chunk);
    return true;
  });
  return socket;
}

describe('a master that is told to stop', () => {
  test('ends every stream in order, so that all come back at once, and gives up nobody', async (t) => {
    const room = await open(t);
    const agent = await room.join(agentSubscription({ resources }));
    // Without a failover timeout its tasks would be killed if it had left.
    const framework = await room.subscribe(frameworkInfo());
    const operator = await room.stream('/api/v1', JSON.stringify({ type: 'SUBSCRIBE' }));
    await until('there are offers', () => framework.records.some(({ type }) => type === 'OFFERS'));
    await room.stop();
    await until('all have ended', () => agent.ended && framework.ended && operator.ended);
    const told = agent.records.map(({ type }) => type).filter((type) => type !== 'PING');
    assert.deepEqual(told, ['REGISTERED']);
    assert.ok(framework.records.every(({ type }) => type !== 'ERROR'));
    const { frameworks, completedFrameworks, agents } = room.master.state;
    assert.deepEqual([frameworks.size, completedFrameworks.size, agents.size], [1, 0, 1]);
    await assert.rejects(room.request('GET', '/health'), { code: 'ECONNREFUSED' });
  });

  test('writes the answers to their end that it has begun', async (t) => {
    const room = await open(t);
    const put = await room.request('PUT', '/mesita/v1/artifacts/large', { body: large });
    assert.equal(put.status, 201, put.text);
    const { uri } = JSON.parse(put.text) as { uri: string };
    const socket = await slowReader(t, room.master.address, `/mesita/v1/artifacts${uri.replace('mesita://', '')}`);
    const stopped = room.stop();
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    await stopped;
    await until('the connection is closed', () => socket.closed || socket.readableEnded);
    assert.ok(received > large.length, `${received}`);
  });
});

describe('mesita master', () => {
  async function start(t: TestContext): Promise<{ process: MesitaProcess; address: string }> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-master-stop-'));
    const master = new MesitaProcess(['master', '--port=0', `--work_dir=${directory}`], process.env);
    t.after(async () => {
      master.kill('SIGKILL');
      await master.outcome;
      await rm(directory, { recursive: true, force: true });
    });
    const [, address = ''] = await master.says(/master is up.*?address[^\d]*([\d.]+:\d+)/s);
    return { process: master, address };
  }

  test('says at SIGTERM what goes on without it, and ends well', async (t) => {
    const { process: master } = await start(t);
    const { code, stderr } = await master.end('SIGTERM');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the master stops: tasks run on/);
  });

  test('ends at once at a second signal, whatever it still waits for', async (t) => {
    const { process: master, address } = await start(t);
    const put = await fetch(`http://${address}/mesita/v1/artifacts/large`, { method: 'PUT', body: large });
    const { uri } = (await put.json()) as { uri: string };
    await slowReader(t, address, `/mesita/v1/artifacts${uri.replace('mesita://', '')}`);
    master.kill('SIGTERM');
    await master.says(/the master stops/);
    const { code, stderr } = await master.end('SIGTERM');
    assert.equal(code, 130, stderr);
  });
});
