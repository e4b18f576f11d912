import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalText, sameContent } from '../../../protocol/same-content.ts';

const leaf = fc.oneof(fc.constantFrom('', '1', 'a', undefined, null, true, 0, 1, 1.5), fc.nat(3));
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
}));

test('two messages say the same exactly if they have the same canonical text', () => {
  fc.assert(
    fc.property(value.object, value.object, (left, right) => {
      assert.equal(sameContent(left, right), canonicalText(left) === canonicalText(right));
      assert.ok(sameContent(left, structuredClone(left)));
    }),
    { numRuns: 2000 },
  );
});

test('absent members and the order of members do not count', () => {
  assert.ok(sameContent({ a: 1, b: undefined, c: [{ d: 'x' }] }, { c: [{ d: 'x' }], a: 1 }));
  assert.ok(!sameContent({ a: 1 }, { a: '1' }));
});
