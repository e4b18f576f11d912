import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Allocation } from '../../../../master/allocator/allocator.ts';
import { asAgentId, asFrameworkId, type FrameworkId } from '../../../../protocol/ids.ts';
import { formatResources } from '../../../../protocol/resource-text.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, type FrameworkWishes, factsOf, resourcesOf } from '../../../support/master-messages.ts';

const unrandom = () => 0;

function cluster(agents: number, resources = 'cpus:4;mem:4096'): AuditedAllocator {
  const allocator = new AuditedAllocator();
  for (let index = 0; index < agents; index++)
    allocator.addAgent(asAgentId(`S${index}`), resourcesOf(resources), factsOf());
  return allocator;
}

function enter(allocator: AuditedAllocator, name: string, wishes: FrameworkWishes = {}): FrameworkId {
  const id = asFrameworkId(name);
  allocator.addFramework(id, demandOf(wishes));
  allocator.activateFramework(id);
  return id;
}

/** `framework: agents` */
function shares(allocations: readonly Allocation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { framework } of allocations) counts[framework] = (counts[framework] ?? 0) + 1;
  return counts;
}

describe('fairness', () => {
  test('two frameworks of equal demand share the agents equally', () => {
    const allocator = cluster(10);
    enter(allocator, 'f1');
    enter(allocator, 'f2');
    assert.deepEqual(shares(allocator.allocate(0, unrandom)), { f1: 5, f2: 5 });
  });

  test('of an odd number of agents one framework gets one more', () => {
    const allocator = cluster(7);
    enter(allocator, 'f1');
    enter(allocator, 'f2');
    const counts = Object.values(shares(allocator.allocate(0, unrandom))).sort();
    assert.deepEqual(counts, [3, 4]);
  });

  test('roles come first: one framework alone in a role gets as much as two in another', () => {
    const allocator = cluster(8);
    enter(allocator, 'alone', { role: 'a' });
    enter(allocator, 'first', { role: 'b' });
    enter(allocator, 'second', { role: 'b' });
    assert.deepEqual(shares(allocator.allocate(0, unrandom)), { alone: 4, first: 2, second: 2 });
  });

  test('the dominant share counts, not the amount of one resource', () => {
    const allocator = cluster(2, 'cpus:10;mem:1000');
    const heavy = enter(allocator, 'heavy');
    const light = enter(allocator, 'light');
    // 2 of 20 cpus are a tenth, 1000 of 2000 MB the half.
    allocator.charge({ framework: heavy, role: '*', agent: asAgentId('S0'), resources: resourcesOf('mem:1000') });
    allocator.charge({ framework: light, role: '*', agent: asAgentId('S0'), resources: resourcesOf('cpus:2') });
    const [first] = allocator.allocate(0, unrandom);
    assert.equal(first?.framework, light);
  });

  test('who gave everything back is not preferred to who never had anything', () => {
    const allocator = cluster(1);
    enter(allocator, 'again');
    const [given] = allocator.allocate(0, unrandom);
    assert.ok(given);
    allocator.recover(given, undefined, 0);
    enter(allocator, 'fresh');
    assert.deepEqual(shares(allocator.allocate(0, unrandom)), { fresh: 1 });
  });

  test('the same random numbers give the same allocations', () => {
    const outcome = () => {
      const allocator = cluster(6);
      enter(allocator, 'f1');
      enter(allocator, 'f2', { role: 'a' });
      let seed = 7;
      return allocator.allocate(0, () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      });
    };
    assert.deepEqual(outcome(), outcome());
  });
});

describe('what may be offered to whom', () => {
  const offered = (resources: string, wishes: FrameworkWishes): string => {
    const allocator = cluster(1, resources);
    enter(allocator, 'f', wishes);
    return allocator
      .allocate(0, unrandom)
      .map((allocation) => formatResources(allocation.resources))
      .join();
  };

  test('reserved resources go to their role alone, with the unreserved ones', () => {
    const resources = 'cpus:4;mem(a):1024';
    assert.equal(offered(resources, { role: 'a' }), 'mem(reservations: [(STATIC,a)]):1024; cpus:4');
    assert.equal(offered(resources, { role: 'b' }), 'cpus:4');
    assert.equal(offered(resources, {}), 'cpus:4');
  });

  test('a role below the reserved one gets them, a role above or beside it does not', () => {
    assert.match(offered('cpus(a/b):4', { role: 'a/b/c' }), /^cpus/);
    assert.equal(offered('cpus(a/b):4', { role: 'a' }), '');
    assert.equal(offered('cpus(a/b):4', { role: 'a/bc' }), '');
  });

  test('a framework without roles is offered nothing', () => {
    assert.equal(offered('cpus:4', { roles: [], capabilities: ['MULTI_ROLE'] }), '');
  });

  test('an agent with GPUs is offered to those alone who can use them', () => {
    assert.equal(offered('cpus:4;gpus:1', {}), '');
    assert.match(offered('cpus:4;gpus:1', { capabilities: ['GPU_RESOURCES'] }), /gpus:1/);
  });

  test('crumbs below 0.01 cpus and 32 MB are not worth an offer', () => {
    assert.equal(offered('cpus:0.009;mem:31;disk:1000', {}), '');
    assert.match(offered('cpus:0.01;disk:1', {}), /cpus:0.01/);
    assert.match(offered('mem:32', {}), /mem:32/);
  });

  test('an agent that is away or a framework that is away takes no part', () => {
    const allocator = cluster(1);
    const framework = enter(allocator, 'f');
    allocator.deactivateAgent(asAgentId('S0'));
    assert.deepEqual(allocator.allocate(0, unrandom), []);
    allocator.activateAgent(asAgentId('S0'));
    allocator.deactivateFramework(framework);
    assert.deepEqual(allocator.allocate(0, unrandom), []);
    allocator.activateFramework(framework);
    assert.equal(allocator.allocate(0, unrandom).length, 1);
  });
});

describe('filters', () => {
  const refused = (refuseSeconds: number) => {
    const allocator = cluster(1);
    const framework = enter(allocator, 'f');
    const [offer] = allocator.allocate(0, unrandom);
    assert.ok(offer);
    allocator.recover(offer, { refuseSeconds }, 0);
    return { allocator, framework, offer };
  };

  test('what was refused is not offered again until the time is over', () => {
    const { allocator } = refused(5);
    assert.deepEqual(allocator.allocate(4_999, unrandom), []);
    assert.equal(allocator.allocate(5_000, unrandom).length, 1);
  });

  test('refusing for no time filters nothing', () => {
    assert.equal(refused(0).allocator.allocate(0, unrandom).length, 1);
  });

  test('less than was refused is filtered too, more is not', () => {
    const { allocator, offer, framework } = refused(60);
    const half = { ...offer, resources: resourcesOf('cpus:2') };
    allocator.charge({ ...half, framework: enter(allocator, 'other') });
    const others = allocator.allocate(0, unrandom).filter((allocation) => allocation.framework === framework);
    assert.deepEqual(others, []);

    const grown = new AuditedAllocator();
    grown.addAgent(offer.agent, resourcesOf('cpus:4;mem:4096'), factsOf());
    enter(grown, 'f');
    grown.charge({ ...offer, resources: resourcesOf('cpus:2') });
    const [first] = grown.allocate(0, unrandom);
    assert.ok(first);
    grown.recover(first, { refuseSeconds: 60 }, 0);
    assert.deepEqual(grown.allocate(0, unrandom), []);
    grown.recover({ ...offer, resources: resourcesOf('cpus:2') }, undefined, 0);
    assert.deepEqual(
      grown.allocate(0, unrandom).map(({ resources }) => formatResources(resources)),
      ['mem:4096; cpus:4'].map(() => formatResources(resourcesOf('cpus:4;mem:4096'))),
    );
  });

  test('a filter concerns one framework, role and agent', () => {
    const { allocator, framework } = refused(60);
    allocator.addAgent(asAgentId('S1'), resourcesOf('cpus:1'), factsOf());
    const other = enter(allocator, 'other');
    const given = allocator.allocate(0, unrandom);
    const onFirst = given.filter(({ agent }) => agent === 'S0').map((allocation) => allocation.framework);
    assert.deepEqual(onFirst, [other]);
    assert.ok(!given.some((allocation) => allocation.framework === framework && allocation.agent === 'S0'));
  });

  test('REVIVE clears them for the named roles, and without a name for all', () => {
    const roles = ['a', 'b'];
    const allocator = cluster(1);
    const framework = enter(allocator, 'f', { roles, capabilities: ['MULTI_ROLE'] });
    const refuseBoth = () => {
      for (let offers = allocator.allocate(0, unrandom); offers.length > 0; offers = allocator.allocate(0, unrandom)) {
        for (const offer of offers) allocator.recover(offer, { refuseSeconds: 60 }, 0);
      }
    };
    refuseBoth();
    allocator.revive(framework, ['b']);
    assert.deepEqual(
      allocator.allocate(0, unrandom).map(({ role }) => role),
      ['b'],
    );
    for (const [key] of allocator.held(asAgentId('S0'))) assert.equal(key, 'f b');
  });

  test('they end with the agent, and when the framework goes away', () => {
    const { allocator, framework } = refused(60);
    allocator.deactivateFramework(framework);
    allocator.activateFramework(framework);
    assert.equal(allocator.allocate(0, unrandom).length, 1);
  });
});

describe('suppression', () => {
  test('suppressed roles get nothing until they are revived', () => {
    const allocator = cluster(1);
    const framework = enter(allocator, 'f', { roles: ['a', 'b'], capabilities: ['MULTI_ROLE'] });
    allocator.suppress(framework, ['a']);
    const [given] = allocator.allocate(0, unrandom);
    assert.equal(given?.role, 'b');
    assert.ok(given);
    allocator.recover(given, undefined, 0);
    allocator.suppress(framework, []);
    assert.deepEqual(allocator.allocate(0, unrandom), []);
    allocator.revive(framework, ['a']);
    assert.equal(allocator.allocate(0, unrandom)[0]?.role, 'a');
  });

  test('a new set of suppressed roles replaces the old one', () => {
    const allocator = cluster(1);
    const demand = demandOf({ roles: ['a', 'b'], capabilities: ['MULTI_ROLE'] });
    const framework = asFrameworkId('f');
    allocator.addFramework(framework, { ...demand, suppressedRoles: ['a', 'b'] });
    allocator.activateFramework(framework);
    assert.deepEqual(allocator.allocate(0, unrandom), []);
    allocator.updateFramework(framework, { ...demand, suppressedRoles: ['b'] });
    assert.equal(allocator.allocate(0, unrandom)[0]?.role, 'a');
  });
});

test('an agent that comes back smaller than what runs on it offers nothing until enough has ended', () => {
  const allocator = cluster(1, 'cpus:2;mem:2048');
  const framework = enter(allocator, 'f');
  const running = { framework, role: '*', agent: asAgentId('S0'), resources: resourcesOf('cpus:3;mem:3000') };
  allocator.charge(running);
  assert.deepEqual(allocator.allocate(0, unrandom), []);
  allocator.recover({ ...running, resources: resourcesOf('cpus:2;mem:2000') }, undefined, 0);
  const [offer] = allocator.allocate(0, unrandom);
  assert.equal(formatResources(offer?.resources ?? []), 'cpus:1; mem:1048');
});
