import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { SchedulerEvent, TaskStatus } from '../../../protocol/messages.ts';
import { SchedulerDriver, type SchedulerHandlers, type SchedulerOptions } from '../../../scheduler/driver.ts';
import { frameworkInfo } from '../../support/master-messages.ts';
import { ScriptedMaster, type ScriptedRequest } from '../../support/scripted-master.ts';
import { until } from '../../support/virtual-clock.ts';

const subscribed = (id = 'F'): SchedulerEvent => ({ type: 'SUBSCRIBED', subscribed: { framework_id: { value: id } } });
const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';
const status: TaskStatus = { task_id: { value: 't1' }, state: 'TASK_RUNNING', agent_id: { value: 'S' }, uuid };

async function master(
  t: TestContext,
  script: (request: ScriptedRequest, index: number) => void,
): Promise<ScriptedMaster> {
  const opened = await ScriptedMaster.open(script);
  t.after(() => opened.close());
  return opened;
}

/** A driver that runs; its end. */
function run(
  t: TestContext,
  address: string,
  handlers: SchedulerHandlers = {},
  options: Partial<SchedulerOptions> = {},
) {
  const driver = new SchedulerDriver({
    master: address,
    framework: frameworkInfo(),
    handlers,
    random: () => 0,
    ...options,
  });
  const end = driver.run().then(
    () => undefined,
    (error: Error & { code?: string }) => error,
  );
  t.after(async () => {
    driver.stop();
    await end;
  });
  return { driver, end };
}

/** Subscriptions get the events, calls 202. */
const playing =
  (...events: SchedulerEvent[]) =>
  (request: ScriptedRequest): void => {
    if (request.body.type !== 'SUBSCRIBE') {
      request.answer(202);
      return;
    }
    const write = request.stream('stream-1');
    for (const event of [subscribed(), ...events]) write(event);
  };

const callsOf = ({ requests }: ScriptedMaster, type: string) => requests.filter(({ body }) => body.type === type);

describe('updates', () => {
  const update: SchedulerEvent = { type: 'UPDATE', update: { status } };

  test('are acknowledged when the handler has come back, and not before', async (t) => {
    const scripted = await master(t, playing(update));
    let finish = () => {};
    const handled = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begun = false;
    run(t, scripted.address, {
      update: async () => {
        begun = true;
        await handled;
      },
    });
    await until('the handler begins', () => begun);
    assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE'), []);
    finish();
    await until('the acknowledgement', () => callsOf(scripted, 'ACKNOWLEDGE').length === 1);
    const [call] = callsOf(scripted, 'ACKNOWLEDGE');
    assert.deepEqual(call?.body.acknowledge, { agent_id: { value: 'S' }, task_id: { value: 't1' }, uuid });
    assert.deepEqual(call?.body.framework_id, { value: 'F' });
    assert.equal(call?.headers['mesos-stream-id'], 'stream-1');
  });

  test('are not acknowledged when the handler throws, which ends run() with what it threw', async (t) => {
    const scripted = await master(t, playing(update));
    const { end } = run(t, scripted.address, {
      update: () => {
        throw new Error('my own mistake');
      },
    });
    assert.equal((await end)?.message, 'my own mistake');
    assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE'), []);
  });

  test('without uuid are never acknowledged, and none is when the author does it by hand', async (t) => {
    const { uuid: _, ...plain } = status;
    for (const [event, acknowledge] of [
      [{ type: 'UPDATE', update: { status: plain } }, 'automatically'],
      [update, 'by hand'],
    ] as const) {
      const scripted = await master(t, playing(event, { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } }));
      let rescinded = false;
      run(
        t,
        scripted.address,
        {
          rescind: () => {
            rescinded = true;
          },
        },
        { acknowledge },
      );
      await until('the next event', () => rescinded);
      assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE'), []);
    }
  });
});

test('handlers run one at a time, in the order of the events', async (t) => {
  const events = ['a', 'b', 'c'].map(
    (value): SchedulerEvent => ({ type: 'RESCIND', rescind: { offer_id: { value } } }),
  );
  const scripted = await master(t, playing(...events));
  const log: string[] = [];
  run(t, scripted.address, {
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

describe('connections', () => {
  test('that break are made again under the same id, and the new stream id is used', async (t) => {
    const scripted = await master(t, (request) => {
      if (request.body.type !== 'SUBSCRIBE') return request.answer(202);
      const count = callsOf(scripted, 'SUBSCRIBE').length;
      request.stream(`stream-${count}`)(subscribed());
      if (count === 1) setTimeout(() => request.response.destroy(), 5);
    });
    const reasons: string[] = [];
    const { driver } = run(t, scripted.address, { disconnected: (reason) => void reasons.push(reason) });
    await until('the second subscription', () => callsOf(scripted, 'SUBSCRIBE').length === 2);
    const [first, second] = callsOf(scripted, 'SUBSCRIBE').map(({ body }) => body);
    assert.equal(first.framework_id, undefined);
    assert.deepEqual([second.framework_id, second.subscribe.framework_info.id], [{ value: 'F' }, { value: 'F' }]);
    assert.equal(reasons.length, 1);
    await until('a call goes through', () => {
      driver.revive().catch(() => undefined);
      return callsOf(scripted, 'REVIVE').some(({ headers }) => headers['mesos-stream-id'] === 'stream-2');
    });
  });

  test('follow a redirect without a scheme to the leader, with the path of the call in it or without', async (t) => {
    for (const path of ['', '/api/v1/scheduler']) {
      const leader = await master(t, playing());
      const follower = await master(t, (request) =>
        request.answer(307, '', { Location: `//${leader.address}${path}` }),
      );
      let id = '';
      const { driver } = run(t, follower.address, {
        subscribed: (given) => {
          id = given;
        },
      });
      await until('it is subscribed', () => id === 'F');
      await driver.revive();
      assert.equal(callsOf(leader, 'REVIVE').length, 1);
    }
  });

  test('to a master that is not leading for the moment are tried again, once there was a subscription', async (t) => {
    const scripted = await master(t, (request, index) => {
      if (index === 1) return request.answer(503, 'No leader elected');
      request.stream(`stream-${index}`)(subscribed());
      if (index === 0) setTimeout(() => request.response.destroy(), 5);
    });
    run(t, scripted.address);
    await until('the third subscription', () => scripted.requests.length === 3);
  });

  test('to nobody end run() with MESITA_MASTER_UNREACHABLE', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const error = await run(t, `127.0.0.1:${port}`).end;
    assert.equal(error?.code, 'MESITA_MASTER_UNREACHABLE');
    assert.match(error?.message ?? '', new RegExp(`No master answers at http://127.0.0.1:${port}: .*ECONNREFUSED`));
  });
});

describe('a master that objects', () => {
  test('with an ERROR event ends run() with its text', async (t) => {
    const scripted = await master(t, (request) =>
      request.stream('s')({ type: 'ERROR', error: { message: 'Framework has been removed' } }),
    );
    const error = await run(t, scripted.address).end;
    assert.deepEqual([error?.code, error?.message], ['MESITA_MASTER_REFUSED', 'Framework has been removed']);
  });

  test('with a status ends run() with its text', async (t) => {
    const scripted = await master(t, (request) => request.answer(400, 'no such thing'));
    const error = await run(t, scripted.address).end;
    assert.equal(error?.code, 'MESITA_MASTER_REFUSED');
    assert.match(error?.message ?? '', /answers 400: no such thing/);
  });

  test('to a call makes the call fail with its text, and the subscription goes on', async (t) => {
    const scripted = await master(t, (request) =>
      request.body.type === 'SUBSCRIBE' ? playing()(request) : request.answer(403, 'Framework is not subscribed'),
    );
    let id = '';
    const { driver } = run(t, scripted.address, {
      subscribed: (given) => {
        id = given;
      },
    });
    await until('it is subscribed', () => id === 'F');
    await assert.rejects(driver.suppress(), {
      code: 'MESITA_MASTER_UNREACHABLE',
      message: 'SUPPRESS: Framework is not subscribed',
    });
    assert.equal(callsOf(scripted, 'SUBSCRIBE').length, 1);
  });

  test('with events that cannot be read ends run()', async (t) => {
    const scripted = await master(t, (request) => request.stream('s')([]));
    assert.equal((await run(t, scripted.address).end)?.code, 'MESITA_MESSAGE_INVALID');
  });
});

test('a call without a subscription fails at once', async (t) => {
  const scripted = await master(t, () => undefined);
  const { driver } = run(t, scripted.address);
  await assert.rejects(driver.revive(), { code: 'MESITA_MASTER_UNREACHABLE' });
});

test('teardown and a signal end run() without an error', async (t) => {
  const scripted = await master(t, playing());
  let id = '';
  const { driver, end } = run(t, scripted.address, {
    subscribed: (given) => {
      id = given;
    },
  });
  await until('it is subscribed', () => id === 'F');
  await driver.teardown();
  assert.equal(await end, undefined);
  assert.equal(callsOf(scripted, 'TEARDOWN').length, 1);
  const other = new SchedulerDriver({ master: scripted.address, framework: frameworkInfo(), handlers: {} });
  await other.run(AbortSignal.abort());
});

test('teardown succeeds when the subscription ends before the answer to the call', async (t) => {
  let subscription: ScriptedRequest | undefined;
  const scripted = await master(t, (request) => {
    if (request.body.type === 'SUBSCRIBE') {
      subscription = request;
      playing()(request);
      return;
    }
    subscription?.response.end();
    setTimeout(() => request.answer(202), 50);
  });
  let id = '';
  const { driver, end } = run(t, scripted.address, {
    subscribed: (given) => {
      id = given;
    },
  });
  await until('it is subscribed', () => id === 'F');
  await driver.teardown();
  assert.equal(await end, undefined);
  assert.equal(callsOf(scripted, 'SUBSCRIBE').length, 1);
});

test('a call that finds the subscription broken does not end run(): it is made again, and the update comes again', async (t) => {
  let attempts = 0;
  const scripted = await master(t, (request) => {
    if (request.body.type !== 'SUBSCRIBE') {
      request.answer(attempts === 1 ? 403 : 202, attempts === 1 ? 'Framework is not subscribed' : '');
      return;
    }
    attempts++;
    const write = request.stream(`stream-${attempts}`);
    write(subscribed());
    write({ type: 'UPDATE', update: { status } });
    if (attempts === 1) setTimeout(() => request.response.end(), 50);
  });
  const revived: string[] = [];
  const { driver } = run(t, scripted.address, {
    update: async () => {
      await driver.revive();
      revived.push('yes');
    },
  });
  await until('the second subscription has acknowledged', () => callsOf(scripted, 'ACKNOWLEDGE').length === 1);
  assert.equal(revived.length, 1);
});
