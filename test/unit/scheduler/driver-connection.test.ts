import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { encodeRecord } from '../../../protocol/record-io.ts';
import {
  callsOf,
  playing,
  playingInTurn,
  runDriver,
  scriptedMaster,
  subscribed,
  subscribedDriver,
} from '../../support/driver-room.ts';
import { frameworkInfo } from '../../support/master-messages.ts';
import type { ScriptedRequest } from '../../support/scripted-master.ts';
import { settle, until, VirtualClock } from '../../support/virtual-clock.ts';

/** host:port where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

const redirecting = (location: string) => (request: ScriptedRequest) => request.answer(307, '', { Location: location });

describe('a subscription that breaks', () => {
  test('is made again under the same id, and calls carry the new stream id', async (t) => {
    const scripted = await scriptedMaster(t, playingInTurn([], []));
    const reasons: string[] = [];
    const { driver } = runDriver(t, scripted.address, { disconnected: (reason) => void reasons.push(reason) });
    await until('the second subscription', () => callsOf(scripted, 'SUBSCRIBE').length === 2);
    const [first, second] = callsOf(scripted, 'SUBSCRIBE').map(({ body }) => body);
    assert.equal(first.framework_id, undefined);
    assert.deepEqual([second.framework_id, second.subscribe.framework_info.id], [{ value: 'F' }, { value: 'F' }]);
    assert.deepEqual(reasons, ['the other side closed the stream']);
    await until('a call goes through', () => {
      driver.revive().catch(() => undefined);
      return callsOf(scripted, 'REVIVE').some(({ headers }) => headers['mesos-stream-id'] === 'stream-2');
    });
  });

  test('within a record is made again, and the half record is nobody’s event', async (t) => {
    const scripted = await scriptedMaster(t, (request, index) => {
      request.stream(`stream-${index}`)(subscribed());
      const rescind = encodeRecord('{"type":"RESCIND","rescind":{"offer_id":{"value":"O"}}}');
      if (index === 0) request.response.write(rescind.subarray(0, 30), () => request.response.end());
      else request.response.write(rescind);
    });
    const log: string[] = [];
    runDriver(t, scripted.address, {
      disconnected: (reason) => void log.push(reason),
      rescind: (id) => void log.push(id),
    });
    await until('the event', () => log.at(-1) === 'O');
    assert.deepEqual(log, ['the stream ended within a record', 'O']);
  });

  test('by rubbish where a record should be is made again', async (t) => {
    const scripted = await scriptedMaster(t, (request, index) => {
      request.stream('s')(subscribed());
      if (index === 0) request.response.write('rubbish');
    });
    const reasons: string[] = [];
    runDriver(t, scripted.address, { disconnected: (reason) => void reasons.push(reason) });
    await until('the second subscription', () => scripted.requests.length === 2);
    assert.match(reasons[0] ?? '', /is no number/);
  });

  test('counts as broken when five heartbeats in a row are missing, and not before', async (t) => {
    const clock = new VirtualClock();
    const writes: ((record: unknown) => void)[] = [];
    const scripted = await scriptedMaster(t, (request) => {
      const write = request.stream('s');
      write({ type: 'SUBSCRIBED', subscribed: { framework_id: { value: 'F' }, heartbeat_interval_seconds: 2 } });
      writes.push(write);
    });
    const reasons: string[] = [];
    let beats = 0;
    const handlers = { disconnected: (reason: string) => void reasons.push(reason), heartbeat: () => void beats++ };
    await subscribedDriver(t, scripted.address, handlers, { clock });
    // The first look falls due by Mesos' interval; from then on by the master's own.
    clock.advance(9_000);
    writes[0]?.({ type: 'HEARTBEAT' });
    await until('the heartbeat', () => beats === 1);
    clock.advance(66_000);
    await until('the break', () => reasons.length === 1);
    assert.deepEqual(reasons, ['nothing came for 10 s']);
    clock.advance(0);
    await until('the second subscription', () => writes.length === 2);
    await until('the watch over it', () => clock.pending === 1);
    clock.advance(9_999);
    await settle();
    assert.equal(reasons.length, 1);
    clock.advance(1);
    await until('the second break', () => reasons.length === 2);
  });

  test('is tried again after waits that double up to ten seconds, and anew after one that stood', async (t) => {
    const clock = new VirtualClock();
    let there = false;
    const scripted = await scriptedMaster(t, (request) =>
      there ? playing()(request) : request.answer(503, 'No leader elected'),
    );
    const waits: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (milliseconds, callback) => {
      if (milliseconds <= 10_000) waits.push(milliseconds);
      return after(milliseconds, callback);
    };
    const options = { clock, random: () => 1, framework: frameworkInfo({ id: 'F' }) };
    let subscriptions = 0;
    runDriver(t, scripted.address, { subscribed: () => void subscriptions++ }, options);
    for (let attempt = 1; attempt <= 8; attempt++) {
      await until('it waits', () => waits.length === attempt);
      if (attempt === 8) there = true;
      clock.advance(10_000);
    }
    assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    await until('it is subscribed', () => subscriptions === 1);
    clock.advance(11_000);
    there = false;
    scripted.requests.at(-1)?.response.destroy();
    await until('it waits again', () => waits.length === 9);
    assert.equal(waits.at(-1), 200);
  });
});

describe('the leader is found', () => {
  test('by a redirect without a scheme, with the path of the call in it or without', async (t) => {
    for (const path of ['', '/api/v1/scheduler']) {
      const leader = await scriptedMaster(t, playing());
      const follower = await scriptedMaster(t, redirecting(`//${leader.address}${path}`));
      const reasons: string[] = [];
      const { driver } = await subscribedDriver(t, follower.address, {
        disconnected: (reason) => void reasons.push(reason),
      });
      await driver.revive();
      assert.equal(callsOf(leader, 'REVIVE').length, 1);
      assert.deepEqual(reasons, []);
    }
  });

  test('by a chain of redirects, each with the whole call', async (t) => {
    const leader = await scriptedMaster(t, playing());
    const second = await scriptedMaster(t, redirecting(`//${leader.address}`));
    const first = await scriptedMaster(t, redirecting(`http://${second.address}/api/v1/scheduler`));
    await subscribedDriver(t, first.address);
    assert.deepEqual(second.requests[0]?.body, first.requests[0]?.body);
    assert.deepEqual(leader.requests[0]?.body, first.requests[0]?.body);
  });

  test('and not by redirects in a circle, which are tried again later', async (t) => {
    const addresses: string[] = [];
    const script = (request: ScriptedRequest, index: number) =>
      redirecting(`//${addresses[index % 2 === 0 ? 1 : 0]}`)(request);
    const one = await scriptedMaster(t, script);
    const two = await scriptedMaster(t, script);
    addresses.push(one.address, two.address);
    const error = await runDriver(t, one.address).end;
    assert.equal(error?.code, 'MESITA_MASTER_UNREACHABLE');
    assert.match(error?.message ?? '', /too many redirects/);
  });

  test('not at a location that is no address', async (t) => {
    const scripted = await scriptedMaster(t, redirecting('http://'));
    assert.match((await runDriver(t, scripted.address).end)?.message ?? '', /redirects to http:\/\//);
  });

  test('among a list of masters, of which some are away and some do not know it', async (t) => {
    const leader = await scriptedMaster(t, playing());
    const undecided = await scriptedMaster(t, (request) => request.answer(503, 'No leader elected'));
    await subscribedDriver(t, [await nobody(), undecided.address, leader.address]);
    assert.equal(undecided.requests.length, 1);
  });

  test('behind a redirect to a master that died, by way of the next of the list', async (t) => {
    const leader = await scriptedMaster(t, playing());
    const outdated = await scriptedMaster(t, redirecting(`//${await nobody()}`));
    await subscribedDriver(t, [outdated.address, leader.address]);
  });

  test('by a function, which is asked before each attempt and may wait', async (t) => {
    const scripted = await scriptedMaster(t, playingInTurn([], []));
    let asked = 0;
    runDriver(
      t,
      async () => {
        await settle();
        asked++;
        return asked === 1 ? [] : [scripted.address];
      },
      {},
      { patient: true },
    );
    await until('the second subscription', () => scripted.requests.length === 2);
    assert.equal(asked, 3);
    const { end } = runDriver(t, () => Promise.reject(new Error('no ensemble')));
    assert.equal((await end)?.message, 'no ensemble');
  });
});

describe('when no master answers', () => {
  test('the first time, run() ends with MESITA_MASTER_UNREACHABLE', async (t) => {
    const address = await nobody();
    const error = await runDriver(t, address).end;
    assert.equal(error?.code, 'MESITA_MASTER_UNREACHABLE');
    assert.match(error?.message ?? '', new RegExp(`No master answers at http://${address}: .*ECONNREFUSED`));
  });

  test('the first time, a patient framework and one that fails over go on', async (t) => {
    const address = await nobody();
    for (const options of [{ patient: true }, { framework: frameworkInfo({ id: 'F' }) }]) {
      let tries = 0;
      runDriver(t, address, { disconnected: () => void tries++ }, options);
      await until('it has tried thrice', () => tries >= 3);
    }
  });

  test('later, or none leads for the moment, it is tried again', async (t) => {
    const scripted = await scriptedMaster(t, (request, index) => {
      if (index === 1) return request.answer(503, 'No leader elected');
      if (index === 2) return request.answer(500, '');
      if (index === 3) return void request.response.destroy();
      request.stream(`stream-${index}`)(subscribed());
      if (index === 0) request.response.end();
    });
    runDriver(t, scripted.address);
    await until('the fifth attempt', () => scripted.requests.length === 5);
  });
});

describe('the framework id', () => {
  test('is handed out to be kept before anything else is handled, once', async (t) => {
    const scripted = await scriptedMaster(t, playingInTurn([], []));
    const log: string[] = [];
    const keepId = async (id: string) => {
      await settle();
      log.push(`keep ${id}`);
    };
    runDriver(t, scripted.address, { subscribed: (id) => void log.push(id) }, { keepId });
    await until('both subscriptions', () => log.length === 3);
    assert.deepEqual(log, ['keep F', 'F', 'F']);
  });

  test('that cannot be kept ends run()', async (t) => {
    const scripted = await scriptedMaster(t, playing());
    const { end } = runDriver(t, scripted.address, {}, { keepId: () => Promise.reject(new Error('disk full')) });
    assert.equal((await end)?.message, 'disk full');
  });

  test('of an earlier life is subscribed with, and reconciles where that is asked for', async (t) => {
    const scripted = await scriptedMaster(t, playingInTurn([], []));
    const tasks = [{ task_id: { value: 't' } }];
    const kept: string[] = [];
    runDriver(
      t,
      scripted.address,
      {},
      {
        framework: frameworkInfo({ id: 'F' }),
        keepId: (id) => void kept.push(id),
        reconcile: () => tasks,
      },
    );
    await until('it has reconciled', () => callsOf(scripted, 'RECONCILE').length > 0);
    const [first] = callsOf(scripted, 'SUBSCRIBE').map(({ body }) => body);
    assert.deepEqual([first.framework_id, first.subscribe.framework_info.id], [{ value: 'F' }, { value: 'F' }]);
    assert.deepEqual(callsOf(scripted, 'RECONCILE')[0]?.body.reconcile.tasks, tasks);
    assert.deepEqual(kept, []);
  });

  test('that is new is not reconciled, only that of a later subscription', async (t) => {
    const scripted = await scriptedMaster(t, playingInTurn([], []));
    runDriver(t, scripted.address, {}, { reconcile: () => [] });
    await until('it has reconciled', () => callsOf(scripted, 'RECONCILE').length === 1);
    assert.equal(callsOf(scripted, 'RECONCILE')[0]?.headers['mesos-stream-id'], 'stream-2');
  });
});
