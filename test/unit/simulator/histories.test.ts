import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { sortings } from '../../../master/allocator/sorting.ts';
import { behaviours, faultKinds, type Scenario } from '../../../simulator/scenario.ts';
import { readScenario } from '../../../simulator/scenario-reader.ts';
import { SimulatedLife } from '../../support/simulated-life.ts';

const seconds = (from: number, to: number) => fc.integer({ min: from, max: to }).map((value) => `${value}s`);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const tasks = fc.record({
  resources: fc.constantFrom('cpus:1;mem:64', 'cpus:2;mem:256', 'cpus:0.5;mem:1024', 'cpus:4;mem:128'),
  duration: fc.constantFrom('1s', '20s', 'exponential 10s', 'uniform 1s 60s'),
  count: maybe(fc.integer({ min: 1, max: 8 })),
  every: maybe(fc.constantFrom('5s', 'exponential 4s')),
  from: maybe(seconds(0, 30)),
});

const framework = fc.record({
  role: fc.constantFrom('a', 'b', 'a/c', '*'),
  behaviour: fc.constantFrom(...behaviours),
  wants: fc.constant('rack:a'),
  from: seconds(0, 20),
  until: maybe(seconds(30, 100)),
  hold: maybe(seconds(1, 30)),
  refuse: maybe(seconds(0, 20)),
  per_offer: maybe(fc.constant(1)),
  partition_aware: fc.boolean(),
  tasks: fc.array(tasks, { minLength: 1, maxLength: 2 }),
});

const fault = fc.record({
  kind: fc.constantFrom(...faultKinds),
  // Not at the moment in which an agent joins: who does not hear its id in time joins again, under another one.
  at: fc.integer({ min: 1, max: 60 }).map((value) => `${value}.5s`),
  every: maybe(fc.constantFrom('20s', 'exponential 30s')),
  count: fc.integer({ min: 1, max: 2 }),
  lasts: maybe(fc.constantFrom('1s', '10s', 'uniform 1s 3m')),
});

const scenario = fc
  .record({
    agents: fc.array(
      fc.record({
        resources: fc.constantFrom('cpus:2;mem:1024', 'cpus:4;mem:4096', 'cpus(a):1;mem(a):512;cpus:3;mem:2048'),
        attributes: fc.constantFrom('rack:a', 'rack:b'),
        from: seconds(0, 30),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    frameworks: fc.array(framework, { minLength: 1, maxLength: 3 }),
    faults: fc.array(fault, { maxLength: 3 }),
    offer_timeout: maybe(fc.constantFrom('5s', '30s')),
    limited: fc.boolean(),
    role_sorter: fc.constantFrom(...sortings),
    framework_sorter: fc.constantFrom(...sortings),
  })
  .map(({ agents, frameworks, faults, offer_timeout, limited, role_sorter, framework_sorter }): Scenario => {
    const json = {
      name: 'random',
      until: '2m',
      launch: 'uniform 10ms 2s',
      master: { agent_ping_timeout: '30s', offer_timeout, role_sorter, framework_sorter },
      roles: limited ? { a: { weight: 2, limit: 'cpus:3;mem:2048' }, b: { guarantee: 'cpus:1;mem:128' } } : {},
      agents,
      frameworks: frameworks.map((one, index) => ({ name: `f${index}`, ...one })),
      faults,
    };
    const read = readScenario(JSON.parse(JSON.stringify(json)));
    if ('error' in read) throw new Error(read.error);
    return read.value;
  });

const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 40);

test('whatever happens, nothing is overcommitted, and each task comes to exactly one end', () => {
  fc.assert(
    fc.property(scenario, fc.nat(1_000_000), (given, seed) => {
      const life = new SimulatedLife(given, seed);
      life.live();
      life.assertEnds();
    }),
    { numRuns },
  );
});

// Each bug that a history found stays here as the scenario and the seed that show it.
const seeds = join(import.meta.dirname, 'seeds');
for (const file of readdirSync(seeds)) {
  const { scenario: json, seed, found } = JSON.parse(readFileSync(join(seeds, file), 'utf8'));
  test(`does not happen again: ${found}`, () => {
    const read = readScenario(json);
    if ('error' in read) throw new Error(`${file}: ${read.error}`);
    const life = new SimulatedLife(read.value, seed);
    life.live();
    life.assertEnds();
  });
}
