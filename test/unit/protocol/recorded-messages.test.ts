import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeJson, encodeJson } from '../../../protocol/json-codec.ts';
import type { Messages } from '../../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../../protocol/protobuf-codec.ts';

// What a real Mesos 1.11 master and agent sent: one message of each shape met in the recorded sessions.

type Recorded = { type: keyof Messages; from: string } & ({ json: string } | { protobuf: string });

const recorded = readFileSync(new URL('./fixtures/recorded-messages.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as Recorded);

/**
 * The recorded text in mesita's spelling, which differs twice on purpose: characters beyond ASCII are escaped, and
 * doubles are written in the shortest form (Mesos' printer sometimes misses it in the last digit; the value is the same).
 */
function inOurSpelling(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:e[-+]?\d+)?/g, (token) => {
    if (token.startsWith('"')) {
      return token.replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
    const value = Number(token);
    return Number.isInteger(value) ? `${value}.0` : String(value);
  });
}

test('JSON that a real master or agent sent decodes, and encodes to the same text', () => {
  let count = 0;
  for (const message of recorded) {
    if (!('json' in message)) continue;
    const decoded = decodeJson(message.type, message.json);
    assert.ok(decoded.ok, `${message.from}: ${message.json}`);
    assert.equal(encodeJson(message.type, decoded.value), inOurSpelling(message.json));
    count++;
  }
  assert.ok(count > 100);
});

test('protobuf that a real master or agent sent decodes, and encodes to the same bytes', () => {
  let count = 0;
  for (const message of recorded) {
    if (!('protobuf' in message)) continue;
    const bytes = Buffer.from(message.protobuf, 'base64');
    const decoded = decodeProtobuf(message.type, bytes);
    assert.ok(decoded.ok, `${message.from}: ${message.protobuf}`);
    assert.deepEqual(encodeProtobuf(message.type, decoded.value), bytes);
    count++;
  }
  assert.ok(count > 10);
});

test('a recorded message is the same object by way of JSON and by way of protobuf', () => {
  for (const message of recorded) {
    if (!('json' in message)) continue;
    const first = decodeJson(message.type, message.json);
    assert.ok(first.ok);
    const second = decodeProtobuf(message.type, encodeProtobuf(message.type, first.value));
    assert.ok(second.ok);
    // Empty lists are the one thing that JSON can say here and protobuf cannot.
    assert.equal(
      encodeJson(message.type, second.value),
      inOurSpelling(message.json)
        .replace(/,?"\w+":\[\]/g, '')
        .replace(/\{,/g, '{'),
    );
  }
});
