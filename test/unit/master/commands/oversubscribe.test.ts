import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { oversubscribe } from '../../../../master/commands/oversubscribe.ts';
import type { Resource } from '../../../../protocol/messages.ts';
import { frameworkInfo, resourcesOf, sortedText, taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

const revocable = (text: string): Resource[] => resourcesOf(text).map((resource) => ({ ...resource, revocable: {} }));

function setting() {
  const world = new MasterWorld();
  const agent = world.agent('cpus:2;mem:256');
  const subscription = world.subscription({
    ...frameworkInfo({ role: 'r' }),
    capabilities: [{ type: 'REVOCABLE_RESOURCES' }],
  });
  assert.ok('framework' in subscription);
  world.did([...subscription.before, ...subscription.after]);
  const told = (resources: Resource[]) => world.did(oversubscribe(world.state, agent, resources, world.now));
  return { world, agent, batch: subscription.framework, told };
}

describe('revocable resources', () => {
  test('are offered to frameworks that can tell them, and to no others', () => {
    const { world, batch, told } = setting();
    const plain = world.framework({ role: 'plain' });
    told(revocable('cpus:1;mem:64'));
    const offers = world.offers();
    const ofBatch = [...world.known(batch).offers].length;
    assert.ok(ofBatch >= 1);
    for (const { framework_id, resources } of offers)
      if (framework_id.value === plain) assert.ok(resources?.every((resource) => resource.revocable === undefined));
    const all = offers
      .flatMap(({ resources = [] }) => resources)
      .filter((resource) => resource.revocable !== undefined);
    assert.equal(
      sortedText(all.map(({ allocation_info: _, ...resource }) => resource)),
      sortedText(revocable('cpus:1;mem:64')),
    );
  });

  test('that are other ones are offered anew; offers without them stay', () => {
    const { world, agent, batch, told } = setting();
    const regular = world.offer(batch);
    told(revocable('cpus:1;mem:64'));
    const first = world.offer(batch);
    assert.ok(first.resources?.every((resource) => resource.revocable !== undefined));
    assert.deepEqual(told(revocable('cpus:1;mem:64')), []);
    const effects = told(revocable('cpus:3;mem:64'));
    assert.deepEqual(
      eventsIn(effects, batch).map(({ rescind }) => rescind?.offer_id),
      [first.id],
    );
    assert.ok(world.known(batch).offers.size === 1 && world.state.agents.get(agent)?.offers.size === 1);
    assert.ok([...world.known(batch).offers].join() === regular.id.value);
    const next = world.offer(batch);
    assert.equal(next.resources?.find(({ name }) => name === 'cpus')?.scalar?.value, 3);
  });

  test('that are gone while they are used are offered no more, and free again when they are back', () => {
    const { world, agent, batch, told } = setting();
    world.offer(batch);
    told(revocable('cpus:1;mem:64'));
    const offer = world.offer(batch);
    const task = { ...taskFor(offer, 't1', ''), resources: revocable('cpus:1;mem:64') };
    const [sent] = messagesIn(world.accept(batch, [offer], [task], 0));
    assert.equal(sent?.type, 'RUN_TASK');
    told([]);
    assert.deepEqual(world.offers(), []);
    world.update(agent, batch, 't1', 'TASK_LOST');
    assert.deepEqual(world.offers(), []);
    assert.deepEqual(
      world.allocator.total(agent).filter((resource) => resource.revocable !== undefined),
      [],
    );
    told(revocable('cpus:1;mem:64'));
    assert.equal(world.offers(batch).length, 1);
  });

  test('must be revocable and nobody’s', () => {
    const { world, agent, told } = setting();
    for (const wrong of [resourcesOf('cpus:1'), revocable('cpus(r):1'), revocable('ports:[1-2]')]) {
      assert.deepEqual(
        told(wrong).map(({ kind }) => kind),
        ['log'],
      );
    }
    assert.equal(world.state.agents.get(agent)?.total.length, 2);
  });
});
