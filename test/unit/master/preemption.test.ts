import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Holding,
  type Plan,
  planPreemption,
  type Spare,
  type Unit,
  type Want,
} from '../../../master/preemption.ts';
import { addQuantities, excessOver, type Quantities } from '../../../master/quantities.ts';

const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 500);

const amounts = (cpus: number, mem = 0): Quantities =>
  new Map(Object.entries({ cpus, mem }).filter(([, value]) => value));

function unit(id: string, role: string, cpus: number, change: Partial<Unit> = {}): Unit {
  return { id, role, priority: [1, 0], since: 0, amounts: amounts(cpus), ...change };
}

function want(lacking: Quantities, least: Quantities, change: Partial<Want> = {}): Want {
  const waiting = [{ framework: 'W', role: 'w', least, refused: undefined }];
  return { lacking, left: new Map(), surplus: new Map(), waiting, ...change };
}

function holding(units: Unit[], free = amounts(0), offered = amounts(0), agent = 'S1'): Holding {
  return { agent, free, offered, units };
}

const spare = (...entries: [string, Quantities][]): Spare => new Map(entries);
const victims = (plan: Plan | undefined) => plan?.victims.map(({ id }) => id).sort();
const plan = (wanted: Want, holdings: Holding[], beyond: Spare = spare()) =>
  planPreemption(wanted, holdings, beyond, () => true);

describe('preemption', () => {
  test('ends the newest units first, and of those no more than are needed', () => {
    const units = ['a', 'b', 'c'].map((id, since) => unit(id, 'o', 1, { since }));
    assert.deepEqual(victims(plan(want(amounts(4), amounts(2)), [holding(units)])), ['b', 'c']);
  });

  test('ends one that is enough alone rather than several', () => {
    const units = [
      unit('large', 'o', 2, { since: 1 }),
      unit('s1', 'o', 1, { since: 3 }),
      unit('s2', 'o', 1, { since: 2 }),
    ];
    assert.deepEqual(victims(plan(want(amounts(2), amounts(2)), [holding(units)])), ['large']);
  });

  test('ends lower priorities first, of roles before frameworks', () => {
    const units = [
      unit('high', 'o', 2, { priority: [2, 0], since: 9 }),
      unit('low', 'p', 2, { priority: [1, 5] }),
      unit('lowest', 'p', 2, { priority: [1, 1] }),
    ];
    assert.deepEqual(victims(plan(want(amounts(2), amounts(2)), [holding(units)])), ['lowest']);
    assert.deepEqual(victims(plan(want(amounts(9), amounts(3)), [holding(units)])), ['low', 'lowest']);
  });

  test('goes to the agent where it hurts least', () => {
    const many = holding([unit('a', 'o', 1), unit('b', 'o', 1)]);
    const one = holding([unit('c', 'o', 2)], amounts(0), amounts(0), 'S2');
    assert.equal(plan(want(amounts(2), amounts(2)), [many, one])?.agent, 'S2');
  });

  test('takes offers of others back before it ends anything', () => {
    const offered = holding([unit('a', 'o', 4)], amounts(0), amounts(4), 'S2');
    const held = holding([unit('b', 'o', 4)]);
    assert.deepEqual(plan(want(amounts(4), amounts(4)), [held, offered])?.victims, []);
  });

  test('does nothing where something useful is free or coming', () => {
    assert.equal(plan(want(amounts(4), amounts(2)), [holding([unit('a', 'o', 4)], amounts(2))]), undefined);
  });

  test('does nothing where no agent could place what waits', () => {
    const small = ['S1', 'S2'].map((agent) => holding([unit(agent, 'o', 2)], amounts(0), amounts(0), agent));
    assert.equal(plan(want(amounts(4), amounts(3)), small), undefined);
    // Of what is lacking no more is offered than that.
    assert.equal(plan(want(amounts(2), amounts(3)), [holding([unit('a', 'o', 8)])]), undefined);
  });

  test('does nothing for an offer that was refused, with more or less of it', () => {
    const wanted = want(amounts(8), amounts(1));
    const refusing = wanted.waiting.map((waiting) => ({ ...waiting, refused: amounts(4) }));
    assert.equal(plan({ ...wanted, waiting: refusing }, [holding([unit('a', 'o', 4)])]), undefined);
    assert.deepEqual(victims(plan({ ...wanted, waiting: refusing }, [holding([unit('a', 'o', 5)])])), ['a']);
  });

  test('leaves every role what is guaranteed to it', () => {
    const units = [unit('a', 'o', 2, { since: 3 }), unit('b', 'o', 2, { since: 2 }), unit('c', 'p', 2)];
    const wanted = want(amounts(4), amounts(4));
    assert.deepEqual(victims(plan(wanted, [holding(units)], spare(['o', amounts(3)]))), ['a', 'c']);
    assert.equal(plan(wanted, [holding(units)], spare(['o', new Map([['cpus', 1]])])), undefined);
  });

  test('does nothing of what is not lacking, where guarantees of others need it', () => {
    const both = unit('a', 'o', 2, { amounts: amounts(2, 64) });
    const wanted = want(amounts(2), amounts(2, 64));
    assert.deepEqual(victims(plan(wanted, [holding([both])])), ['a']);
    assert.equal(plan({ ...wanted, surplus: new Map([['mem', -32]]) }, [holding([both])]), undefined);
  });

  test('passes over agents that the framework cannot be offered', () => {
    const wanted = want(amounts(2), amounts(2));
    assert.equal(
      planPreemption(wanted, [holding([unit('a', 'o', 2)])], spare(), () => false),
      undefined,
    );
  });

  const small = fc.integer({ min: 0, max: 4 });
  const some = fc.record({ cpus: small, mem: small }).map(({ cpus, mem }) => amounts(cpus, mem));
  const anyUnit = fc.record({
    role: fc.constantFrom('o', 'p', 'q'),
    priority: fc.tuple(small, small),
    since: small,
    amounts: some,
  });
  const anyHolding = fc.record({ free: some, offered: some, units: fc.array(anyUnit, { maxLength: 8 }) });
  const exact = (cpus: number, mem: number): Quantities => new Map(Object.entries({ cpus, mem }));
  const anySpare = fc
    .tuple(small, small, small, small)
    .map(([a, b, c, d]) => spare(['o', exact(a, b)], ['p', exact(c, d)]));

  test('of anything keeps guarantees, and ends nothing without which the offer would do', () => {
    fc.assert(
      fc.property(some, some, fc.array(anyHolding, { maxLength: 4 }), anySpare, (lacking, least, given, beyond) => {
        const holdings = given.map(({ free, offered, units }, index) => ({
          agent: `S${index}`,
          free,
          offered,
          units: units.map((one, place) => ({ ...one, id: `${index}-${place}` })),
        }));
        const wanted = want(lacking, least);
        const made = plan(wanted, holdings, beyond);
        if (made === undefined) return;
        const host = holdings.find(({ agent }) => agent === made.agent);
        assert.ok(host);
        const taken = (role: string) => total(made.victims.filter((one) => one.role === role));
        for (const [role, left] of beyond)
          assert.deepEqual(
            [...excessOver(taken(role), left).keys()].filter((name) => left.has(name)),
            [],
          );
        const offer = (units: readonly Unit[]) => addQuantities(addQuantities(host.free, host.offered), total(units));
        assert.equal(excessOver(least, offer(made.victims)).size, 0);
        // Without any of them it is a plan no more, whatever is done about the others.
        for (const victim of made.victims) {
          const rest = made.victims.filter((one) => one !== victim);
          const without = plan(wanted, [{ ...host, units: rest }], beyond);
          assert.equal(without, undefined);
        }
      }),
      { numRuns },
    );
  });
});

function total(units: readonly Unit[]): Quantities {
  return units.map((one) => one.amounts).reduce(addQuantities, new Map());
}
