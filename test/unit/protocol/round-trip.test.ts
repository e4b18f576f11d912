import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeJson, encodeJson } from '../../../protocol/json-codec.ts';
import type { Messages } from '../../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../../protocol/protobuf-codec.ts';
import { schema } from '../../../protocol/schema.ts';
import { ArbitraryMessages, withDefaults } from './arbitrary-message.ts';

const names = [...schema.messages.keys()] as (keyof Messages)[];
const runs = { numRuns: 15 };

test('every message comes back from protobuf as it was', () => {
  const messages = new ArbitraryMessages();
  for (const name of names) {
    fc.assert(
      fc.property(messages.of(name), (message) => {
        const decoded = decodeProtobuf(name, encodeProtobuf(name, message));
        assert.ok(decoded.ok, name);
        assert.deepEqual(decoded.value, message, name);
      }),
      runs,
    );
  }
});

test('every message comes back from JSON as it was, with its explicit defaults', () => {
  const messages = new ArbitraryMessages();
  for (const name of names) {
    fc.assert(
      fc.property(messages.of(name), (message) => {
        const text = encodeJson(name, message);
        assert.match(text, /^[ -~]*$/);
        const decoded = decodeJson(name, text);
        assert.ok(decoded.ok, name);
        assert.deepEqual(decoded.value, withDefaults(name, message), name);
        assert.equal(encodeJson(name, decoded.value), text, name);
      }),
      runs,
    );
  }
});

test('JSON → object → protobuf → object → JSON gives the same text', () => {
  const messages = new ArbitraryMessages();
  for (const name of names) {
    fc.assert(
      fc.property(messages.of(name), (message) => {
        const text = encodeJson(name, message);
        const first = decodeJson(name, text);
        assert.ok(first.ok, name);
        const second = decodeProtobuf(name, encodeProtobuf(name, first.value));
        assert.ok(second.ok, name);
        assert.equal(encodeJson(name, second.value), text, name);
      }),
      runs,
    );
  }
});

test('bytes that are no message yield an error, never an exception', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 200 }), (name, bytes) => {
      assert.equal(typeof decodeProtobuf(name, bytes).ok, 'boolean');
      assert.equal(typeof decodeJson(name, bytes).ok, 'boolean');
    }),
    { numRuns: 2000 },
  );
});

test('a message that is cut short or has bytes changed yields a message or an error, never an exception', () => {
  const messages = new ArbitraryMessages();
  for (const name of ['SchedulerCall', 'SchedulerEvent', 'ExecutorCall', 'MasterCall', 'AgentCall'] as const) {
    fc.assert(
      fc.property(messages.of(name), fc.nat(), fc.nat({ max: 255 }), (message, at, byte) => {
        for (const bytes of [encodeProtobuf(name, message), Buffer.from(encodeJson(name, message))]) {
          const changed = Buffer.from(bytes);
          if (changed.length > 0) changed[at % changed.length] = byte;
          for (const input of [changed, bytes.subarray(0, at % (bytes.length + 1))]) {
            assert.equal(typeof decodeProtobuf(name, input).ok, 'boolean');
            assert.equal(typeof decodeJson(name, input).ok, 'boolean');
          }
        }
      }),
      { numRuns: 100 },
    );
  }
});

test('any JSON value yields a message or an error, never an exception', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, value) => {
      assert.equal(typeof decodeJson(name, JSON.stringify(value)).ok, 'boolean');
    }),
    { numRuns: 1000 },
  );
});
