import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import type { SchedulerEvent } from '../../../protocol/messages.ts';
import { SchedulerDriver } from '../../../scheduler/index.ts';
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
import { settle, until } from '../../support/virtual-clock.ts';

const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';
const rescind = (value: string): SchedulerEvent => ({ type: 'RESCIND', rescind: { offer_id: { value } } });

test('handlers run one at a time, in the order of the events', async (t) => {
  const scripted = await scriptedMaster(t, playing(...['a', 'b', 'c'].map(rescind)));
  const log: string[] = [];
  runDriver(t, scripted.address, {
    subscribed: (id) => void log.push(id),
    rescind: async (id) => {
      log.push(`>${id}`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`<${id}`);
    },
  });
  await until('all are handled', () => log.length === 7);
  assert.deepEqual(log, ['F', '>a', '<a', '>b', '<b', '>c', '<c']);
});

test('calls arrive in the order in which they are made, also those that nobody waits for', async (t) => {
  const scripted = await scriptedMaster(t, playing());
  const { driver } = await subscribedDriver(t, scripted.address);
  const calls = [
    // It takes a while to come through.
    driver.message('E', 'S', Buffer.alloc(8_000_000)),
    driver.decline([]),
    driver.suppress(),
    driver.revive(),
  ];
  await Promise.all(calls);
  const types = scripted.requests.map(({ body }) => body.type);
  assert.deepEqual(types, ['SUBSCRIBE', 'MESSAGE', 'DECLINE', 'SUPPRESS', 'REVIVE']);
});

test('a call goes through after one that was refused, and after one whose connection broke', async (t) => {
  const scripted = await scriptedMaster(t, (request) => {
    const { type } = request.body;
    if (type === 'SUPPRESS') request.answer(400, 'No');
    else if (type === 'DECLINE') request.response.destroy();
    else playing()(request);
  });
  const { driver } = await subscribedDriver(t, scripted.address);
  const calls = [driver.suppress(), driver.decline([]), driver.revive()];
  const outcomes = await Promise.allSettled(calls);
  const codes = outcomes.map((each) => (each.status === 'rejected' ? each.reason.code : 'made'));
  assert.deepEqual(codes, ['MESITA_MASTER_REFUSED', 'MESITA_MASTER_UNREACHABLE', 'made']);
  const types = scripted.requests.map(({ body }) => body.type);
  assert.deepEqual(types, ['SUBSCRIBE', 'SUPPRESS', 'DECLINE', 'REVIVE']);
});

describe('a master that objects', () => {
  for (const [message, code] of [
    ['Framework has been removed', 'MESITA_FRAMEWORK_REMOVED'],
    ['Framework failed over', 'MESITA_FRAMEWORK_FAILED_OVER'],
    ['Roles { zz } are not present', 'MESITA_MASTER_REFUSED'],
  ] as const) {
    test(`with the ERROR event '${message}' ends run() with ${code}, and it is not tried again`, async (t) => {
      const scripted = await scriptedMaster(t, (request) => {
        request.stream('s')({ type: 'ERROR', error: { message } });
        request.response.end();
      });
      const error = await runDriver(t, scripted.address).end;
      assert.deepEqual([error?.code, error?.message], [code, message]);
      assert.equal(scripted.requests.length, 1);
    });
  }

  test('with an ERROR event because the scheduler was too slow is asked again', async (t) => {
    const message = 'Framework disconnected: it does not read its events, of which 1 bytes wait';
    const scripted = await scriptedMaster(t, (request) => {
      const write = request.stream('s');
      write(subscribed());
      if (scripted.requests.length > 1) return;
      write({ type: 'ERROR', error: { message } });
      request.response.end();
    });
    runDriver(t, scripted.address);
    await until('it subscribes again', () => scripted.requests.length === 2);
    assert.equal(scripted.requests[1]?.body.type, 'SUBSCRIBE');
  });

  test('with an ERROR event while a handler is busy is not asked again', async (t) => {
    let write = (_: SchedulerEvent) => {};
    const scripted = await scriptedMaster(t, (request) => {
      write = request.stream('s');
      write(subscribed());
      write(rescind('a'));
    });
    const { promise: work, resolve: finish } = Promise.withResolvers<void>();
    let begun = false;
    const { end } = runDriver(t, scripted.address, {
      rescind: () => {
        begun = true;
        return work;
      },
    });
    await until('the handler begins', () => begun);
    write({ type: 'ERROR', error: { message: 'Framework failed over' } });
    scripted.requests[0]?.response.end();
    await settle(50);
    finish();
    assert.equal((await end)?.code, 'MESITA_FRAMEWORK_FAILED_OVER');
    assert.equal(scripted.requests.length, 1);
  });

  test('with a status ends run() with its text', async (t) => {
    const scripted = await scriptedMaster(t, (request) => request.answer(400, 'no such thing'));
    const error = await runDriver(t, scripted.address).end;
    assert.equal(error?.code, 'MESITA_MASTER_REFUSED');
    assert.match(error?.message ?? '', /answers 400: no such thing/);
  });

  test('to a call makes the call fail with its text, and the subscription goes on', async (t) => {
    let answer: [number, string] = [403, 'Framework is not subscribed'];
    const scripted = await scriptedMaster(t, (request) =>
      request.body.type === 'SUBSCRIBE' ? playing()(request) : request.answer(...answer),
    );
    const { driver } = await subscribedDriver(t, scripted.address);
    for (const [given, code] of [
      [[403, 'Framework is not subscribed'], 'MESITA_MASTER_UNREACHABLE'],
      [[400, 'Framework cannot be found'], 'MESITA_MASTER_UNREACHABLE'],
      [[400, "The stream ID 'x' included in this request didn't match"], 'MESITA_MASTER_UNREACHABLE'],
      [[503, 'No leader elected'], 'MESITA_MASTER_UNREACHABLE'],
      [[307, ''], 'MESITA_MASTER_UNREACHABLE'],
      [[400, 'Missing required fields: x'], 'MESITA_MASTER_REFUSED'],
      [[403, 'Not authorized'], 'MESITA_MASTER_REFUSED'],
    ] as const) {
      answer = [...given];
      await assert.rejects(driver.suppress(), { code, message: `SUPPRESS: ${given[0]} ${given[1]}`.trim() });
    }
    assert.equal(callsOf(scripted, 'SUBSCRIBE').length, 1);
  });

  test('with events that cannot be read ends run()', async (t) => {
    const scripted = await scriptedMaster(t, (request) => request.stream('s')([]));
    assert.equal((await runDriver(t, scripted.address).end)?.code, 'MESITA_MESSAGE_INVALID');
  });

  test('with an event of a kind that is not known yet is understood otherwise', async (t) => {
    const scripted = await scriptedMaster(t, playing({ type: 'NEWER' as 'UNKNOWN' }, rescind('a')));
    const log: string[] = [];
    runDriver(t, scripted.address, { rescind: (id) => void log.push(id) });
    await until('the event after it', () => log.length === 1);
  });
});

describe('the end', () => {
  test('a call without a subscription fails at once', async (t) => {
    const scripted = await scriptedMaster(t, () => undefined);
    const { driver } = runDriver(t, scripted.address);
    await assert.rejects(driver.revive(), { code: 'MESITA_MASTER_UNREACHABLE' });
  });

  test('teardown ends run() without an error', async (t) => {
    const scripted = await scriptedMaster(t, playing());
    const { driver, end } = await subscribedDriver(t, scripted.address);
    await driver.teardown();
    assert.equal(await end, undefined);
    assert.equal(callsOf(scripted, 'TEARDOWN').length, 1);
  });

  test('a signal hangs up without a teardown, or tears down where that is asked for', async (t) => {
    for (const whenAborted of ['leave', 'tear down'] as const) {
      const scripted = await scriptedMaster(t, playing());
      const controller = new AbortController();
      const { end } = await subscribedDriver(t, scripted.address, {}, { whenAborted }, controller.signal);
      controller.abort();
      assert.equal(await end, undefined);
      assert.equal(callsOf(scripted, 'TEARDOWN').length, whenAborted === 'leave' ? 0 : 1);
    }
  });

  test('a teardown that reaches nobody ends run() with that', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    const controller = new AbortController();
    let tries = 0;
    const { end } = runDriver(
      t,
      `127.0.0.1:${port}`,
      { disconnected: () => void tries++ },
      { whenAborted: 'tear down', framework: frameworkInfo({ id: 'F' }) },
      controller.signal,
    );
    await until('it tries', () => tries > 0);
    controller.abort();
    assert.equal((await end)?.code, 'MESITA_MASTER_UNREACHABLE');
  });

  test('a signal that has aborted already lets nothing begin', async (t) => {
    const scripted = await scriptedMaster(t, playing());
    const other = new SchedulerDriver({ master: scripted.address, framework: frameworkInfo(), handlers: {} });
    await other.run(AbortSignal.abort());
    assert.equal(scripted.requests.length, 0);
  });

  test('stop lets the running handler finish and its update be acknowledged, and begins no other', async (t) => {
    const status = { task_id: { value: 't' }, agent_id: { value: 'S' }, state: 'TASK_RUNNING' as const, uuid };
    const scripted = await scriptedMaster(t, playing({ type: 'UPDATE', update: { status } }, rescind('a')));
    const { promise: work, resolve: finish } = Promise.withResolvers<void>();
    const log: string[] = [];
    const { driver, end } = runDriver(t, scripted.address, {
      update: () => {
        log.push('update');
        return work;
      },
      rescind: () => void log.push('rescind'),
    });
    await until('the handler begins', () => log.length === 1);
    driver.stop();
    finish();
    assert.equal(await end, undefined);
    assert.deepEqual(log, ['update']);
    assert.equal(callsOf(scripted, 'ACKNOWLEDGE').length, 1);
  });

  test('teardown succeeds when the subscription ends before the answer to the call', async (t) => {
    let subscription: ScriptedRequest | undefined;
    const scripted = await scriptedMaster(t, (request) => {
      if (request.body.type === 'SUBSCRIBE') {
        subscription = request;
        playing()(request);
        return;
      }
      subscription?.response.end();
      setTimeout(() => request.answer(202), 50);
    });
    const { driver, end } = await subscribedDriver(t, scripted.address);
    await driver.teardown();
    assert.equal(await end, undefined);
    assert.equal(callsOf(scripted, 'SUBSCRIBE').length, 1);
  });

  test('a teardown whose answer is lost ends run() as soon as a master says that the framework is gone', async (t) => {
    const scripted = await scriptedMaster(t, (request) => {
      if (request.body.type === 'TEARDOWN') return void request.response.destroy();
      if (callsOf(scripted, 'TEARDOWN').length === 0) return playing()(request);
      request.stream('s')({ type: 'ERROR', error: { message: 'Framework has been removed' } });
    });
    const { driver, end } = await subscribedDriver(t, scripted.address);
    await assert.rejects(driver.teardown(), { code: 'MESITA_MASTER_UNREACHABLE' });
    callsOf(scripted, 'SUBSCRIBE')[0]?.response.destroy();
    assert.equal(await end, undefined);
  });
});

test('suppressed roles stay so over a break, and follow revive and updateFramework', async (t) => {
  const scripted = await scriptedMaster(t, playing());
  const framework = frameworkInfo({ capabilities: ['MULTI_ROLE'], roles: ['a', 'b', 'c'] });
  const options = { framework, suppressedRoles: ['a'] };
  let times = 0;
  const handlers = { subscribed: () => void times++ };
  const { driver } = runDriver(t, scripted.address, handlers, options);
  const latest = async () => {
    const before = times;
    callsOf(scripted, 'SUBSCRIBE').at(-1)?.response.destroy();
    await until('another subscription', () => times > before);
    return callsOf(scripted, 'SUBSCRIBE').at(-1)?.body.subscribe;
  };
  await until('the first subscription', () => times === 1);
  await driver.suppress(['b', 'unknown']);
  assert.deepEqual((await latest()).suppressed_roles, ['a', 'b']);
  await driver.revive(['a']);
  assert.deepEqual((await latest()).suppressed_roles, ['b']);
  await driver.suppress();
  assert.deepEqual((await latest()).suppressed_roles, ['b', 'a', 'c']);
  await driver.revive();
  assert.equal((await latest()).suppressed_roles, undefined);
  await driver.updateFramework({ ...framework, roles: ['d'] }, { suppressedRoles: ['d'] });
  const { framework_info, suppressed_roles } = await latest();
  assert.deepEqual([framework_info.roles, suppressed_roles], [['d'], ['d']]);
});

test('an order of two subscriptions is kept: nothing of the second is handled before the rest of the first', async (t) => {
  const scripted = await scriptedMaster(t, playingInTurn([rescind('a'), rescind('b')], [rescind('c')]));
  const log: string[] = [];
  runDriver(t, scripted.address, {
    subscribed: () => void log.push('subscribed'),
    disconnected: () => void log.push('disconnected'),
    rescind: async (id) => {
      await settle();
      log.push(id);
    },
  });
  await until('all are handled', () => log.at(-1) === 'c');
  assert.deepEqual(log, ['subscribed', 'a', 'b', 'disconnected', 'subscribed', 'c']);
});
