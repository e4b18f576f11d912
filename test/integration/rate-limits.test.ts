import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { frameworkInfo } from '../support/master-messages.ts';
import { type Answer, MasterRoom } from '../support/master-room.ts';
import { settle, until, VirtualClock } from '../support/virtual-clock.ts';

const table = JSON.stringify({ limits: [{ principal: 'slow', qps: 1, capacity: 2 }] });

async function open(t: TestContext) {
  const clock = new VirtualClock();
  const room = await MasterRoom.open([`--rate_limits=${table}`], clock);
  t.after(() => room.close());
  const subscribe = (principal: string) =>
    room.subscribe({ ...frameworkInfo({ name: principal, failoverTimeout: 60 }), principal });
  const metric = async (name: string) =>
    JSON.parse((await room.request('GET', '/metrics/snapshot')).text)[name] as number | undefined;
  return { room, clock, subscribe, metric };
}

describe('calls of a principal that has a rate', () => {
  test('are taken up at that rate, in order, and their answers come then', async (t) => {
    const { room, clock, subscribe, metric } = await open(t);
    const stream = await subscribe('slow');
    const answers: string[] = [];
    const say = (type: string) => {
      const answer = room.call(stream, { type });
      answer.then(({ status }) => answers.push(`${type} ${status}`)).catch(() => undefined);
      return answer;
    };
    await say('SUPPRESS');
    // One connection each, so that they come in any order: received one after the other.
    for (const [index, type] of ['REVIVE', 'SUPPRESS'].entries()) {
      say(type).catch(() => undefined);
      while ((await metric('frameworks/slow/messages_received')) !== index + 2) await settle(1);
    }
    assert.deepEqual(answers, ['SUPPRESS 202']);
    clock.advance(1000);
    await until('the second', () => answers.length === 2);
    clock.advance(1000);
    await until('the third', () => answers.length === 3);
    assert.deepEqual(answers, ['SUPPRESS 202', 'REVIVE 202', 'SUPPRESS 202']);
    assert.equal(await metric('frameworks/slow/messages_processed'), 3);
  });

  test('are dropped beyond its capacity, which their sender is told, and the framework lives on', async (t) => {
    const { room, clock, subscribe, metric } = await open(t);
    const stream = await subscribe('slow');
    assert.equal((await room.call(stream, { type: 'REVIVE' })).status, 202);
    const waiting: Promise<Answer>[] = [];
    for (let index = 0; index < 2; index++) {
      waiting.push(room.call(stream, { type: 'REVIVE' }));
      while ((await metric('frameworks/slow/messages_received')) !== index + 2) await settle(1);
    }
    const dropped = await room.call(stream, { type: 'REVIVE' });
    assert.deepEqual([dropped.status, dropped.text], [429, 'Message REVIVE dropped: capacity(2) exceeded']);
    clock.advance(2000);
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ status }) => status),
      [202, 202],
    );
    assert.equal(stream.ended, false);
    clock.advance(1000);
    assert.equal((await room.call(stream, { type: 'REVIVE' })).status, 202);
  });

  test('do not keep anybody else waiting', async (t) => {
    const { room, subscribe } = await open(t);
    const [slow, free] = [await subscribe('slow'), await subscribe('free')];
    assert.equal((await room.call(slow, { type: 'REVIVE' })).status, 202);
    const waiting = room.call(slow, { type: 'REVIVE' });
    waiting.catch(() => undefined);
    for (let times = 0; times < 20; times++) assert.equal((await room.call(free, { type: 'REVIVE' })).status, 202);
  });

  test('come to nothing when the framework has gone before their turn', async (t) => {
    const { room, clock, subscribe, metric } = await open(t);
    const stream = await subscribe('slow');
    assert.equal((await room.call(stream, { type: 'REVIVE' })).status, 202);
    const waiting = room.call(stream, { type: 'TEARDOWN' });
    while ((await metric('frameworks/slow/messages_received')) !== 2) await settle(1);
    stream.hangUp();
    await until('it is away', () => [...room.master.state.frameworks.values()].every(({ connected }) => !connected));
    clock.advance(1000);
    assert.deepEqual([(await waiting).status, (await waiting).text], [403, 'Framework is not subscribed']);
    assert.equal(room.master.state.frameworks.size, 1);
  });

  test('are answered when the master stops', async (t) => {
    const { room, subscribe, metric } = await open(t);
    const stream = await subscribe('slow');
    assert.equal((await room.call(stream, { type: 'REVIVE' })).status, 202);
    const waiting = room.call(stream, { type: 'REVIVE' });
    while ((await metric('frameworks/slow/messages_received')) !== 2) await settle(1);
    const [answer] = await Promise.all([waiting, room.stop()]);
    assert.deepEqual([answer.status, answer.text], [503, 'Message REVIVE dropped: the master stops']);
  });
});
