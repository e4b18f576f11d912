import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchedulerEvent } from '../../../protocol/messages.ts';
import { playing, runDriver, scriptedMaster, subscribedDriver } from '../../support/driver-room.ts';
import { frameworkInfo } from '../../support/master-messages.ts';
import { until } from '../../support/virtual-clock.ts';

const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';

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
