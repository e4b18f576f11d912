import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsGzip } from '../../../runtime/http-compression.ts';

test('gzip is taken by its name or by *, unless its weight is 0', () => {
  for (const header of ['gzip', 'deflate, gzip', 'GZIP', 'gzip;q=0.5', '*', 'gzip, *;q=0', 'identity , gzip ; q=1']) {
    assert.ok(acceptsGzip(header), header);
  }
  for (const header of [undefined, '', 'deflate', 'gzip;q=0', 'gzip;q=0.000', '*;q=0', '*, gzip;q=0', 'x-gzipped']) {
    assert.ok(!acceptsGzip(header), String(header));
  }
});
