import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrameworkInfoCapabilityType, OfferOperation, TaskInfo } from '../../../../protocol/messages.ts';
import { formatResources } from '../../../../protocol/resource-text.ts';
import { taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn, updatesIn } from '../../../support/master-world.ts';

const aware: FrameworkInfoCapabilityType[] = ['PARTITION_AWARE'];

function offered(capabilities: FrameworkInfoCapabilityType[] = []) {
  const world = new MasterWorld();
  const agent = world.agent('cpus:4;mem:1024;ports:[31000-31009]');
  const framework = world.framework({ capabilities });
  const offer = world.offer(framework);
  return { world, agent, framework, offer };
}

const free = (world: MasterWorld, framework: ReturnType<MasterWorld['framework']>) => {
  world.call(framework, { type: 'REVIVE' });
  return world
    .offers(framework)
    .map(({ resources = [] }) => formatResources(resources.map(({ role: _, ...rest }) => rest)));
};

describe('a valid ACCEPT', () => {
  test('sends each task to its agent, allocated to the role of the offer, and tells the framework nothing', () => {
    const { world, agent, framework, offer } = offered();
    const effects = world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:1;mem:64')]);
    assert.deepEqual(eventsIn(effects), []);
    const [message, ...more] = messagesIn(effects, agent);
    assert.deepEqual(more, []);
    assert.equal(message?.type, 'RUN_TASK');
    assert.deepEqual(message?.type === 'RUN_TASK' ? message.task.resources?.map((one) => one.allocation_info) : [], [
      { role: '*' },
      { role: '*' },
    ]);
    assert.equal(world.known(framework).tasks.size, 1);
    assert.deepEqual(
      [...world.known(framework).tasks.values()].map(({ state }) => state),
      ['TASK_STAGING'],
    );
  });

  test('declines what the tasks leave, for five seconds or as long as its filters say', () => {
    const { world, framework, offer } = offered();
    world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:1;mem:64')]);
    world.now += 4_999;
    assert.deepEqual(world.offers(framework), []);
    world.now += 1;
    const [rest] = world.offers(framework);
    assert.ok(rest);
    world.accept(framework, [rest], [], 60);
    world.now += 59_000;
    assert.deepEqual(world.offers(framework), []);
    world.now += 1_000;
    assert.equal(world.offers(framework).length, 1);
  });

  test('without operations it is a DECLINE, and so is a LAUNCH without tasks', () => {
    for (const operations of [[], [{ type: 'LAUNCH' as const, launch: {} }]]) {
      const { world, framework, offer } = offered();
      const effects = world.call(framework, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
      assert.deepEqual(effects, []);
      assert.deepEqual(world.offers(framework), []);
      world.now += 5_000;
      assert.equal(world.offers(framework).length, 1);
    }
  });

  test('joins several offers of one agent, so that a task may need more than each of them', () => {
    const { world, framework, offer } = offered();
    world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:3;mem:900')], 0);
    const small = world.offer(framework);
    world.update(world.state.agents.keys().next().value ?? assert.fail(), framework, 't1', 'TASK_FINISHED');
    const large = world.offer(framework);
    const effects = world.accept(framework, [small, large], [taskFor(offer, 't2', 'cpus:4;mem:1024')]);
    assert.deepEqual(updatesIn(effects), []);
    assert.equal(messagesIn(effects).length, 1);
  });

  test('performs several operations in order on what the earlier ones left', () => {
    const { world, framework, offer } = offered();
    const launch = (task: TaskInfo): OfferOperation => ({ type: 'LAUNCH', launch: { task_infos: [task] } });
    const effects = world.call(framework, {
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: ['t1', 't2'].map((id) => launch(taskFor(offer, id, 'cpus:3;mem:32'))),
      },
    });
    assert.deepEqual(updatesIn(effects), ['t2 TASK_ERROR REASON_TASK_INVALID']);
    assert.match(
      statusesIn(effects)[0]?.message ?? '',
      /^Total resources .*cpus\(allocated: \*\):3.* required by task and its executor is more than available .*cpus\(allocated: \*\):1/,
    );
  });
});

describe('an ACCEPT of invalid offers', () => {
  const lost = (capabilities: FrameworkInfoCapabilityType[] = []) => {
    const { world, framework, offer } = offered(capabilities);
    world.call(framework, { type: 'DECLINE', decline: { offer_ids: [offer.id] } });
    return { world, effects: world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:1;mem:32')]) };
  };

  test('loses its tasks when an offer is gone: TASK_LOST, or TASK_DROPPED for those who know partitions', () => {
    const { effects } = lost();
    assert.deepEqual(updatesIn(effects), ['t1 TASK_LOST REASON_INVALID_OFFERS']);
    const [status] = statusesIn(effects);
    assert.equal(status?.message, 'Task launched with invalid offers: Offer M-O0 is no longer valid');
    assert.equal(status?.source, 'SOURCE_MASTER');
    assert.equal(status?.uuid, undefined, 'what the master makes itself must not be acknowledged');
    assert.deepEqual(updatesIn(lost(aware).effects), ['t1 TASK_DROPPED REASON_INVALID_OFFERS']);
  });

  test('names no offer, or one twice', () => {
    const { world, framework, offer } = offered();
    const task = taskFor(offer, 't1', 'cpus:1;mem:32');
    const messages = [[], [offer, offer]].map(
      (offers) => statusesIn(world.accept(framework, offers, [task]))[0]?.message,
    );
    assert.deepEqual(messages, [
      'Task launched with invalid offers: No offers specified',
      `Task launched with invalid offers: Duplicate offer ${offer.id.value} in offer list`,
    ]);
  });

  test('gives back the offers that were valid, without a filter and without RESCIND', () => {
    const { world, framework, offer } = offered();
    const gone = { ...offer, id: { value: 'M-O99' } };
    const effects = world.accept(framework, [offer, gone], [taskFor(offer, 't1', 'cpus:1;mem:32')]);
    assert.deepEqual(
      eventsIn(effects).map(({ type }) => type),
      ['UPDATE'],
    );
    assert.equal(world.offers(framework).length, 1);
  });

  test('of another framework: refused, and the owner is told that its offer is gone', () => {
    const { world, framework, offer } = offered();
    const thief = world.framework({ name: 'thief' });
    const effects = world.accept(thief, [offer], [taskFor(offer, 't1', 'cpus:1;mem:32')]);
    assert.equal(
      statusesIn(effects, thief)[0]?.message,
      `Task launched with invalid offers: Offer ${offer.id.value} has invalid framework ${framework} while framework ${thief} is expected`,
    );
    assert.deepEqual(eventsIn(effects, framework), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
    assert.equal(world.state.offers.size, 0);
  });

  test('of two agents or two roles', () => {
    const world = new MasterWorld();
    world.agent('cpus:4;mem:1024');
    world.agent('cpus:4;mem:1024');
    const framework = world.framework({ roles: ['a', 'b'], capabilities: ['MULTI_ROLE'] });
    const [first, second] = world.offers(framework);
    assert.ok(first && second);
    assert.notEqual(first.allocation_info?.role, second.allocation_info?.role);
    const [status] = statusesIn(world.accept(framework, [first, second], [taskFor(first, 't1', 'cpus:1;mem:32')]));
    assert.match(status?.message ?? '', /Aggregated offers must be allocated to the same role/);

    const other = new MasterWorld();
    other.agent('cpus:4;mem:1024');
    other.agent('cpus:4;mem:1024');
    const single = other.framework();
    const offers = other.offers(single);
    const [answer] = statusesIn(other.accept(single, offers, [taskFor(first, 't1', 'cpus:1;mem:32')]));
    assert.match(answer?.message ?? '', /Aggregated offers must belong to one single agent/);
  });
});

describe('invalid tasks', () => {
  test('one bad task of three does not keep the others from running', () => {
    const { world, framework, offer } = offered();
    const tasks = ['t1', 't2', 't3'].map((id) => taskFor(offer, id, 'cpus:1;mem:32'));
    const [, second] = tasks;
    assert.ok(second);
    second.agent_id = { value: 'other' };
    const effects = world.accept(framework, [offer], tasks);
    assert.deepEqual(updatesIn(effects), ['t2 TASK_ERROR REASON_TASK_INVALID']);
    assert.equal(statusesIn(effects)[0]?.agent_id?.value, 'other', 'the answer names the agent that the task named');
    assert.equal(messagesIn(effects).length, 2);
  });

  test('malformed resources of one fail all tasks of the operation with the same text', () => {
    const { world, framework, offer } = offered();
    const tasks = ['t1', 't2'].map((id) => taskFor(offer, id, 'cpus:1;mem:32'));
    tasks[1]?.resources?.push({ name: 'cpus', type: 'SCALAR', scalar: { value: -1 } });
    const statuses = statusesIn(world.accept(framework, [offer], tasks));
    const text = "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0";
    assert.deepEqual(
      statuses.map(({ message }) => message),
      [text, text],
    );
    assert.deepEqual(new Set(statuses.map(({ reason }) => reason)), new Set(['REASON_TASK_INVALID']));
  });

  test('an id that is running already, or twice in one call, is an error of the second task alone', () => {
    const { world, framework, offer } = offered();
    const task = taskFor(offer, 't1', 'cpus:1;mem:32');
    const effects = world.accept(framework, [offer], [task, task], 0);
    assert.deepEqual(
      statusesIn(effects).map(({ message }) => message),
      ['Task has duplicate ID: t1'],
    );
    const again = world.accept(framework, [world.offer(framework)], [task]);
    assert.deepEqual(
      statusesIn(again).map(({ message }) => message),
      ['Task has duplicate ID: t1'],
    );
    assert.equal(world.known(framework).tasks.size, 1);
  });

  test('an id may be used again once its end is acknowledged', () => {
    const { world, agent, framework, offer } = offered();
    world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:1;mem:32')], 0);
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    const early = world.offer(framework);
    const refused = world.accept(framework, [early], [taskFor(offer, 't1', 'cpus:1;mem:32')], 0);
    assert.deepEqual(updatesIn(refused), ['t1 TASK_ERROR REASON_TASK_INVALID']);
    world.acknowledge(framework, agent, 't1', uuid);
    const taken = world.accept(framework, [world.offer(framework)], [taskFor(offer, 't1', 'cpus:1;mem:32')]);
    assert.deepEqual(updatesIn(taken), []);
  });

  test('the resources of refused tasks are free again', () => {
    const { world, framework, offer } = offered();
    world.accept(framework, [offer], [taskFor(offer, 't1', 'cpus:9;mem:32')], 0);
    assert.deepEqual(free(world, framework), ['ports:[31000-31009]; cpus:4; mem:1024']);
  });

  test('an id on a LAUNCH operation fails its tasks', () => {
    const { world, framework, offer } = offered();
    const effects = world.call(framework, {
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [
          { type: 'LAUNCH', id: { value: 'o1' }, launch: { task_infos: [taskFor(offer, 't1', 'cpus:1;mem:32')] } },
        ],
      },
    });
    assert.deepEqual(
      statusesIn(effects).map(({ message }) => message),
      ['The `id` field cannot be set on LAUNCH operations'],
    );
  });
});
