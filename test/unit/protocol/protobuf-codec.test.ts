import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage, isMediaType, prepareCodecs } from '../../../protocol/codec.ts';
import type { Messages } from '../../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../../protocol/protobuf-codec.ts';

// The bytes here are written by hand from the wire format: tag = number * 8 + wire type.

function decoded<Name extends keyof Messages>(type: Name, bytes: number[]): Messages[Name] {
  const result = decodeProtobuf(type, Buffer.from(bytes));
  assert.ok(result.ok, result.ok ? '' : result.error);
  return result.value;
}

function error(type: keyof Messages, bytes: number[]): string {
  const result = decodeProtobuf(type, Buffer.from(bytes));
  assert.ok(!result.ok);
  return result.error;
}

test('fields go out in the order of their numbers', () => {
  const address = encodeProtobuf('Address', { port: 1, ip: 'i', hostname: 'h' });
  assert.deepEqual([...address], [0x0a, 1, 0x68, 0x12, 1, 0x69, 0x18, 1]);
});

test('defaults are neither sent nor filled in', () => {
  assert.equal(encodeProtobuf('Filters', {}).length, 0);
  assert.deepEqual(decoded('Filters', []), {});
});

test('fields that the schema does not know are skipped, whatever their wire type', () => {
  const unknown = [0xa0, 0x06, 7, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 0x06, 2, 9, 9, 0xa5, 0x06, 1, 2, 3, 4];
  assert.deepEqual(decoded('FrameworkID', [...unknown, 0x0a, 1, 0x66, ...unknown]), { value: 'f' });
});

test('a known field of another wire type counts as unknown', () => {
  assert.deepEqual(decoded('FrameworkID', [0x08, 5, 0x0a, 1, 0x66]), { value: 'f' });
});

test('unknown enum numbers are dropped; a required one is then missing', () => {
  assert.deepEqual(decoded('SchedulerCall', [0x10, 0x7f]), {});
  assert.equal(error('ValueRange', [0x08, 1]), 'Missing required fields: end');
});

test('a message that comes in two parts is one message', () => {
  const parts = [0x0a, 3, 0x0a, 1, 0x61, 0x0a, 5, 0x12, 3, 0x0a, 1, 0x62];
  assert.deepEqual(decoded('TaskStatus', [...parts, 0x10, 1]).task_id, { value: 'a' });
  const duration = [0x08, 5, 0x10, 6];
  assert.deepEqual(decoded('Duration', [...duration, 0x08, 7]), { seconds: 7, nanos: 6 });
});

test('a later member of a oneof replaces an earlier one', () => {
  const selector = decoded('SchedulerAttributeConstraintSelector', [0x08, 1, 0x12, 1, 0x61]);
  assert.equal(selector.pseudoattribute_type, undefined);
  assert.equal(selector.attribute_name, 'a');
});

test('64-bit integers are exact, and bigints only beyond the safe ones', () => {
  for (const value of [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    assert.deepEqual(decodeProtobuf('TimeInfo', encodeProtobuf('TimeInfo', { nanoseconds: value })), {
      ok: true,
      value: { nanoseconds: value },
    });
  }
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)]) {
    const message = { nanoseconds: value as unknown as number };
    assert.deepEqual(decodeProtobuf('TimeInfo', encodeProtobuf('TimeInfo', message)), { ok: true, value: message });
  }
});

test('bytes that are cut short, overrun or have no field number are refused', () => {
  assert.equal(typeof error('FrameworkID', [0x0a, 5, 0x66]), 'string');
  assert.equal(typeof error('FrameworkID', [0x0a]), 'string');
  assert.equal(typeof error('FrameworkID', [0xff, 0xff, 0xff, 1, 2]), 'string');
  assert.equal(typeof error('FrameworkID', [0x02, 0]), 'string');
  assert.equal(typeof error('TaskStatus', [0x0a, 1, 0x0a, 1, 0x61]), 'string');
});

test('nesting ends at a hundred', () => {
  let bytes = encodeProtobuf('ContainerID', { value: 'a' });
  for (let depth = 1; depth < 200; depth++) {
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
    bytes = Buffer.concat([Buffer.from([0x0a, 1, 0x61, 0x12, ...length]), bytes]);
    if (depth === 99) assert.equal(decodeProtobuf('ContainerID', bytes).ok, true);
    if (depth === 100) assert.equal(decodeProtobuf('ContainerID', bytes).ok, false);
  }
});

test('a message without a required field or with an enum name that does not exist is not encoded', () => {
  assert.throws(() => encodeProtobuf('FrameworkID', {} as Messages['FrameworkID']), { code: 'MESITA_MESSAGE_INVALID' });
  const call = { type: 'BOGUS' } as unknown as Messages['SchedulerCall'];
  assert.throws(() => encodeProtobuf('SchedulerCall', call), { code: 'MESITA_MESSAGE_INVALID' });
});

test('both media types give the same object back', () => {
  prepareCodecs();
  const message = { type: 'HEARTBEAT' } as const;
  for (const mediaType of ['application/json', 'application/x-protobuf'] as const) {
    const bytes = encodeMessage(mediaType, 'SchedulerEvent', message);
    assert.deepEqual(decodeMessage(mediaType, 'SchedulerEvent', bytes), { ok: true, value: message });
    assert.equal(isMediaType(mediaType), true);
  }
  assert.equal(isMediaType('application/recordio'), false);
});
