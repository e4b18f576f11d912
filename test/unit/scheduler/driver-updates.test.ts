import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SchedulerEvent, TaskStatus } from '../../../protocol/messages.ts';
import { RecentUpdates } from '../../../scheduler/recent-updates.ts';
import { callsOf, playing, playingInTurn, runDriver, scriptedMaster } from '../../support/driver-room.ts';
import { until } from '../../support/virtual-clock.ts';

const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';
const status: TaskStatus = { task_id: { value: 't1' }, state: 'TASK_RUNNING', agent_id: { value: 'S' }, uuid };
const update: SchedulerEvent = { type: 'UPDATE', update: { status } };
const operation: SchedulerEvent = {
  type: 'UPDATE_OPERATION_STATUS',
  update_operation_status: {
    status: {
      state: 'OPERATION_FINISHED',
      operation_id: { value: 'op' },
      agent_id: { value: 'S' },
      uuid: { value: uuid },
    },
  },
};
const last: SchedulerEvent = { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } };

describe('updates', () => {
  test('are acknowledged when the handler has come back, and not before', async (t) => {
    const scripted = await scriptedMaster(t, playing(update));
    const { promise: handled, resolve: finish } = Promise.withResolvers<void>();
    let begun = false;
    runDriver(t, scripted.address, {
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

  test('are acknowledged where there is no handler', async (t) => {
    const scripted = await scriptedMaster(t, playing(update));
    runDriver(t, scripted.address);
    await until('the acknowledgement', () => callsOf(scripted, 'ACKNOWLEDGE').length === 1);
  });

  test('are not acknowledged when the handler throws, which ends run() with what it threw', async (t) => {
    const scripted = await scriptedMaster(t, playing(update));
    const { end } = runDriver(t, scripted.address, {
      update: () => {
        throw new Error('my own mistake');
      },
    });
    assert.equal((await end)?.message, 'my own mistake');
    assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE'), []);
  });

  test('are not acknowledged when the handler throws and run() goes on, and are new when they come again', async (t) => {
    const scripted = await scriptedMaster(t, playing(update, update, update));
    const seen: boolean[] = [];
    const failures: unknown[] = [];
    runDriver(t, scripted.address, {
      update: async (_, { repeated }) => {
        seen.push(repeated);
        if (seen.length === 1) throw new Error('not now');
      },
      handlerFailed: (error, event) => void failures.push([error, event.type]),
    });
    await until('two acknowledgements', () => callsOf(scripted, 'ACKNOWLEDGE').length === 2);
    assert.deepEqual(seen, [false, false, true]);
    assert.deepEqual(failures, [[new Error('not now'), 'UPDATE']]);
  });

  test('what handlerFailed throws ends run()', async (t) => {
    const scripted = await scriptedMaster(t, playing(update));
    const { end } = runDriver(t, scripted.address, {
      update: () => Promise.reject(new Error('first')),
      handlerFailed: () => {
        throw new Error('second');
      },
    });
    assert.equal((await end)?.message, 'second');
  });

  test('without uuid are never acknowledged, and none is when the author does it by hand', async (t) => {
    const { uuid: _, ...plain } = status;
    for (const [events, acknowledge] of [
      [[{ type: 'UPDATE', update: { status: plain } }], 'automatically'],
      [[update, operation], 'by hand'],
    ] as const) {
      const scripted = await scriptedMaster(t, playing(...events, last));
      let rescinded = false;
      const rescind = () => {
        rescinded = true;
      };
      runDriver(t, scripted.address, { rescind }, { acknowledge });
      await until('the next event', () => rescinded);
      assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE'), []);
      assert.deepEqual(callsOf(scripted, 'ACKNOWLEDGE_OPERATION_STATUS'), []);
    }
  });

  test('of operations are acknowledged after their handler, and told when they come again', async (t) => {
    const scripted = await scriptedMaster(t, playing(operation, operation));
    const seen: boolean[] = [];
    runDriver(t, scripted.address, { operationUpdate: (_, { repeated }) => void seen.push(repeated) });
    await until('both acknowledgements', () => callsOf(scripted, 'ACKNOWLEDGE_OPERATION_STATUS').length === 2);
    assert.deepEqual(seen, [false, true]);
  });

  test('that came before a break are handled after it all the same; offers of that subscription are not', async (t) => {
    const offers: SchedulerEvent = { type: 'OFFERS', offers: { offers: [] } };
    const { uuid: _, ...plain } = status;
    const lost: SchedulerEvent = { type: 'UPDATE', update: { status: { ...plain, state: 'TASK_LOST' } } };
    const scripted = await scriptedMaster(t, playingInTurn([update, offers, lost], [offers]));
    const { promise: handled, resolve: finish } = Promise.withResolvers<void>();
    const log: string[] = [];
    runDriver(t, scripted.address, {
      subscribed: () => void log.push('subscribed'),
      update: async ({ state }) => {
        log.push(state);
        await handled;
      },
      offers: () => void log.push('offers'),
    });
    await until('it subscribes again, busy as its handler is', () => callsOf(scripted, 'SUBSCRIBE').length === 2);
    finish();
    await until('all are handled', () => log.at(-1) === 'offers');
    assert.deepEqual(log, ['subscribed', 'TASK_RUNNING', 'TASK_LOST', 'subscribed', 'offers']);
  });

  test('whose handler meets a broken subscription do not end run(): they come again', async (t) => {
    let attempts = 0;
    const scripted = await scriptedMaster(t, (request) => {
      if (request.body.type !== 'SUBSCRIBE') {
        request.answer(attempts === 1 ? 403 : 202, attempts === 1 ? 'Framework is not subscribed' : '');
        return;
      }
      attempts++;
      playing(update)(request);
      if (attempts === 1) setTimeout(() => request.response.end(), 50);
    });
    const revived: string[] = [];
    const { driver } = runDriver(t, scripted.address, {
      update: async () => {
        await driver.revive();
        revived.push('yes');
      },
    });
    await until('the second subscription has acknowledged', () => callsOf(scripted, 'ACKNOWLEDGE').length === 1);
    assert.equal(revived.length, 1);
  });
});

test('the uuids of handled updates are forgotten, the oldest first, beyond the capacity', () => {
  const recent = new RecentUpdates(2);
  for (const added of ['a', 'b', 'c', undefined]) recent.add(added);
  assert.deepEqual(
    ['a', 'b', 'c', undefined].map((asked) => recent.has(asked)),
    [false, true, true, false],
  );
});
