import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expire } from '../../../../master/commands/expire.ts';
import { eventsIn, MasterWorld } from '../../../support/master-world.ts';

function offered(settings: ConstructorParameters<typeof MasterWorld>[0] = {}) {
  const world = new MasterWorld(settings);
  world.agent('cpus:4;mem:1024');
  const framework = world.framework();
  return { world, framework, offer: world.offer(framework) };
}

describe('DECLINE', () => {
  const after = (refuse_seconds: number | undefined): [before: number, at: number] => {
    const { world, framework, offer } = offered();
    const filters = refuse_seconds === undefined ? {} : { filters: { refuse_seconds } };
    world.call(framework, { type: 'DECLINE', decline: { offer_ids: [offer.id], ...filters } });
    const offersAt = (milliseconds: number) => {
      world.now = world.state.startedAt + milliseconds;
      return world.offers(framework).length;
    };
    return [offersAt(4_999), offersAt(5_000)];
  };

  test('holds the same resources back for five seconds by default', () => assert.deepEqual(after(undefined), [0, 1]));
  test('for as long as it asks', () => assert.deepEqual(after(5.001), [0, 0]));
  test('not at all with 0 seconds', () => assert.equal(after(0)[0], 1));
  test('for the default when it asks for less than nothing', () => {
    assert.deepEqual(after(-1), [0, 1]);
    assert.deepEqual(after(Number.NaN), [0, 1]);
  });

  test('for no longer than a year', () => {
    const { world, framework, offer } = offered();
    world.call(framework, { type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds: 1e300 } } });
    world.now += 365 * 86_400_000;
    assert.equal(world.offers(framework).length, 1);
  });

  test('passes over offers that are gone, without a word', () => {
    const { world, framework, offer } = offered();
    const decline = { offer_ids: [{ value: 'nope' }, offer.id, offer.id] };
    assert.deepEqual(world.call(framework, { type: 'DECLINE', decline }), []);
    assert.equal(world.state.offers.size, 0);
  });

  test('tells the owner when another framework declines its offer', () => {
    const { world, framework, offer } = offered();
    const stranger = world.framework();
    const effects = world.call(stranger, { type: 'DECLINE', decline: { offer_ids: [offer.id] } });
    assert.deepEqual(eventsIn(effects, framework), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
    assert.deepEqual(eventsIn(effects, stranger), []);
  });
});

describe('REVIVE and SUPPRESS', () => {
  test('SUPPRESS stops further offers and leaves those that are out', () => {
    const { world, framework, offer } = offered();
    assert.deepEqual(world.call(framework, { type: 'SUPPRESS' }), []);
    assert.ok(world.state.offers.has(offer.id.value as never));
    world.agent('cpus:1;mem:64');
    assert.deepEqual(world.offers(framework), []);
    world.call(framework, { type: 'REVIVE' });
    assert.equal(world.offers(framework).length, 1);
  });

  test('a role that the framework does not have drops the whole call', () => {
    const { world, framework } = offered();
    world.call(framework, { type: 'SUPPRESS', suppress: { roles: ['*', 'zzz'] } });
    world.agent('cpus:1;mem:64');
    assert.equal(world.offers(framework).length, 1);
    world.call(framework, { type: 'SUPPRESS' });
    world.call(framework, { type: 'REVIVE', revive: { roles: ['zzz'] } });
    world.agent('cpus:1;mem:64');
    assert.deepEqual(world.offers(framework), []);
  });
});

describe('--offer_timeout', () => {
  test('takes back an offer that nobody answers, and says so', () => {
    const { world, framework, offer } = offered({ offerTimeout: 30 });
    world.now += 29_999;
    world.did(expire(world.state, world.now));
    assert.equal(world.state.offers.size, 1);
    world.now += 1;
    const effects = expire(world.state, world.now);
    assert.deepEqual(eventsIn(effects, framework), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
    assert.ok(effects.some(({ kind }) => kind === 'allocateSoon'));
    assert.equal(world.state.offers.size, 0);
  });

  test('unset, offers stay for ever', () => {
    const { world } = offered();
    for (const agent of world.state.agents.values()) agent.heardAt = Number.MAX_SAFE_INTEGER;
    world.now += 1e12;
    world.did(expire(world.state, world.now));
    assert.equal(world.state.offers.size, 1);
  });
});

describe('the form of an offer', () => {
  const resources = 'cpus:4;mem(a):1024';
  const shape = (wishes: Parameters<MasterWorld['framework']>[0]) => {
    const world = new MasterWorld();
    world.agent(resources);
    return world.offer(world.framework(wishes));
  };

  test('without capabilities: role in each resource, no allocation_info', () => {
    const offer = shape({ role: 'a' });
    assert.deepEqual(
      offer.resources?.map(({ role }) => role),
      ['a', '*'],
    );
    assert.deepEqual(
      offer.resources?.map(({ reservations }) => reservations),
      [undefined, undefined],
    );
    assert.equal(offer.allocation_info, undefined);
    assert.ok(offer.resources?.every(({ allocation_info }) => allocation_info === undefined));
  });

  test('MULTI_ROLE: allocation_info in the offer and in each resource', () => {
    const offer = shape({ roles: ['a'], capabilities: ['MULTI_ROLE'] });
    assert.deepEqual(offer.allocation_info, { role: 'a' });
    assert.ok(offer.resources?.every(({ allocation_info }) => allocation_info?.role === 'a'));
  });

  test('RESERVATION_REFINEMENT: reservations, and no role', () => {
    const offer = shape({ role: 'a', capabilities: ['RESERVATION_REFINEMENT'] });
    assert.ok(offer.resources?.every(({ role }) => role === undefined));
    assert.deepEqual(
      offer.resources?.map(({ reservations }) => reservations),
      [[{ type: 'STATIC', role: 'a' }], undefined],
    );
  });

  test('names the agent, its address and its attributes', () => {
    const offer = shape({ role: 'a' });
    assert.equal(offer.agent_id.value, 'M-S0');
    assert.deepEqual(offer.url, {
      scheme: 'http',
      address: { hostname: 'host', ip: '127.0.0.1', port: 5051 },
      path: '/slave(1)',
    });
    assert.equal(offer.id.value, 'M-O0');
  });
});
