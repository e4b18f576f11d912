import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { knownScenarios, loadScenario } from '../../../simulator/main.ts';
import { readScenario } from '../../../simulator/scenario-reader.ts';

const whole = {
  name: 'x',
  until: '1h',
  agents: [{ resources: 'cpus:1' }],
  frameworks: [{ name: 'f', tasks: [{ resources: 'cpus:1', duration: '1s' }] }],
};

describe('a scenario', () => {
  test('of a few keys is filled up with defaults', () => {
    const read = readScenario(whole);
    assert.ok('value' in read);
    assert.equal(read.value.until, 3600);
    assert.equal(read.value.frameworks[0]?.behaviour, 'polite');
    assert.equal(read.value.master.roleSorter, 'drf');
  });

  for (const [what, change, error] of [
    ['is no object', [], 'the scenario: expected an object, found a list'],
    ['lacks a key', { ...whole, until: undefined }, 'until: missing'],
    [
      'has an unknown key',
      { ...whole, faults: [{ kind: 'agent-dies', at: '1s', wen: 1 }] },
      'faults[0].wen: unknown key',
    ],
    [
      'has a value of another type',
      { ...whole, agents: [{ resources: 'cpus:1', count: '3' }] },
      'agents[0].count: expected a whole number from 1 to 1000000, found "3"',
    ],
    ['has a time that is none', { ...whole, until: '5 parsecs' }, "until: expected a time such as '90s'"],
    [
      'has resources that are none',
      { ...whole, agents: [{ resources: 'cpus=1' }] },
      'agents[0].resources: expected name:value',
    ],
    [
      'names a behaviour that there is not',
      { ...whole, frameworks: [{ name: 'f', behaviour: 'rude' }] },
      'frameworks[0].behaviour: expected one of polite, greedy',
    ],
    [
      'has a picky framework without a wish',
      { ...whole, frameworks: [{ name: 'f', behaviour: 'picky' }] },
      'frameworks[0].wants: a picky framework needs',
    ],
    [
      'lets a fault befall a group that there is not',
      { ...whole, faults: [{ kind: 'agent-dies', at: '1s', among: 'f' }] },
      "faults[0].among: there is no group 'f'; there are agents",
    ],
  ] as const) {
    test(`that ${what} is refused, and the error says where`, () => {
      const read = readScenario(change);
      assert.ok('error' in read);
      assert.equal(read.error.slice(0, error.length), error);
    });
  }

  test('that comes with mesita is valid, and has the name of its file', () => {
    for (const { name, about } of knownScenarios()) {
      assert.equal(loadScenario(name).name, name);
      assert.notEqual(about, '', name);
    }
  });

  test('that there is not is told with those that there are', () => {
    assert.throws(() => loadScenario('nosuch'), { code: 'MESITA_SCENARIO_INVALID', message: /one of .*three-nodes/ });
  });
});
