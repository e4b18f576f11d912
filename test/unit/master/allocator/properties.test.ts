import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sortings } from '../../../../master/allocator/sorting.ts';
import { AllocatorHistory, type Event, eventKinds } from '../../../support/allocator-history.ts';

/** How many histories; `MESITA_TEST_RUNS=100000` looks for what is rare. */
const runs = Number(process.env.MESITA_TEST_RUNS ?? 150);

const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom(...eventKinds),
  pick: fc.nat(60),
  more: fc.nat(60),
});

/** A small cluster to begin with, so that there is something to share. */
const beginning: Event[] = (['join', 'join', 'join', 'subscribe', 'subscribe', 'allocate'] as const).map(
  (kind, index) => ({ kind, pick: index, more: index }),
);

for (const sorting of sortings) {
  test(`whatever happens under ${sorting}, nothing is given twice, sums are kept, limits hold, and a cycle that looks at what changed gives what a whole one gives`, () => {
    let allocations = 0;
    fc.assert(
      fc.property(fc.nat(1e6), fc.array(event, { maxLength: 70, size: 'max' }), (seed, events) => {
        const history = new AllocatorHistory(seed, { roleSorter: sorting, frameworkSorter: sorting });
        for (const one of [...beginning, ...events]) history.happen(one);
        history.happen({ kind: 'allocate', pick: 0, more: 0 });
        history.checkSums();
        allocations += history.allocations;
      }),
      { numRuns: sorting === 'drf' ? runs : Math.ceil(runs / 5) },
    );
    assert.ok(allocations > runs, 'hardly anything was allocated');
  });
}

test('nothing is given twice, sums are kept and limits hold also when things happen in the middle of a cycle', () => {
  let allocations = 0;
  fc.assert(
    fc.property(
      fc.nat(1e6),
      fc.constantFrom(...sortings),
      fc.array(event, { maxLength: 90, size: 'max' }),
      (seed, sorting, events) => {
        const history = new AllocatorHistory(seed, { roleSorter: sorting, frameworkSorter: sorting }, true);
        for (const one of [...beginning, ...events]) history.happen(one);
        history.checkSums();
        allocations += history.allocations;
      },
    ),
    { numRuns: runs },
  );
  assert.ok(allocations > runs, 'hardly anything was allocated');
});
