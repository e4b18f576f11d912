import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { uuidToBase64 } from '../../protocol/ids.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { createHttpServer, listen } from '../../runtime/http-server.ts';
import { silentLog } from '../../runtime/log.ts';
import { RecordStream } from '../../runtime/record-stream.ts';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

const megabyte = 1024 * 1024;

/** A stream to a client that reads only when the test says so. */
async function stalled(t: TestContext, backlog: number, farewell?: (reason: string) => string) {
  const heard: string[] = [];
  let give: (response: ServerResponse) => void = () => undefined;
  const answer = new Promise<ServerResponse>((resolve) => {
    give = resolve;
  });
  const server = createServer((_request, response) => give(response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  client.on('error', () => undefined).on('close', () => heard.push('client closed'));
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const stream = new RecordStream(
    await answer,
    {},
    { backlog, log: silentLog, onCutOff: () => void heard.push('cut off') },
    { onClose: () => void heard.push('closed'), ...(farewell && { farewell }) },
  );
  return { stream, client, heard };
}

/** All records that the client reads from now on. */
function read(client: Socket): string[] {
  const records: string[] = [];
  const decoder = new RecordDecoder({ maximumLength: 1e7 });
  let rest = Buffer.alloc(0);
  let head = true;
  client.on('data', (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    if (head && rest.includes('\r\n\r\n')) {
      rest = rest.subarray(rest.indexOf('\r\n\r\n') + 4);
      head = false;
    }
    for (let end = rest.indexOf('\r\n'); !head && end !== -1; end = rest.indexOf('\r\n')) {
      const length = Number.parseInt(rest.toString('latin1', 0, end), 16);
      if (rest.length < end + 2 + length + 2) break;
      for (const record of decoder.push(rest.subarray(end + 2, end + 2 + length)).records)
        records.push(record.toString());
      rest = rest.subarray(end + 2 + length + 2);
    }
  });
  client.resume();
  return records;
}

const record = JSON.stringify({ text: 'x'.repeat(1000) });

describe('a stream to a client that does not read', () => {
  test('holds no more than its limit, whatever is written', async (t) => {
    const { stream, heard } = await stalled(t, megabyte);
    let most = 0;
    for (let written = 0; written < 100_000; written++) {
      stream.write(record);
      most = Math.max(most, stream.backlog);
      // Each turn may bring a few; a limit that is passed is noticed in the next one.
      if (written % 100 === 0) await turn();
    }
    assert.ok(most <= 4 * megabyte + 200 * record.length, `${most} bytes waited`);
    await until('it is closed', () => heard.includes('closed'));
    assert.deepEqual(
      heard.filter((what) => what !== 'client closed'),
      ['cut off', 'closed'],
    );
    assert.equal(stream.open, false);
  });

  test('tells why as its last word, if the client reads on after all', async (t) => {
    const { stream, client, heard } = await stalled(t, megabyte, (reason) => JSON.stringify({ reason }));
    for (let written = 0; !heard.includes('closed'); written++) {
      stream.write(record);
      if (written % 100 === 0) await turn();
    }
    assert.equal(heard.includes('client closed'), false);
    const records = read(client);
    await until('the end', () => heard.includes('client closed'));
    assert.match(records.at(-1) ?? '', /^\{"reason":"it does not read its events, of which \d+ bytes wait"\}$/);
    assert.ok(
      records.slice(0, -1).every((text) => text === record),
      'what came before it is whole',
    );
    assert.deepEqual(heard, ['cut off', 'closed', 'client closed']);
  });
});

const resources = 'cpus:1000;mem:100000';

describe('a scheduler that stalls', () => {
  test('while 100,000 updates come for it is disconnected, and its failover timeout runs; nothing is lost', async (t) => {
    const room = await MasterRoom.open(['--max_stream_backlog=1']);
    t.after(() => room.close());
    const { state } = room.master;
    const stream = await room.subscribe(frameworkInfo({ failoverTimeout: 3600 }));
    const id = frameworkOf(stream);
    const agent = await room.join(agentSubscription({ resources }));
    await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
    const [offer] = stream.records.flatMap(({ offers }) => offers?.offers ?? []);
    assert.ok(offer);
    const launch = { task_infos: [taskFor(offer, 't', 'cpus:1;mem:64')] };
    await room.call(stream, {
      type: 'ACCEPT',
      accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch }] },
    });
    stream.hangUp();
    const framework = () => state.frameworks.get(id as never);
    await until('it is away', () => framework()?.connected === false);

    const deaf = await room.raw();
    const info = frameworkInfo({ id, failoverTimeout: 3600 });
    const body = JSON.stringify({
      type: 'SUBSCRIBE',
      framework_id: { value: id },
      subscribe: { framework_info: info },
    });
    deaf.socket.write(
      `POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until('it is back', () => deaf.received().includes('HEARTBEAT'));
    deaf.socket.pause();
    const update = (index: number) => ({
      type: 'UPDATE' as const,
      framework_id: id,
      latest_state: 'TASK_RUNNING' as const,
      status: {
        task_id: { value: 't' },
        state: 'TASK_RUNNING' as const,
        agent_id: offer.agent_id,
        message: 'x'.repeat(400),
        uuid: uuidToBase64(`00000000-0000-4000-8000-${String(index).padStart(12, '0')}`),
      },
    });
    for (let first = 0; first < 100_000; first += 1000) {
      const messages = Array.from({ length: 1000 }, (_, index) => update(first + index));
      assert.equal((await room.tell(agent, messages)).status, 202, 'its agent does not suffer');
    }
    await until('it is disconnected', () => framework()?.connected === false);
    assert.equal(state.metrics.counters.get('master/slow_streams_closed'), 1);
    assert.ok((framework()?.removeAt ?? 0) > Date.now());
    assert.equal(framework()?.tasks.size, 1);

    const again = await room.subscribe(info);
    await room.tell(agent, [update(100_000)]);
    const isUpdate = ({ type }: SchedulerEvent) => type === 'UPDATE';
    await until('what is repeated for it', () => again.records.some(isUpdate));
  });

  test('does not keep an operator, an agent or another scheduler from theirs', async (t) => {
    const room = await MasterRoom.open(['--max_stream_backlog=1']);
    t.after(() => room.close());
    const deaf = await room.raw();
    const body = JSON.stringify({ type: 'SUBSCRIBE' });
    deaf.socket.write(
      `POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until('the operator follows', () => deaf.received().includes('HEARTBEAT'));
    deaf.socket.pause();
    const long = 'x'.repeat(100_000);
    const following = () => room.master.state.metrics.counters.get('master/operator_event_stream_subscribers') ?? 0;
    for (let index = 0; following() > 0 && index < 500; index++) {
      const stream = await room.subscribe(frameworkInfo({ name: `${long}${index}` }));
      stream.hangUp();
    }
    assert.equal(following(), 0);
    assert.equal(room.master.state.metrics.counters.get('master/slow_streams_closed'), 1);
    const other = await room.subscribe(frameworkInfo());
    await room.join(agentSubscription({ resources }));
    await until('an offer', () => other.records.some(({ type }) => type === 'OFFERS'));
  });
});

test('a large document is refused while too many of them are not taken by those who asked', async (t) => {
  const server = createHttpServer({ log: silentLog, actor: 'master', bodyLimit: 1000, answerLimit: 50 * megabyte });
  server.get('/large', (_request, reply) => reply.send('x'.repeat(20 * megabyte)));
  server.get('/small', (_request, reply) => reply.send('small'));
  const port = await listen(server, { ip: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const ask = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    t.after(() => socket.destroy());
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    let head = '';
    await until('the head', () => {
      const chunk: Buffer | null = socket.read(20);
      head = chunk?.toString() ?? '';
      return head !== '';
    });
    return { socket, status: head.split(' ')[1] };
  };
  const [first, second, third] = [await ask(), await ask(), await ask()];
  assert.deepEqual([first.status, second.status, third.status], ['200', '200', '429']);
  assert.equal((await fetch(`http://127.0.0.1:${port}/small`)).status, 200);
  first.socket.destroy();
  for (let tries = 0; (await ask()).status !== '200'; tries++) assert.ok(tries < 100);
});
