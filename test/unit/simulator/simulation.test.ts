import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Sorting, sortings } from '../../../master/allocator/sorting.ts';
import { loadScenario, simulate } from '../../../simulator/main.ts';
import { plot } from '../../../simulator/plot.ts';
import { report, reportJson } from '../../../simulator/report.ts';
import type { Outcome } from '../../../simulator/run.ts';
import type { Scenario } from '../../../simulator/scenario.ts';
import { readScenario } from '../../../simulator/scenario-reader.ts';
import { resourcesOf } from '../../support/master-messages.ts';

function scenario(json: object): Scenario {
  const read = readScenario({ name: 'test', ...json });
  if ('error' in read) throw new Error(read.error);
  return read.value;
}

const shareOf = (outcome: Outcome, role: string) => outcome.samples.at(-1)?.roles.get(role)?.share ?? Number.NaN;

describe('a simulation', () => {
  const eventful = {
    ...loadScenario('zoo'),
    until: 120,
    agents: loadScenario('zoo').agents.map((group) => ({ ...group, count: 5 })),
  };
  const faults = eventful.faults.map((fault) => ({ ...fault, at: 10 }));

  test('of the same seed is the same run, byte for byte, plot included', () => {
    const [one, other, another] = [1, 1, 2].map((seed) => simulate({ ...eventful, faults }, seed));
    assert.ok(one !== undefined && other !== undefined && another !== undefined);
    for (const show of [report, reportJson, plot]) assert.equal(show(one), show(other));
    assert.notEqual(reportJson(one), reportJson(another));
  });

  test('shares in proportion to weights, and counts what is used and what waits', () => {
    const tasks = [{ resources: 'cpus:1;mem:64', duration: 'exponential 20s' }];
    const outcome = simulate(
      scenario({
        until: '5m',
        agents: [{ count: 8, resources: 'cpus:4;mem:4096' }],
        roles: { heavy: { weight: 3 } },
        frameworks: [
          { name: 'a', role: 'heavy', per_offer: 1, tasks },
          { name: 'b', role: 'light', per_offer: 1, tasks },
          { name: 'c', role: 'vain', behaviour: 'picky', wants: 'rack:x', tasks: [{ ...tasks[0], count: 7 }] },
        ],
      }),
      1,
    );
    assert.ok(Math.abs(shareOf(outcome, 'heavy') - 0.75) < 0.05);
    assert.ok(Math.abs(shareOf(outcome, 'light') - 0.25) < 0.05);
    assert.equal(outcome.samples.at(-1)?.waiting, 7);
    assert.equal(shareOf(outcome, 'vain'), 0);
  });

  test('keeps a role within its limit, and room for the guarantee of another', () => {
    const tasks = [{ resources: 'cpus:1;mem:64', duration: '10m' }];
    const outcome = simulate(
      scenario({
        until: '3m',
        agents: [{ count: 4, resources: 'cpus:4;mem:4096' }],
        roles: { bounded: { limit: 'cpus:3;mem:4096' }, late: { guarantee: 'cpus:8;mem:1024' } },
        frameworks: [
          { name: 'a', role: 'bounded', tasks },
          { name: 'b', role: 'eager', tasks },
          { name: 'c', role: 'late', from: '1m', tasks: [{ ...tasks[0], count: 8 }] },
        ],
      }),
      1,
    );
    assert.ok(shareOf(outcome, 'bounded') <= 3 / 16);
    assert.equal(shareOf(outcome, 'late'), 0.5);
    assert.equal(outcome.roles.find(({ role }) => role === 'late')?.waiting, 0);
  });

  test('of three nodes lets the task of the one that died wait until it is back', () => {
    const outcome = simulate(loadScenario('three-nodes'), 1);
    const waiting = (minutes: number) => outcome.samples.find(({ at }) => at === minutes * 60)?.waiting;
    assert.deepEqual([8, 20, 38, 44].map(waiting), [0, 1, 1, 0]);
    assert.equal(outcome.roles[0]?.lost, 1);
  });

  test('of three nodes lets the task of the one that died run as soon as a fourth with 2 cpus joins', () => {
    const given = loadScenario('three-nodes');
    const [second] = given.agents.filter(({ name }) => name === 'second');
    assert.ok(second);
    const fourth = { ...second, name: 'fourth', resources: resourcesOf('cpus:2;mem:4096;disk:2048'), from: 25 * 60 };
    const outcome = simulate({ ...given, agents: [...given.agents, fourth] }, 1);
    const waiting = (minutes: number) => outcome.samples.find(({ at }) => at === minutes * 60)?.waiting;
    assert.deepEqual([8, 20, 24, 26, 44].map(waiting), [0, 1, 1, 0, 0]);
  });
});

describe('the order of roles', () => {
  // Shares after a while; all roles always want more, and `first` comes first.
  function shares(sorting: Sorting): Record<string, number> {
    const given = loadScenario('sorters');
    const short: Scenario = {
      ...given,
      until: 900,
      agents: given.agents.map((group) => ({ ...group, count: 10 })),
      master: { ...given.master, roleSorter: sorting, frameworkSorter: sorting },
    };
    const outcome = simulate(short, 1);
    return Object.fromEntries(outcome.roles.map(({ role }) => [role, shareOf(outcome, role)]));
  }

  const expected: Record<Sorting, (shares: Record<string, number>) => boolean> = {
    drf: ({ small = 0, large = 0, double = 0 }) =>
      Math.abs(small - large) < 0.05 && Math.abs(double - 2 * small) < 0.06,
    random: ({ small = 0, double = 0 }) => double > 1.3 * small && double < 3 * small,
    round_robin: ({ small = 0, double = 0 }) => Math.abs(small - double) < 0.2,
    priority: ({ double = 0 }) => double > 0.9,
    fifo: ({ small = 0 }) => small > 0.9,
  };
  for (const sorting of sortings) {
    test(`${sorting} gives the shares that docs/sorters.md tells of`, () => {
      const found = shares(sorting);
      assert.ok(expected[sorting](found), JSON.stringify(found));
    });
  }
});
