import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

/** What a real master answered to a call of the scheduler API. `{framework}` and `{stream}` stand for those of a subscription. */
interface RecordedCall {
  name: string;
  method: string;
  headers: [string, string][];
  body?: { utf8?: string; base64?: string };
  status: number;
  text?: string;
  /** The answer was a stream; with `error`, one that began with that ERROR. */
  stream?: true;
  error?: string;
}

const calls = readFileSync(join(import.meta.dirname, 'master-recorded-calls.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as RecordedCall);

describe('the scheduler API answers as a real master did', () => {
  let room: MasterRoom;
  let session: OpenStream<SchedulerEvent>;

  before(async () => {
    room = await MasterRoom.open();
    const capabilities = ['MULTI_ROLE', 'RESERVATION_REFINEMENT', 'PARTITION_AWARE'].map((type) => ({ type }));
    session = await room.subscribe({
      user: 'root',
      name: 'errs',
      roles: ['errs'],
      failover_timeout: 600,
      capabilities,
    });
  });
  after(() => room.close());

  for (const call of calls) {
    test(call.name, async () => {
      if (call.name === 'REVIVE while disconnected') await disconnect();
      if (call.name === 'REVIVE after teardown') await teardown();
      await replay(call);
    });
  }

  async function disconnect(): Promise<void> {
    session.hangUp();
    await until('the master sees it', () =>
      [...room.master.state.frameworks.values()].every(
        ({ id, connected }) => id !== frameworkOf(session) || !connected,
      ),
    );
  }

  async function teardown(): Promise<void> {
    const id = { value: frameworkOf(session) };
    const again = await room.subscribe({
      id,
      user: 'root',
      name: 'errs',
      roles: ['errs'],
      capabilities: [{ type: 'MULTI_ROLE' }],
    });
    assert.equal((await room.call(again, { type: 'TEARDOWN' })).status, 202);
  }

  function fill(text: string): string {
    return text
      .replaceAll('{framework}', frameworkOf(session))
      .replaceAll('{stream}', String(session.headers['mesos-stream-id']));
  }

  async function replay(call: RecordedCall): Promise<void> {
    const headers = Object.fromEntries(call.headers.map(([name, value]) => [name, fill(value)]));
    const body =
      call.body?.base64 === undefined ? fill(call.body?.utf8 ?? '') : Buffer.from(call.body.base64, 'base64');
    if (call.stream === true) {
      const stream = await room.stream<SchedulerEvent>('/api/v1/scheduler', String(body), headers);
      try {
        assert.equal(stream.status, 200);
        await until('an event', () => stream.records.length > 0);
        assert.deepEqual(stream.records[0]?.error?.message, call.error);
        if (call.error !== undefined) await until('the stream is ended', () => stream.ended);
      } finally {
        stream.hangUp();
      }
      return;
    }
    const hasBody = call.method !== 'GET' && call.method !== 'HEAD' && call.body !== undefined;
    const answer = await room.request(call.method, '/api/v1/scheduler', { headers, ...(hasBody ? { body } : {}) });
    assert.deepEqual(
      { status: answer.status, text: answer.text },
      { status: call.status, text: fill(call.text ?? '') },
    );
    if (call.status === 405) assert.equal(answer.headers.allow, 'POST');
    if (call.status === 202) assert.equal(answer.headers['content-length'], '0');
    if (call.status >= 400) assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
  }
});
