import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { asAgentId, asFrameworkId, type FrameworkId } from '../../../../protocol/ids.ts';
import { formatResources } from '../../../../protocol/resource-text.ts';
import { seeded } from '../../../support/allocator-history.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, type FrameworkWishes, factsOf, resourcesOf } from '../../../support/master-messages.ts';

const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 100);

function cluster(...agents: string[]): AuditedAllocator {
  const allocator = new AuditedAllocator();
  for (const [index, text] of agents.entries())
    allocator.addAgent(asAgentId(`S${index}`), resourcesOf(text), factsOf());
  return allocator;
}

function enter(allocator: AuditedAllocator, name: string, wishes: FrameworkWishes = { role: name }): FrameworkId {
  const id = asFrameworkId(name);
  allocator.addFramework(id, demandOf(wishes));
  allocator.activateFramework(id);
  return id;
}

/** `cpus:1;mem:2`; amounts of 0 are some, too. */
function amounts(text: string): Map<string, number> {
  return new Map(text.split(';').flatMap((part) => (part === '' ? [] : [amount(part)])));
}

function amount(text: string): [string, number] {
  const [name = '', value] = text.split(':');
  return [name, Number(value)];
}

const quota = (guarantees: string, limits: string) => ({ guarantees: amounts(guarantees), limits: amounts(limits) });

/** `framework: resources` of each allocation, in order of the text. */
function given(allocator: AuditedAllocator): string[] {
  return allocator
    .allocate(0, () => 0)
    .map(({ framework, resources }) => `${framework} ${formatResources(resources)}`)
    .sort();
}

describe('a limit', () => {
  test('is never exceeded: of an agent with more, a role is given what the limit leaves', () => {
    const allocator = cluster('cpus:8;mem:8192;ports:[31000-31001]');
    enter(allocator, 'a');
    enter(allocator, 'b');
    allocator.setWeight('a', 10);
    allocator.setQuota('a', quota('', 'cpus:3;mem:1024'));
    assert.deepEqual(given(allocator), ['a ports:[31000-31001]; cpus:3; mem:1024', 'b cpus:5; mem:7168']);
  });

  test('of one scalar leaves the others as they are', () => {
    const allocator = cluster('cpus:8;mem:8192');
    enter(allocator, 'a');
    allocator.setQuota('a', quota('', 'cpus:3'));
    assert.deepEqual(given(allocator), ['a cpus:3; mem:8192']);
  });

  test('counts for all roles below together', () => {
    const allocator = cluster('cpus:2;mem:512', 'cpus:2;mem:512', 'cpus:2;mem:512');
    enter(allocator, 'a/x');
    enter(allocator, 'a/y');
    allocator.setQuota('a', quota('', 'cpus:3;mem:800'));
    const sum = allocator.allocate(0, () => 0).flatMap(({ resources }) => resources);
    const cpus = sum
      .filter(({ name }) => name === 'cpus')
      .reduce((total, { scalar }) => total + (scalar?.value ?? 0), 0);
    assert.equal(cpus, 3);
  });

  test('is used up by reservations, allocated or not', () => {
    const allocator = cluster('cpus:8;mem:8192;cpus(a):2');
    enter(allocator, 'a');
    allocator.setQuota('a', quota('', 'cpus:3'));
    assert.deepEqual(given(allocator), ['a cpus(reservations: [(STATIC,a)]):2; cpus:1; mem:8192']);
    assert.deepEqual(Object.fromEntries(allocator.standing('a')?.consumed ?? []), { cpus: 3, mem: 8192 });
  });

  test('does not concern revocable resources', () => {
    const allocator = cluster('cpus:1;mem:1024');
    const revocable = resourcesOf('cpus:4').map((one) => ({ ...one, revocable: {} }));
    allocator.addAgent(asAgentId('R'), [...resourcesOf('mem:64'), ...revocable], factsOf());
    enter(allocator, 'a', { role: 'a', capabilities: ['REVOCABLE_RESOURCES'] });
    allocator.setQuota('a', quota('', 'cpus:0;mem:64'));
    const total = allocator.allocate(0, () => 0).flatMap(({ resources }) => resources);
    assert.deepEqual(total.map((one) => formatResources([one])).sort(), ['cpus{REV}:4', 'mem:64']);
  });

  test('that is lifted lets the next cycle give the rest', () => {
    const allocator = cluster('cpus:8;mem:8192');
    enter(allocator, 'a');
    allocator.setQuota('a', quota('', 'cpus:3;mem:1000'));
    assert.deepEqual(given(allocator), ['a cpus:3; mem:1000']);
    assert.deepEqual(given(allocator), []);
    allocator.setQuota('a', undefined);
    assert.deepEqual(given(allocator), ['a cpus:5; mem:7192']);
  });
});

describe('a guarantee', () => {
  test('is kept free for a role that is not there yet', () => {
    const allocator = cluster('cpus:4;mem:4096', 'cpus:4;mem:4096');
    allocator.setQuota('a', quota('cpus:6;mem:1024', ''));
    enter(allocator, 'b');
    assert.deepEqual(given(allocator), ['b cpus:2; mem:4096', 'b mem:3072']);
    enter(allocator, 'a');
    const [first, second] = given(allocator);
    assert.match(`${first}; ${second}`, /a cpus:2(; mem:1024)?; a cpus:4(; mem:1024)?|a cpus:4(; mem:1024)?; a cpus:2/);
  });

  test('comes before the share of those who have less', () => {
    const allocator = cluster('cpus:4;mem:4096', 'cpus:4;mem:4096');
    enter(allocator, 'a');
    enter(allocator, 'b');
    allocator.charge({
      framework: asFrameworkId('a'),
      role: 'a',
      agent: asAgentId('S0'),
      resources: resourcesOf('cpus:4;mem:4096'),
    });
    allocator.setQuota('a', quota('cpus:8;mem:8192', ''));
    assert.deepEqual(given(allocator), ['a cpus:4; mem:4096']);
  });

  test('is met by what is reserved, too', () => {
    const allocator = cluster('cpus:4;mem:4096;cpus(a):4;mem(a):4096');
    enter(allocator, 'b');
    allocator.setQuota('a', quota('cpus:4;mem:4096', ''));
    assert.deepEqual(given(allocator), ['b cpus:4; mem:4096']);
  });

  test('of others leaves surplus to everybody', () => {
    const allocator = cluster('cpus:4;mem:4096', 'cpus:4;mem:4096');
    enter(allocator, 'b');
    allocator.setQuota('a', quota('cpus:1', ''));
    const cpus = allocator
      .allocate(0, () => 0)
      .flatMap(({ resources }) =>
        resources.filter(({ name }) => name === 'cpus').map(({ scalar }) => scalar?.value ?? 0),
      );
    assert.equal(
      cpus.reduce((sum, one) => sum + one, 0),
      7,
    );
  });
});

test('all guarantees are met whenever there is enough for them, whoever came first', () => {
  const unit = fc.integer({ min: 0, max: 8 });
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.array(fc.tuple(unit, unit), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 3 }),
      (seed, agents, wishes, greedy) => {
        const allocator = cluster(...agents.map(([cpus, mem]) => `cpus:${cpus};mem:${mem * 100}`));
        const left = { cpus: sum(agents.map(([cpus]) => cpus)), mem: sum(agents.map(([, mem]) => mem)) };
        const quotas = wishes.map(([cpus, mem]) => {
          const feasible = { cpus: Math.min(cpus, left.cpus), mem: Math.min(mem, left.mem) };
          left.cpus -= feasible.cpus;
          left.mem -= feasible.mem;
          return new Map([
            ['cpus', feasible.cpus],
            ['mem', feasible.mem * 100],
          ]);
        });
        for (const [index, guarantees] of quotas.entries()) {
          allocator.setQuota(`q${index}`, { guarantees, limits: new Map() });
        }
        const random = seeded(seed);
        for (let index = 0; index < greedy; index++) enter(allocator, `greedy${index}`);
        allocator.allocate(0, random);
        for (const index of quotas.keys()) enter(allocator, `q${index}`);
        for (let index = greedy; index < 3; index++) enter(allocator, `greedy${index}`);
        allocator.allocate(0, random);
        for (const [index, guarantees] of quotas.entries()) {
          const consumed = allocator.standing(`q${index}`)?.consumed;
          for (const [name, amount] of guarantees) {
            const has = consumed?.get(name) ?? 0;
            assert.ok(has >= amount, `q${index} has ${has} of the ${amount} ${name} that it is guaranteed`);
          }
        }
      },
    ),
    { numRuns },
  );
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
