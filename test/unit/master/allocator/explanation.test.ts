import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Demand } from '../../../../master/allocator/allocator.ts';
import { HierarchicalAllocator } from '../../../../master/allocator/hierarchical-allocator.ts';
import { compileConstraints } from '../../../../master/allocator/offer-constraints.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf } from '../../../support/master-messages.ts';

const [f, g, s] = [asFrameworkId('f'), asFrameworkId('g'), asAgentId('s')];

function room(resources = 'cpus:4;mem:4096', demand: Demand = demandOf({ role: 'a' })): AuditedAllocator {
  const allocator = new AuditedAllocator(new HierarchicalAllocator({ region: 'eu' }));
  allocator.addAgent(s, resourcesOf(resources), factsOf());
  allocator.addFramework(f, demand);
  allocator.activateFramework(f);
  return allocator;
}

const why = (allocator: AuditedAllocator, now = 0) => allocator.explain(f, 'a', s, now);

test('nothing is in the way of who would be offered the agent', () => {
  assert.equal(why(room()), undefined);
});

test('who is away, has not the role, or suppresses it', () => {
  const allocator = room();
  assert.deepEqual(allocator.explain(f, 'b', s, 0), { kind: 'UNKNOWN_ROLE' });
  allocator.suppress(f, ['a']);
  assert.deepEqual(why(allocator), { kind: 'SUPPRESSED' });
  allocator.deactivateFramework(f);
  assert.deepEqual(why(allocator), { kind: 'INACTIVE' });
});

test('an agent that is away, or not for everybody', () => {
  const inactive = room();
  inactive.deactivateAgent(s);
  assert.deepEqual(why(inactive), { kind: 'AGENT_INACTIVE' });
  assert.deepEqual(why(room('cpus:4;mem:64;gpus:1')), { kind: 'GPU' });
  const far = room();
  const domain = { fault_domain: { region: { name: 'us' }, zone: { name: 'z' } } };
  far.updateAgent(s, resourcesOf('cpus:4'), { ...factsOf(), domain });
  assert.deepEqual(why(far), { kind: 'REGION' });
  const constraint = { selector: { attribute_name: 'rack' }, predicate: { exists: {} } };
  const constraints = compileConstraints({
    role_constraints: { a: { groups: [{ attribute_constraints: [constraint] }] } },
  });
  if ('error' in constraints) throw new Error(constraints.error);
  assert.deepEqual(why(room('cpus:4', { ...demandOf({ role: 'a' }), constraints: constraints.value })), {
    kind: 'CONSTRAINTS',
  });
});

test('what others hold, by whom; what they gave back is free again', () => {
  const allocator = room();
  allocator.addFramework(g, demandOf({ role: 'b' }));
  const held = { framework: g, role: 'b', agent: s, resources: resourcesOf('cpus:4;mem:4096') };
  allocator.charge(held);
  const amounts = new Map([
    ['cpus', 4],
    ['mem', 4096],
  ]);
  assert.deepEqual(why(allocator), {
    kind: 'NOTHING_FREE',
    holders: [{ framework: g, role: 'b', agent: s, amounts }],
  });
  allocator.recover({ ...held, resources: resourcesOf('cpus:0.005;mem:4') }, undefined, 0);
  assert.deepEqual(why(allocator), {
    kind: 'MINIMUM',
    free: new Map([
      ['cpus', 0.005],
      ['mem', 4],
    ]),
  });
});

test('what is on offer to another is held by that one', () => {
  const allocator = room();
  allocator.allocate(0, () => 0);
  const reason = why(allocator);
  assert.equal(reason?.kind, 'NOTHING_FREE');
  assert.equal(reason?.kind === 'NOTHING_FREE' && reason.holders[0]?.framework, f);
});

test('what was refused, until when; a filter that is over is none, even before the next cycle', () => {
  const allocator = room();
  const [offer] = allocator.allocate(1000, () => 0);
  assert.ok(offer);
  allocator.recover(offer, { refuseSeconds: 5 }, 1000);
  assert.deepEqual(why(allocator, 2000), { kind: 'FILTERED', until: 6000 });
  assert.equal(why(allocator, 6000), undefined);
});

test('the limit of the role, and what it leaves', () => {
  const allocator = room();
  const limits = new Map([
    ['cpus', 0],
    ['mem', 16],
  ]);
  allocator.setQuota('a', { guarantees: new Map(), limits });
  assert.deepEqual(why(allocator), { kind: 'LIMIT', role: 'a', left: limits });
});

test('guarantees of others that are not met yet, and what they lack', () => {
  const allocator = room();
  const guarantees = new Map([
    ['cpus', 4],
    ['mem', 5000],
  ]);
  allocator.setQuota('b', { guarantees, limits: new Map() });
  assert.deepEqual(why(allocator), { kind: 'HEADROOM', lacking: new Map([['b', guarantees]]) });
});

test('who comes first, and how many', () => {
  const allocator = room();
  for (const name of ['b', 'c']) {
    allocator.addFramework(asFrameworkId(name), demandOf({ role: name }));
    allocator.activateFramework(asFrameworkId(name));
  }
  allocator.charge({ framework: f, role: 'a', agent: s, resources: resourcesOf('cpus:1') });
  assert.deepEqual(why(allocator), { kind: 'ORDER', before: { framework: 'b', role: 'b' }, ahead: 2 });
  assert.equal(allocator.allocate(0, () => 0)[0]?.framework, 'b');
});

test('who lacks a guarantee comes before those who have less', () => {
  const allocator = room();
  allocator.addFramework(g, demandOf({ role: 'b' }));
  allocator.activateFramework(g);
  allocator.charge({ framework: f, role: 'a', agent: s, resources: resourcesOf('cpus:1') });
  allocator.setQuota('a', { guarantees: new Map([['cpus', 4]]), limits: new Map() });
  assert.equal(why(allocator), undefined);
  assert.deepEqual(allocator.explain(g, 'b', s, 0), { kind: 'ORDER', before: { framework: f, role: 'a' }, ahead: 1 });
});
