import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { covers, minus, plus } from '../../../../master/allocator/amount.ts';
import { Kinds, type Lot, resourcesOf } from '../../../../master/allocator/kind.ts';
import { ScalarNames } from '../../../../master/allocator/quantities.ts';
import type { Resource } from '../../../../protocol/messages.ts';
import { add, contains, normalize, subtract } from '../../../../protocol/resources.ts';

const port = fc.tuple(fc.nat(30), fc.nat(6)).map(([begin, length]) => ({ begin, end: begin + length }));
const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc
    .integer({ min: 1, max: 9000 })
    .map((value): Resource => ({ name: 'x', type: 'SCALAR', scalar: { value: value / 1000 } })),
  fc
    .array(port, { minLength: 1, maxLength: 6 })
    .map((range): Resource => ({ name: 'x', type: 'RANGES', ranges: { range } })),
  fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 })
    .map((item): Resource => ({ name: 'x', type: 'SET', set: { item } })),
);
const kinds = new Kinds(new ScalarNames());

function lot(one: Resource): Lot {
  const [first] = kinds.lotsOf(normalize([one]));
  if (first === undefined) throw new Error('nothing of it');
  return first;
}

test('amounts are added, taken away and compared as resources are', () => {
  fc.assert(
    fc.property(resource, resource, (one, other) => {
      fc.pre(one.type === other.type);
      const [left, right] = [lot(one), lot(other)];
      const [whole, part] = [normalize([one]), normalize([other])];
      const shown = (amount: Lot['amount']) => resourcesOf([{ kind: left.kind, amount }]);
      assert.deepEqual(shown(plus(left.amount, right.amount)), add(whole, part));
      const rest = subtract(whole, part);
      if (rest.length > 0) assert.deepEqual(shown(minus(left.amount, right.amount)), rest);
      assert.equal(covers(left.amount, right.amount), contains(whole, part));
      assert.ok(covers(plus(left.amount, right.amount), left.amount));
    }),
    { numRuns: 500 },
  );
});
