import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  HierarchicalAllocator,
  type HierarchicalAllocatorOptions,
} from '../../../../master/allocator/hierarchical-allocator.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import { seeded } from '../../../support/allocator-history.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf } from '../../../support/master-messages.ts';

type Options = Partial<HierarchicalAllocatorOptions>;

/** Frameworks by name with their roles (`f@a/b`) on so many equal agents. */
function cluster(agents: number, frameworks: string[], options: Options = {}): AuditedAllocator {
  const allocator = new AuditedAllocator(new HierarchicalAllocator(options));
  for (const text of frameworks) enter(allocator, text);
  for (let index = 0; index < agents; index++) {
    allocator.addAgent(asAgentId(`S${index}`), resourcesOf('cpus:1;mem:1024'), factsOf());
  }
  return allocator;
}

function enter(allocator: AuditedAllocator, text: string, priority?: number): void {
  const [name = '', role = '*'] = text.split('@');
  const demand = demandOf({ role });
  const labels = { labels: [{ key: 'priority', value: String(priority) }] };
  const info = priority === undefined ? demand.info : { ...demand.info, labels };
  allocator.addFramework(asFrameworkId(name), { ...demand, info });
  allocator.activateFramework(asFrameworkId(name));
}

/** How many agents each framework gets. */
function counts(allocator: AuditedAllocator, random = () => 0): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { framework } of allocator.allocate(0, random)) found[framework] = (found[framework] ?? 0) + 1;
  return found;
}

describe('the tree of roles', () => {
  test('roles below a role share what it gets', () => {
    const allocator = cluster(12, ['x@a/x', 'y@a/y', 'z@a/z', 'b@b']);
    assert.deepEqual(counts(allocator), { x: 2, y: 2, z: 2, b: 6 });
  });

  test('the frameworks of a role with roles below it stand beside these as one', () => {
    const allocator = cluster(12, ['own@a', 'other@a', 'x@a/x', 'y@a/y/deep']);
    assert.deepEqual(counts(allocator), { own: 2, other: 2, x: 4, y: 4 });
  });

  test('weights count among siblings, of the whole path', () => {
    const allocator = cluster(18, ['x@a/x', 'y@a/y', 'b@b']);
    allocator.setWeight('a', 2);
    allocator.setWeight('a/x', 3);
    allocator.setWeight('x', 100);
    assert.deepEqual(counts(allocator), { x: 9, y: 3, b: 6 });
  });

  test('a weight that is taken away counts no more, and one that was there first counts from the beginning', () => {
    const allocator = new AuditedAllocator();
    allocator.setWeight('a', 4);
    allocator.setWeight('b', 3);
    allocator.setWeight('b', undefined);
    for (const text of ['a@a', 'b@b']) enter(allocator, text);
    for (let index = 0; index < 10; index++) {
      allocator.addAgent(asAgentId(`S${index}`), resourcesOf('cpus:1;mem:1024'), factsOf());
    }
    assert.deepEqual(counts(allocator), { a: 8, b: 2 });
    assert.equal(allocator.standing('a')?.weight, 4);
    assert.equal(allocator.standing('a')?.share, 0.8);
    assert.equal(allocator.standing('a')?.dominant, 'cpus');
  });

  test('reservations of a role are open to roles below it, and not to those beside', () => {
    const allocator = cluster(0, ['top@a', 'below@a/b', 'beside@ab']);
    for (const role of ['a', 'a/b', 'ab']) {
      allocator.addAgent(asAgentId(role), resourcesOf('cpus:1;mem:1024', role), factsOf());
    }
    const found = allocator.allocate(0, () => 0).map(({ framework, agent }) => `${framework} ${agent}`);
    assert.ok(found.includes('below a/b') && found.includes('beside ab'), found.join());
    assert.ok(found.includes('top a') || found.includes('below a'), found.join());
  });

  test('scalars that are excluded do not make a share dominant', () => {
    const allocator = cluster(0, ['f@a', 'g@b'], { excludedFromShares: ['mem'] });
    for (const name of ['S', 'T']) allocator.addAgent(asAgentId(name), resourcesOf('cpus:4;mem:4096'), factsOf());
    const charge = (framework: string, role: string, text: string) =>
      allocator.charge({
        framework: asFrameworkId(framework),
        role,
        agent: asAgentId('S'),
        resources: resourcesOf(text),
      });
    charge('f', 'a', 'cpus:1;mem:4000');
    charge('g', 'b', 'cpus:3');
    assert.equal(allocator.standing('a')?.share, 1 / 8);
    assert.equal(allocator.allocate(0, () => 0)[0]?.framework, 'f');
  });

  test('a role without frameworks, allocations and quota is forgotten', () => {
    const allocator = cluster(1, ['f@a/b/c']);
    assert.ok(allocator.standing('a/b'));
    allocator.removeFramework(asFrameworkId('f'));
    assert.equal(allocator.standing('a/b'), undefined);
    assert.equal(allocator.standing('a'), undefined);
  });
});

describe('sorters', () => {
  const sorted = (sorting: HierarchicalAllocatorOptions['roleSorter']): Options => ({
    roleSorter: sorting,
    frameworkSorter: sorting,
  });

  test('fifo: who came first gets all that he takes', () => {
    const allocator = cluster(4, ['late@b', 'early@a'].reverse(), sorted('fifo'));
    assert.deepEqual(counts(allocator), { early: 4 });
  });

  test('priority: the label of frameworks, the weight of roles; equals share', () => {
    const allocator = cluster(6, [], sorted('priority'));
    for (const [text, priority] of [
      ['low@a', 1],
      ['high@a', 5],
      ['equal@a', 5],
      ['none@a', undefined],
    ] as const) {
      enter(allocator, text, priority);
    }
    enter(allocator, 'other@b', 9);
    allocator.setWeight('a', 2);
    assert.deepEqual(counts(allocator), { high: 3, equal: 3 });
    allocator.setWeight('b', 3);
    allocator.addAgent(asAgentId('new'), resourcesOf('cpus:1;mem:1024'), factsOf());
    assert.deepEqual(counts(allocator), { other: 1 });
  });

  test('round_robin: each in turn, however much it is', () => {
    const allocator = cluster(0, ['a@a', 'b@b', 'c@c'], sorted('round_robin'));
    const turns: string[] = [];
    for (let index = 0; index < 6; index++) {
      const id = asAgentId(`S${index}`);
      allocator.addAgent(id, resourcesOf(index % 2 === 0 ? 'cpus:32;mem:65536' : 'cpus:1;mem:32'), factsOf());
      turns.push(...Object.keys(counts(allocator)));
    }
    assert.deepEqual(turns, ['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('random: in proportion to the weights, in the long run', () => {
    const allocator = cluster(4000, ['light@a', 'heavy@b'], sorted('random'));
    allocator.setWeight('b', 3);
    const { heavy = 0 } = counts(allocator, seeded(3));
    assert.ok(Math.abs(heavy - 3000) < 150, `${heavy} of 4000 agents`);
  });

  test('roles and frameworks may be sorted in different ways', () => {
    const options: Options = { roleSorter: 'drf', frameworkSorter: 'fifo' };
    assert.deepEqual(counts(cluster(4, ['a1@a', 'a2@a', 'b1@b'], options)), { a1: 2, b1: 2 });
  });
});
