import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { updateWeights } from '../../../../master/commands/weights.ts';
import type { WeightInfo } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { eventsIn, MasterWorld } from '../../../support/master-world.ts';

function update(world: MasterWorld, ...infos: WeightInfo[]): string | undefined {
  const outcome = updateWeights(world.state, infos, world.now);
  if ('effects' in outcome) world.did(outcome.effects);
  assertInvariants(world.state, world.allocator);
  return 'refusal' in outcome ? outcome.refusal : undefined;
}

const rescinded = (world: MasterWorld) => eventsIn(world.take()).filter(({ type }) => type === 'RESCIND').length;

describe('UPDATE_WEIGHTS', () => {
  test('keeps the weights, and tells the allocator', () => {
    const world = new MasterWorld();
    assert.equal(update(world, { role: 'a', weight: 2.5 }, { role: 'b', weight: 3 }), undefined);
    assert.deepEqual(
      [...world.state.weights],
      [
        ['a', 2.5],
        ['b', 3],
      ],
    );
    world.agent('cpus:1;mem:64');
    world.offer(world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE'] }));
    assert.equal(world.allocator.standing('a')?.weight, 2.5);
  });

  test('changes nothing when one of the weights is invalid', () => {
    const world = new MasterWorld({ roles: ['a'] });
    const failed = 'Failed to validate update weights request JSON';
    const cases: [WeightInfo, string][] = [
      [{ role: 'a', weight: 0 }, `${failed} for role 'a': Invalid weight '0': Weights must be positive`],
      [{ role: 'a', weight: -1 }, `${failed} for role 'a': Invalid weight '-1': Weights must be positive`],
      [{ role: 'a', weight: Number.NaN }, `${failed} for role 'a': Invalid weight 'NaN': Weights must be positive`],
      [
        { role: 'a b', weight: 2 },
        `${failed}: Invalid role 'a b': Role component 'a b' is invalid because it contains backspace or whitespace`,
      ],
      [{ weight: 2 }, `${failed}: Invalid role '': Role names cannot be the empty string`],
      [{ role: 'zz', weight: 2 }, `${failed}: Unknown role 'zz'`],
    ];
    for (const [info, refusal] of cases) assert.equal(update(world, { role: 'a', weight: 4 }, info), refusal);
    assert.equal(world.state.weights.size, 0);
  });

  test('has every offer made anew, when frameworks are in the role or below it', () => {
    const world = new MasterWorld();
    world.agent('cpus:1;mem:64');
    const framework = world.framework({ roles: ['a/b'], capabilities: ['MULTI_ROLE'] });
    world.offer(framework);
    world.take();
    update(world, { role: 'other', weight: 3 });
    assert.equal(rescinded(world), 0);
    update(world, { role: 'a', weight: 3 });
    assert.equal(rescinded(world), 1);
    world.offer(framework);
    world.take();
    update(world, { role: 'a', weight: 3 });
    assert.equal(rescinded(world), 0, 'the weight is the same');
  });
});
