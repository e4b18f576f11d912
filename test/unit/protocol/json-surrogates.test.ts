import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeJson } from '../../../protocol/json-codec.ts';
import { halfSurrogateIn } from '../../../protocol/json-surrogates.ts';

test('half of a surrogate pair is no JSON', () => {
  for (const text of [
    '\\ud800',
    'a\\uDFFF',
    '\\\\\\ud800',
    '\\ud800\\ud800',
    '\\udc00\\ud800',
    '\\ud83d\\ude00\\ude00',
    '\\ud800x',
  ]) {
    assert.notEqual(halfSurrogateIn(`"${text}"`), -1, text);
  }
  const decoded = decodeJson('FrameworkID', '{"value":"a\\ud800b"}');
  assert.deepEqual(decoded.ok || decoded.error, 'syntax error at line 1 near: \\ud800b"}');
});

test('whole pairs, and backslashes that are characters, are', () => {
  for (const text of [
    '\\ud83d\\ude00',
    '\\\\ud800',
    '\\\\\\\\udc00',
    '\\u0041\\ud83d\\uDE00\\u0042',
    '\\ud7ff\\ue000',
  ]) {
    assert.equal(halfSurrogateIn(`"${text}"`), -1, text);
  }
});

test('what is found is what makes a parsed string malformed', () => {
  const unit = fc.constantFrom('\\ud83d', '\\ude00', '\\\\', 'x', '\\u0041', '\\uD800');
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 8 }), (units) => {
      const text = `"${units.join('')}"`;
      assert.equal(halfSurrogateIn(text) === -1, (JSON.parse(text) as string).isWellFormed());
    }),
  );
});
