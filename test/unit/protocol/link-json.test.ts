import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkJson } from '../../../protocol/link-json.ts';

test('a message of the link keeps infinite limits, nulls and words that look like either', () => {
  const message = {
    limits: { cpus: { value: Number.POSITIVE_INFINITY }, mem: { value: 1 } },
    words: ['Infinity', null],
  };
  assert.deepEqual(JSON.parse(linkJson(message)), message);
});
