import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  HierarchicalAllocator,
  type HierarchicalAllocatorOptions,
} from '../../../../master/allocator/hierarchical-allocator.ts';
import { parseMinimum } from '../../../../master/allocator/minimum.ts';
import { compileConstraints } from '../../../../master/allocator/offer-constraints.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import type { FrameworkInfo } from '../../../../protocol/messages.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf } from '../../../support/master-messages.ts';

const f = asFrameworkId('f');

/** Names of the agents that a framework gets. */
function offered(
  agents: Record<string, string | { resources: string; region: string }>,
  info: Partial<FrameworkInfo> = {},
  options: Partial<HierarchicalAllocatorOptions> = {},
): string[] {
  const allocator = new AuditedAllocator(new HierarchicalAllocator(options));
  for (const [name, given] of Object.entries(agents)) {
    const { resources, region } = typeof given === 'string' ? { resources: given, region: undefined } : given;
    const domain =
      region === undefined ? undefined : { fault_domain: { region: { name: region }, zone: { name: 'z' } } };
    allocator.addAgent(asAgentId(name), resourcesOf(resources), { ...factsOf(), domain });
  }
  const demand = demandOf();
  allocator.addFramework(f, { ...demand, info: { ...demand.info, ...info } });
  allocator.activateFramework(f);
  return allocator
    .allocate(0, () => 0)
    .map(({ agent }) => agent)
    .sort();
}

function minimum(text: string) {
  const parsed = parseMinimum(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.value;
}

describe('--min_allocatable_resources', () => {
  const agents = { cpu: 'cpus:0.01', mem: 'mem:32', little: 'cpus:0.009;mem:31', disk: 'disk:1000' };

  test('lets be offered by default what has 0.01 cpus or 32 MB', () => {
    assert.deepEqual(offered(agents), ['cpu', 'mem']);
  });

  test('lists alternatives, of which one has to be there in full', () => {
    assert.deepEqual(offered(agents, {}, { minimum: minimum('cpus:0.001;mem:31|disk:1000') }), ['disk', 'little']);
  });

  test('empty, nothing is too little', () => {
    assert.deepEqual(offered(agents, {}, { minimum: minimum('') }), ['cpu', 'disk', 'little', 'mem']);
  });

  test('takes amounts alone', () => {
    assert.deepEqual(parseMinimum('ports:[1-2]'), { error: 'ports is not an amount' });
  });
});

describe('offer_filters of a framework', () => {
  const agents = { small: 'cpus:1;mem:64', large: 'cpus:8;mem:8192', disk: 'disk:1000' };
  const asking = (...quantities: Record<string, number>[]): Partial<FrameworkInfo> => ({
    offer_filters: {
      '*': {
        min_allocatable_resources: {
          quantities: quantities.map((amounts) => ({
            quantities: Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }])),
          })),
        },
      },
    },
  });

  test('stand in for the minimum of the master', () => {
    assert.deepEqual(offered(agents, asking({ cpus: 4, mem: 1000 })), ['large']);
    assert.deepEqual(offered(agents, asking({ cpus: 4 }, { disk: 1 })), ['disk', 'large']);
  });

  test('without entries make nothing too little', () => {
    assert.deepEqual(offered(agents, asking()), ['disk', 'large', 'small']);
  });

  test('of another role count for nothing', () => {
    assert.deepEqual(offered(agents, { offer_filters: { b: asking().offer_filters?.['*'] ?? {} } }), [
      'large',
      'small',
    ]);
  });
});

test('agents with GPUs are for frameworks with GPU_RESOURCES, unless the master is told otherwise', () => {
  const agents = { gpu: 'cpus:1;mem:64;gpus:1', plain: 'cpus:1;mem:64' };
  assert.deepEqual(offered(agents), ['plain']);
  assert.deepEqual(offered(agents, { capabilities: [{ type: 'GPU_RESOURCES' }] }), ['gpu', 'plain']);
  assert.deepEqual(offered(agents, {}, { filterGpus: false }), ['gpu', 'plain']);
});

test('agents of other regions than the master are for frameworks with REGION_AWARE', () => {
  const resources = 'cpus:1;mem:64';
  const agents = { home: { resources, region: 'eu' }, away: { resources, region: 'us' }, anywhere: resources };
  assert.deepEqual(offered(agents, {}, { region: 'eu' }), ['anywhere', 'home']);
  assert.deepEqual(offered(agents, { capabilities: [{ type: 'REGION_AWARE' }] }, { region: 'eu' }), [
    'anywhere',
    'away',
    'home',
  ]);
  assert.deepEqual(offered(agents), ['anywhere', 'away', 'home']);
});

test('offer constraints keep agents out, and are replaced with the framework', () => {
  const allocator = new AuditedAllocator();
  allocator.addAgent(asAgentId('r1'), resourcesOf('cpus:1'), factsOf('rack:r1'));
  allocator.addAgent(asAgentId('r2'), resourcesOf('cpus:1'), factsOf('rack:r2'));
  const predicate = { text_equals: { value: 'r2' } };
  const constraints = compileConstraints({
    role_constraints: {
      '*': { groups: [{ attribute_constraints: [{ selector: { attribute_name: 'rack' }, predicate }] }] },
    },
  });
  if ('error' in constraints) throw new Error(constraints.error);
  allocator.addFramework(f, { ...demandOf(), constraints: constraints.value });
  allocator.activateFramework(f);
  assert.deepEqual(
    allocator.allocate(0, () => 0).map(({ agent }) => agent),
    ['r2'],
  );
  allocator.updateFramework(f, demandOf());
  assert.deepEqual(
    allocator.allocate(0, () => 0).map(({ agent }) => agent),
    ['r1'],
  );
});

test('filters go with a role that is dropped or leaves suppression, and stay with the others', () => {
  const roles = ['a', 'b', 'c'];
  const demand = demandOf({ roles, capabilities: ['MULTI_ROLE'] });
  const allocator = new AuditedAllocator();
  for (const role of roles) allocator.addAgent(asAgentId(role), resourcesOf('cpus:1', role), factsOf());
  allocator.addFramework(f, demand);
  allocator.activateFramework(f);
  for (const allocation of allocator.allocate(0, () => 0)) allocator.recover(allocation, { refuseSeconds: 100 }, 0);
  assert.deepEqual(
    allocator.allocate(1, () => 0),
    [],
  );
  allocator.updateFramework(f, {
    ...demandOf({ roles: ['b', 'c'], capabilities: ['MULTI_ROLE'] }),
    suppressedRoles: ['b'],
  });
  allocator.updateFramework(f, demand);
  assert.deepEqual(
    allocator
      .allocate(2, () => 0)
      .map(({ role }) => role)
      .sort(),
    ['a', 'b'],
  );
});
