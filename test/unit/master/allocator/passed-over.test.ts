import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HierarchicalAllocator } from '../../../../master/allocator/hierarchical-allocator.ts';
import type { Pass } from '../../../../master/allocator/standing.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import { demandOf, factsOf, resourcesOf } from '../../../support/master-messages.ts';

const framework = asFrameworkId('f');

function allocatorWith(...agents: string[]): HierarchicalAllocator {
  const allocator = new HierarchicalAllocator();
  allocator.addFramework(framework, demandOf({ role: 'web' }));
  allocator.activateFramework(framework);
  for (const [index, resources] of agents.entries())
    allocator.addAgent(asAgentId(`S${index}`), resourcesOf(resources), factsOf());
  return allocator;
}

function passes(allocator: HierarchicalAllocator): readonly Pass[] {
  return allocator.standing('web', framework)?.passes ?? [];
}

test('who is passed over knows how often, why, since when, and on which agent last', () => {
  const allocator = allocatorWith('cpus:4;mem:1024;gpus:1', 'mem:16');
  assert.deepEqual(
    allocator.allocate(1_000, () => 0),
    [],
  );
  assert.deepEqual(
    new Set(passes(allocator)),
    new Set([
      { kind: 'MINIMUM', times: 1, since: 1_000, agent: 'S1' },
      { kind: 'GPU', times: 1, since: 1_000, agent: 'S0' },
    ]),
  );
});

test('that is forgotten when it is given something', () => {
  const allocator = allocatorWith('cpus:4;mem:1024');
  const [given] = allocator.allocate(1_000, () => 0);
  assert.ok(given);
  allocator.recover(given, { refuseSeconds: 5 }, 2_000);
  for (const now of [3_000, 4_000]) {
    allocator.updateAgent(given.agent, resourcesOf('cpus:4;mem:1024'), factsOf());
    assert.deepEqual(
      allocator.allocate(now, () => 0),
      [],
    );
  }
  assert.deepEqual(passes(allocator), [{ kind: 'FILTERED', times: 2, since: 3_000, agent: 'S0' }]);
  assert.equal(allocator.allocate(8_000, () => 0).length, 1);
  assert.deepEqual(passes(allocator), []);
});

test('a role as a whole is not passed over', () => {
  const allocator = allocatorWith('mem:16');
  allocator.allocate(1_000, () => 0);
  assert.deepEqual(allocator.standing('web')?.passes, []);
});
