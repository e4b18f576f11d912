import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, formatBytes } from '../../../runtime/bytes-flag.ts';

test('a size is a whole number and a unit', () => {
  assert.deepEqual(bytes('2GB'), { value: 2 ** 31 });
  assert.deepEqual(bytes('0B'), { value: 0 });
  for (const text of ['', '2', '2gb', '1.5GB', '-1B', 'GB', '99999999999TB']) assert.ok('error' in bytes(text), text);
});

test('a size is printed as it is read', () => {
  assert.equal(formatBytes(2 ** 31), '2GB');
  assert.equal(formatBytes(1536), '1536B');
  fc.assert(fc.property(fc.nat(), (size) => assert.deepEqual(bytes(formatBytes(size)), { value: size })));
});
