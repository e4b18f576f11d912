import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HierarchicalAllocator } from '../../../../master/allocator/hierarchical-allocator.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import type { FrameworkInfoCapabilityType, Resource } from '../../../../protocol/messages.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf, sortedText } from '../../../support/master-messages.ts';

const [f, g, s] = [asFrameworkId('f'), asFrameworkId('g'), asAgentId('s')];
const disk = resourcesOf('disk:10');
const reserved = disk.map((one): Resource => ({ ...one, reservations: [{ type: 'DYNAMIC', role: 'a' }] }));
const shared = reserved.map(
  (one): Resource => ({
    ...one,
    disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'p' } },
    shared: {},
  }),
);

function room(...capabilities: FrameworkInfoCapabilityType[]): AuditedAllocator {
  const allocator = new AuditedAllocator();
  allocator.addAgent(s, resourcesOf('cpus:4;mem:64;disk:20'), factsOf());
  allocator.addFramework(f, demandOf({ role: 'a', capabilities }));
  allocator.activateFramework(f);
  return allocator;
}

const offered = (allocator: AuditedAllocator): string[] =>
  allocator.allocate(0, () => 0).map(({ framework, resources }) => `${framework} ${sortedText(resources)}`);

test('a conversion of what a framework holds stays with it until it gives it back', () => {
  const allocator = room();
  const [allocation] = allocator.allocate(0, () => 0);
  assert.ok(allocation !== undefined);
  allocator.convert(s, { consumed: disk, converted: reserved }, { framework: f, role: 'a' });
  assert.deepEqual(offered(allocator), []);
  allocator.recover({ ...allocation, resources: resourcesOf('cpus:4;mem:64;disk:10') }, undefined, 0);
  assert.deepEqual(offered(allocator), ['f cpus:4; disk:10; mem:64']);
  assert.equal(sortedText(allocator.total(s)), 'cpus:4; disk(reservations: [(DYNAMIC,a)]):10; disk:10; mem:64');
});

test('a conversion of what nobody holds is offered to whom it is for', () => {
  const allocator = room();
  allocator.convert(s, { consumed: disk, converted: reserved }, undefined);
  allocator.addFramework(g, demandOf({ role: 'b' }));
  allocator.activateFramework(g);
  assert.deepEqual(offered(allocator), ['f cpus:4; disk(reservations: [(DYNAMIC,a)]):10; disk:10; mem:64']);
});

test('a shared volume is there for the next one too, with SHARED_RESOURCES alone', () => {
  const volume = 'disk(reservations: [(DYNAMIC,a)])[v:p]<SHARED>:10';
  const allocator = room('SHARED_RESOURCES');
  allocator.convert(s, { consumed: disk, converted: shared }, undefined);
  const [allocation] = allocator.allocate(0, () => 0);
  assert.equal(sortedText(allocation?.resources ?? []), `cpus:4; ${volume}; disk:10; mem:64`);
  allocator.recover({ framework: f, role: 'a', agent: s, resources: resourcesOf('cpus:2') }, undefined, 0);
  assert.deepEqual(offered(allocator), [`f cpus:2; ${volume}`]);
  const without = room();
  without.convert(s, { consumed: disk, converted: shared }, undefined);
  assert.deepEqual(offered(without), ['f cpus:4; disk:10; mem:64']);
});

test('a shared volume is offered to one framework in a cycle, and to another in the next', () => {
  const volume = 'disk(reservations: [(DYNAMIC,a)])[v:p]<SHARED>:10';
  const allocator = new AuditedAllocator(new HierarchicalAllocator({ minimum: [] }));
  allocator.addAgent(s, resourcesOf('cpus:4;disk:10'), factsOf());
  for (const id of [f, g]) {
    allocator.addFramework(id, demandOf({ role: 'a', capabilities: ['SHARED_RESOURCES'] }));
    allocator.activateFramework(id);
  }
  allocator.convert(s, { consumed: disk, converted: shared }, undefined);
  assert.deepEqual(offered(allocator), [`f cpus:4; ${volume}`]);
  assert.equal(allocator.explain(g, 'a', s, 0), undefined, 'nothing but the next cycle is waited for');
  assert.deepEqual(offered(allocator), [`g ${volume}`]);
});

test('refined reservations and revocable resources go to those who can tell them', () => {
  const refined: Resource[] = reserved.map((one) => ({
    ...one,
    reservations: [
      { type: 'STATIC', role: 'a' },
      { type: 'DYNAMIC', role: 'a' },
    ],
    revocable: {},
  }));
  for (const [capabilities, found] of [
    [[], 'f cpus:4; disk:10; mem:64'],
    [['REVOCABLE_RESOURCES'], 'f cpus:4; disk:10; mem:64'],
    [
      ['REVOCABLE_RESOURCES', 'RESERVATION_REFINEMENT'],
      'f cpus:4; disk(reservations: [(STATIC,a),(DYNAMIC,a)]){REV}:10; disk:10; mem:64',
    ],
  ] as const) {
    const allocator = room(...capabilities);
    allocator.convert(s, { consumed: disk, converted: refined }, undefined);
    assert.deepEqual(offered(allocator), [found]);
  }
});
