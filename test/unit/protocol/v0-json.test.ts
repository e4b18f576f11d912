import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { double, embed, writeV0 } from '../../../protocol/v0-json.ts';

test('whatever JSON can say is written as JSON.stringify would', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      assert.equal(writeV0(value), JSON.stringify(value));
    }),
  );
});

test('doubles keep their point, and read back the same', () => {
  assert.equal(
    writeV0({ a: double(2), b: double(0.5), c: double(0), d: double(-(2 ** 53)), e: double(1e21) }),
    '{"a":2.0,"b":0.5,"c":0.0,"d":-9007199254740992.0,"e":1e+21}',
  );
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const written = writeV0(double(value));
      assert.match(written, /[.e]/);
      assert.equal(JSON.parse(written), value === 0 ? 0 : value);
    }),
  );
});

test('messages stand in documents as the v1 API writes them', () => {
  const resource = { name: 'cpus', type: 'SCALAR', scalar: { value: 2 } } as const;
  assert.equal(writeV0([embed('Resource', resource)]), '[{"name":"cpus","type":"SCALAR","scalar":{"value":2.0}}]');
});

test('what is undefined is left out, what is not finite is a string', () => {
  assert.equal(writeV0({ a: undefined, b: double(Number.POSITIVE_INFINITY), c: null }), '{"b":"Infinity","c":null}');
});
