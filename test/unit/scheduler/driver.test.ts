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

for (const mediaType of ['application/json', 'application/x-protobuf'] as const) {
  test(`each kind of event comes to its handler, in ${mediaType}`, async (t) => {
    const [agent_id, executor_id] = [{ value: 'S' }, { value: 'E' }];
    const id = { value: 'O' };
    const events: SchedulerEvent[] = [
      { type: 'OFFERS', offers: { offers: [{ id, framework_id: { value: 'F' }, agent_id, hostname: 'h' }] } },
      {
        type: 'INVERSE_OFFERS',
        inverse_offers: {
          inverse_offers: [
            { id, framework_id: { value: 'F' }, unavailability: { start: { nanoseconds: 1 } }, resources: [] },
          ],
        },
      },
      { type: 'RESCIND', rescind: { offer_id: id } },
      { type: 'RESCIND_INVERSE_OFFER', rescind_inverse_offer: { inverse_offer_id: id } },
      { type: 'UPDATE', update: { status: { task_id: { value: 't' }, state: 'TASK_LOST' } } },
      {
        type: 'UPDATE_OPERATION_STATUS',
        update_operation_status: { status: { state: 'OPERATION_FINISHED', operation_id: { value: 'op' } } },
      },
      { type: 'MESSAGE', message: { agent_id, executor_id, data: 'AAEC' } },
      { type: 'FAILURE', failure: { agent_id, executor_id, status: 9 } },
      { type: 'HEARTBEAT' },
    ];
    const scripted = await scriptedMaster(t, playing(...events));
    const log: unknown[] = [];
    const { driver } = runDriver(
      t,
      scripted.address,
      {
        subscribed: (given, master) => void log.push([given, master]),
        offers: ([offer]) => void log.push(offer?.id.value),
        inverseOffers: ([offer]) => void log.push(offer?.unavailability.start.nanoseconds),
        rescind: (offer) => void log.push(`gone ${offer}`),
        rescindInverseOffer: (offer) => void log.push(`inverse gone ${offer}`),
        update: ({ state }) => void log.push(state),
        operationUpdate: ({ state }) => void log.push(state),
        message: ({ data }) => void log.push(data),
        failure: ({ status }) => void log.push(status),
        heartbeat: () => void log.push('beat'),
      },
      { mediaType },
    );
    await until('all are handled', () => log.at(-1) === 'beat');
    const states = ['TASK_LOST', 'OPERATION_FINISHED'];
    assert.deepEqual(log, [['F', undefined], 'O', 1, 'gone O', 'inverse gone O', ...states, 'AAEC', 9, 'beat']);
    assert.equal(driver.frameworkId, 'F');
  });

  test(`each call is sent as the API has it, in ${mediaType}`, async (t) => {
    const scripted = await scriptedMaster(t, playing());
    const { driver } = await subscribedDriver(t, scripted.address, {}, { mediaType });
    const [agent_id, task_id] = [{ value: 'S' }, { value: 't' }];
    const offer = { id: { value: 'O' }, framework_id: { value: 'F' }, agent_id, hostname: 'h' };
    const offer_ids = [offer.id];
    const inverse = {
      id: { value: 'I' },
      framework_id: { value: 'F' },
      unavailability: { start: { nanoseconds: 1 } },
      resources: [],
    };
    const filters = { refuse_seconds: 7 };
    const task = { name: 't', task_id, agent_id };
    const executor = { executor_id: { value: 'E' } };
    const operation_id = { value: 'op' };
    const made: [Promise<void>, object][] = [
      [
        driver.launch([offer], [task], filters),
        {
          type: 'ACCEPT',
          accept: { offer_ids, operations: [{ type: 'LAUNCH', launch: { task_infos: [task] } }], filters },
        },
      ],
      [
        driver.launchGroup([offer], executor, [task], filters),
        {
          type: 'ACCEPT',
          accept: {
            offer_ids,
            operations: [{ type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks: [task] } } }],
            filters,
          },
        },
      ],
      [
        driver.accept([offer], [{ type: 'RESERVE', reserve: {} }], filters),
        { type: 'ACCEPT', accept: { offer_ids, operations: [{ type: 'RESERVE', reserve: {} }], filters } },
      ],
      [driver.decline([offer], filters), { type: 'DECLINE', decline: { offer_ids, filters } }],
      [
        driver.acceptInverseOffers([inverse], filters),
        { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids: [inverse.id], filters } },
      ],
      [
        driver.declineInverseOffers([inverse], filters),
        { type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: { inverse_offer_ids: [inverse.id], filters } },
      ],
      [driver.revive(['a']), { type: 'REVIVE', revive: { roles: ['a'] } }],
      [driver.suppress(['a']), { type: 'SUPPRESS', suppress: { roles: ['a'] } }],
      [
        driver.kill('t', 'S', { grace_period: { nanoseconds: 5 } }),
        { type: 'KILL', kill: { task_id, agent_id, kill_policy: { grace_period: { nanoseconds: 5 } } } },
      ],
      [driver.shutdown('E', 'S'), { type: 'SHUTDOWN', shutdown: { executor_id: executor.executor_id, agent_id } }],
      [
        driver.message('E', 'S', Buffer.from([0, 1, 2])),
        { type: 'MESSAGE', message: { agent_id, executor_id: executor.executor_id, data: 'AAEC' } },
      ],
      [driver.request([{ agent_id }]), { type: 'REQUEST', request: { requests: [{ agent_id }] } }],
      [
        driver.acknowledge({ task_id, agent_id, state: 'TASK_RUNNING', uuid }),
        { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } },
      ],
      [
        driver.acknowledgeOperation({
          state: 'OPERATION_FINISHED',
          operation_id,
          agent_id,
          uuid: { value: uuid },
        }),
        {
          type: 'ACKNOWLEDGE_OPERATION_STATUS',
          acknowledge_operation_status: { agent_id, operation_id, uuid },
        },
      ],
      [driver.reconcile([{ task_id, agent_id }]), { type: 'RECONCILE', reconcile: { tasks: [{ task_id, agent_id }] } }],
      [
        driver.reconcileOperations([{ operation_id, agent_id }]),
        { type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations: [{ operation_id, agent_id }] } },
      ],
      [
        driver.updateFramework(frameworkInfo({ name: 'other' }), { suppressedRoles: ['*'] }),
        {
          type: 'UPDATE_FRAMEWORK',
          update_framework: {
            framework_info: { user: 'root', name: 'other', id: { value: 'F' } },
            suppressed_roles: ['*'],
          },
        },
      ],
    ];
    await Promise.all(made.map(([call]) => call));
    const sent = scripted.requests.filter(({ body }) => body.type !== 'SUBSCRIBE');
    for (const [index, [, expected]] of made.entries()) {
      const { framework_id } = sent[index]?.body ?? {};
      assert.deepEqual(framework_id, { value: 'F' });
      const wanted = { framework_id, ...expected };
      const found = sent.filter(({ body }) => contains(body, wanted));
      assert.equal(found.length, 1, JSON.stringify(wanted));
      assert.equal(found[0]?.headers['content-type'], mediaType);
      assert.equal(found[0]?.headers['mesos-stream-id'], 'stream-1');
    }
  });
}

/** Whether all that is expected is there; a message may have defaults beside. */
function contains(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return actual === expected;
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(expected).every(([key, value]) => contains((actual as Record<string, unknown>)[key], value));
}

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
