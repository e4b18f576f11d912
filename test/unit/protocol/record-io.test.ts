import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeRecord, RecordDecoder } from '../../../protocol/record-io.ts';

function cut(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let position = 0;
  for (const size of sizes) {
    chunks.push(stream.subarray(position, position + size));
    position += size;
  }
  chunks.push(stream.subarray(position));
  return chunks;
}

const payloads = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 8 },
);

test('records come out as they went in, wherever the stream is cut', () => {
  fc.assert(
    fc.property(payloads, fc.array(fc.nat({ max: 30 })), (records, sizes) => {
      const decoder = new RecordDecoder({ maximumLength: 40 });
      const results = cut(Buffer.concat(records.map(encodeRecord)), sizes).map((chunk) => decoder.push(chunk));
      assert.deepEqual(
        results.flatMap((result) => result.records),
        records,
      );
      assert.ok(results.every((result) => result.error === undefined));
      assert.equal(decoder.atBoundary, true);
    }),
  );
});

test('every way of cutting a short stream in two yields the same records', () => {
  const stream = Buffer.from('3\nabc0\n12\nhello, world');
  for (let at = 0; at <= stream.length; at++) {
    const decoder = new RecordDecoder({ maximumLength: 100 });
    const records = cut(stream, [at]).flatMap((chunk) => decoder.push(chunk).records.map(String));
    assert.deepEqual(records, ['abc', '', 'hello, world']);
  }
});

test('the length counts bytes, not characters', () => {
  assert.deepEqual(encodeRecord('é'), Buffer.from('2\né'));
  assert.deepEqual(encodeRecord(Buffer.from([1, 2])), Buffer.from([0x32, 0x0a, 1, 2]));
});

test('a bad header ends the stream for good, after the records before it', () => {
  for (const bad of ['x', '-1\n', ' 1\n', '1 \n', '\n', '1\r\n', '123456789012345678901']) {
    const decoder = new RecordDecoder({ maximumLength: 100 });
    const { records, error } = decoder.push(Buffer.from(`2\nok${bad}`));
    assert.deepEqual(records.map(String), ['ok'], bad);
    assert.equal(typeof error, 'string', bad);
    assert.deepEqual(decoder.push(Buffer.from('2\nok')), { records: [], error });
    assert.equal(decoder.atBoundary, false);
  }
});

test('a record over the cap is refused from its header alone', () => {
  const decoder = new RecordDecoder({ maximumLength: 10 });
  assert.equal(decoder.push(Buffer.from('10\n0123456789')).error, undefined);
  assert.match(decoder.push(Buffer.from('11\n')).error ?? '', /11 bytes/);
});

test('a stream that ends within a record or its header is not at a boundary', () => {
  for (const part of ['1', '1\n', '2\na']) {
    const decoder = new RecordDecoder({ maximumLength: 10 });
    decoder.push(Buffer.from(part));
    assert.equal(decoder.atBoundary, false, part);
  }
});
