import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commandOf, parseOptions } from './options.ts';
import { type Fault, type FaultKind, faultKinds, scheduleOf } from './schedule.ts';
import { shapeOf } from './shape.ts';
import { workloadOf } from './workload.ts';

const shape = shapeOf({ masters: 3, dockerAgents: 2, processAgents: 2 });
const schedule = (seed: string, faults = 200): Fault[] => scheduleOf({ seed, faults, seconds: faults * 1.5, shape });

describe('the schedule of a chaos run', () => {
  it('follows from the seed alone', () => {
    fc.assert(fc.property(fc.string(), (seed) => assert.deepEqual(schedule(seed, 30), schedule(seed, 30))));
    assert.notDeepEqual(schedule('a'), schedule('b'));
  });

  it('comes in order, with every kind of fault in it', () => {
    const faults = schedule('a', 1000);
    assert.ok(faults.length > 950);
    assert.deepEqual(
      faults.map(({ at }) => at),
      faults.map(({ at }) => at).sort((one, other) => one - other),
    );
    const kinds = new Set(faults.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), Object.keys(faultKinds).sort());
  });

  it('does nothing to a daemon, or a link, that something is being done to', () => {
    for (const kinds of [
      ['kill', 'stop'],
      ['cut', 'slow', 'reset'],
    ] as FaultKind[][]) {
      for (const target of ['m1', 'a1', 'a3', 'z1']) {
        const own = schedule('a', 1000).filter((fault) => fault.target === target && kinds.includes(fault.kind));
        for (const [index, { at }] of own.entries()) {
          const before = own[index - 1];
          assert.ok(before === undefined || before.at + before.pause < at);
        }
      }
    }
  });

  it('does only what the world has', () => {
    const small = shapeOf({ masters: 1, dockerAgents: 0, processAgents: 1 });
    const targets = new Set(
      scheduleOf({ seed: 'a', faults: 500, seconds: 750, shape: small }).map(({ target }) => target),
    );
    assert.deepEqual([...targets].sort(), ['a1', 'm1', 's1']);
    const only = scheduleOf({ seed: 'a', faults: 50, seconds: 50, shape, kinds: ['disk'] });
    assert.deepEqual([...new Set(only.map(({ kind }) => kind))], ['disk']);
  });
});

describe('the workload of a chaos run', () => {
  it('follows from the seed alone, and has as many tasks as asked for', () => {
    const workload = (seed: string) => workloadOf({ seed, tasks: 100, seconds: 60, shape });
    assert.deepEqual(workload('a'), workload('a'));
    assert.notDeepEqual(workload('a'), workload('b'));
    const tasks = workload('a').flatMap((unit) => unit.tasks.map(({ id }) => id));
    assert.ok(tasks.length >= 100);
    assert.equal(new Set(tasks).size, tasks.length);
  });
});

describe('the options of a chaos run', () => {
  it('can be had again from the command that is printed', () => {
    const options = parseOptions(['--seed=x', '--faults=7', '--only=kill,cut'], () => 'random');
    const [, words = ''] = /-- (.*)/.exec(commandOf(options)) ?? [];
    assert.deepEqual(
      parseOptions(words.split(' '), () => 'other'),
      options,
    );
    assert.equal(parseOptions([], () => 'random').seed, 'random');
    assert.throws(() => parseOptions(['--only=rain'], () => ''), /rain is no kind of fault/);
  });
});
