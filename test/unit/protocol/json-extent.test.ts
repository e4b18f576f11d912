import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostValues } from '../../../protocol/decoded.ts';
import { decodeJson } from '../../../protocol/json-codec.ts';
import { excessOf } from '../../../protocol/json-extent.ts';
import { decodeProtobuf } from '../../../protocol/protobuf-codec.ts';

const padding = ' '.repeat(1024 * 1024);

test('a text of millions of values is not parsed', () => {
  const text = Buffer.from(`{"a":[${'{},'.repeat(mostValues / 2)}{}]}`);
  assert.match(excessOf(text) ?? '', /more than 3000000 values/);
  const decoded = decodeJson('SchedulerCall', text);
  assert.deepEqual(decoded.ok || decoded.error, 'The JSON has more than 3000000 values');
});

test('a long text that is nested without end is not parsed', () => {
  assert.match(excessOf(Buffer.from(`${padding}${'['.repeat(10_001)}`)) ?? '', /deep/);
  assert.equal(
    excessOf(Buffer.from(`${padding}${'[{'.repeat(4_000)}${'}]'.repeat(4_000)}${'['.repeat(9_000)}`)),
    undefined,
  );
});

test('what stands in strings does not count', () => {
  const string = JSON.stringify({ a: `"\\"${'[,{\\'.repeat(mostValues / 2)}`, b: [1, { c: 2 }] });
  assert.equal(excessOf(Buffer.from(string)), undefined);
});

test('a protobuf message of millions of elements is refused', () => {
  const offers = Buffer.alloc(2 * (mostValues + 1));
  for (let at = 0; at < offers.length; at += 2) offers[at] = 0x0a;
  const length = [
    (offers.length & 127) | 128,
    ((offers.length >> 7) & 127) | 128,
    ((offers.length >> 14) & 127) | 128,
    offers.length >> 21,
  ];
  const decoded = decodeProtobuf('SchedulerCall', Buffer.concat([Buffer.from([0x10, 0x04, 0x22, ...length]), offers]));
  assert.deepEqual(decoded.ok || decoded.error, 'The message has more than 3000000 elements');
});
