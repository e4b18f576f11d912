import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { updateFramework } from '../../../../master/commands/update-framework.ts';
import type { FrameworkInfo, SchedulerCallUpdateFramework } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { frameworkInfo, taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

function subscribed() {
  const world = new MasterWorld();
  const agent = world.agent('cpus:4;mem:1024;cpus(b):2');
  const id = world.framework({ roles: ['a', 'b'], capabilities: ['MULTI_ROLE', 'RESERVATION_REFINEMENT'] });
  const { info } = world.known(id);
  world.take();
  const update = (change: Partial<FrameworkInfo>, rest: Partial<SchedulerCallUpdateFramework> = {}) => {
    const call = { framework_info: { ...info, ...change }, ...rest };
    const outcome = updateFramework(world.state, world.known(id), call, world.now);
    if ('effects' in outcome) world.did(outcome.effects);
    assertInvariants(world.state, world.allocator);
    return outcome;
  };
  return { world, agent, id, info, update };
}

describe('UPDATE_FRAMEWORK is refused in the words of Mesos, and changes nothing', () => {
  const unsupported = (what: string) => `FrameworkInfo update is not valid: Updating 'FrameworkInfo.${what}`;
  const cases: [string, Partial<FrameworkInfo>, Partial<SchedulerCallUpdateFramework>, string][] = [
    [
      'another user',
      { user: 'nobody' },
      {},
      unsupported("user' is unsupported; attempted to update from 'root' to 'nobody'"),
    ],
    [
      'checkpoints',
      { checkpoint: true },
      {},
      unsupported("checkpoint' is unsupported; attempted to update from 'false' to 'true'"),
    ],
    [
      'a principal',
      { principal: 'p' },
      {},
      "FrameworkInfo update is not valid: Changing framework's principal is not allowed.",
    ],
    [
      'a bad role',
      { roles: ['a b'] },
      {},
      "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it contains backspace or whitespace",
    ],
    [
      'roles without MULTI_ROLE',
      { capabilities: [] },
      {},
      "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    ],
    [
      'suppressed roles that it does not have',
      {},
      { suppressed_roles: ['q'] },
      "'UpdateFramework' call is not valid: Suppressed roles { q } are not contained in the set of roles",
    ],
    [
      'constraints that cannot be applied',
      {},
      { offer_constraints: { role_constraints: { a: {} } } },
      "'UpdateFramework' call is not valid: Offer constraints are not valid: 'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role a",
    ],
  ];
  for (const [what, change, rest, refusal] of cases) {
    test(what, () => {
      const { world, id, info, update } = subscribed();
      assert.deepEqual(update({ name: 'renamed', ...change }, rest), { refusal });
      assert.deepEqual(world.known(id).info, info);
    });
  }
});

describe('UPDATE_FRAMEWORK', () => {
  test('replaces all that the framework says of itself', () => {
    const { world, id, info, update } = subscribed();
    update({ name: 'renamed', webui_url: 'http://h/' });
    assert.deepEqual(world.known(id).info, { ...info, name: 'renamed', webui_url: 'http://h/' });
    update({});
    assert.deepEqual(world.known(id).info, info);
  });

  test('rescinds the offers of a role that is dropped, and only those', () => {
    const { world, id, update } = subscribed();
    const offers = world.offers(id);
    assert.deepEqual(
      offers.map(({ allocation_info }) => allocation_info?.role),
      ['a', 'b'],
    );
    world.take();
    update({ roles: ['a', 'c'] });
    assert.deepEqual(
      eventsIn(world.take(), id).map(({ rescind }) => rescind?.offer_id),
      [offers[1]?.id],
    );
  });

  test('keeps the offers of a role that is suppressed, and makes no more', () => {
    const { world, id, update } = subscribed();
    world.offers(id);
    world.take();
    update({}, { suppressed_roles: ['a', 'b'] });
    assert.deepEqual(eventsIn(world.take(), id), []);
    assert.deepEqual([...world.known(id).suppressedRoles], ['a', 'b']);
    world.agent('cpus:1;mem:64');
    assert.deepEqual(world.offers(id), []);
    update({}, {});
    assert.equal(world.offers(id).length, 1);
  });

  test('replaces offer constraints; without any there are none', () => {
    const { world, id, update } = subscribed();
    const attribute_constraints = [{ selector: { attribute_name: 'x' }, predicate: { exists: {} } }];
    const groups = [{ attribute_constraints }];
    const offer_constraints = { role_constraints: { a: { groups }, b: { groups } } };
    update({}, { offer_constraints });
    assert.deepEqual(world.known(id).offerConstraints, offer_constraints);
    assert.deepEqual(world.offers(id), []);
    update({});
    assert.equal(world.known(id).offerConstraints, undefined);
    assert.equal(world.offers(id).length, 2);
  });

  test('is told to the agents that run something of it', () => {
    const { world, agent, id, info, update } = subscribed();
    const other = world.agent('cpus:1');
    const [offer] = world.offers(id).filter(({ agent_id }) => agent_id.value === agent);
    if (offer === undefined) throw new Error('no offer');
    world.accept(id, [offer], [taskFor(offer, 't1', 'cpus:1;mem:64')], 0);
    world.take();
    update({ name: 'renamed' });
    const effects = world.take();
    const framework = { ...info, name: 'renamed' };
    assert.deepEqual(messagesIn(effects, agent), [{ type: 'UPDATE_FRAMEWORK', framework }]);
    assert.deepEqual(messagesIn(effects, other), []);
  });

  test('is what a framework that fails over does, too', () => {
    const { world, id } = subscribed();
    world.offers(id);
    world.take();
    const again = { ...frameworkInfo({ id, roles: ['b', 'c'], capabilities: ['MULTI_ROLE'] }), user: 'other' };
    const subscription = world.subscription(again, ['c']);
    assert.ok('framework' in subscription);
    assert.deepEqual(world.known(id).info, { ...again, user: 'root' });
    assert.deepEqual([...world.known(id).suppressedRoles], ['c']);
    assertInvariants(world.state, world.allocator);
  });
});
