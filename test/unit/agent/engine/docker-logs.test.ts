import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { demultiplex } from '../../../../agent/engine/docker-logs.ts';

const never = new AbortController().signal;

function frame(stream: number, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

function sink(highWaterMark = 4): { stream: Writable; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

test('frames come out whole and in order, wherever the chunks are cut', async () => {
  const frames = fc.array(fc.record({ stream: fc.constantFrom(1, 2), content: fc.uint8Array({ maxLength: 40 }) }), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 30 }), async (given, step) => {
      const all = Buffer.concat(given.map(({ stream, content }) => frame(stream, Buffer.from(content))));
      const chunks: Buffer[] = [];
      for (let at = 0; at < all.length; at += step) chunks.push(all.subarray(at, at + step));
      const out = sink();
      const err = sink();
      await demultiplex(Readable.from(chunks), { stdout: out.stream, stderr: err.stream }, never);
      const expected = (wanted: number) =>
        Buffer.concat(given.filter(({ stream }) => stream === wanted).map(({ content }) => Buffer.from(content)));
      assert.ok(out.bytes().equals(expected(1)));
      assert.ok(err.bytes().equals(expected(2)));
    }),
    { numRuns: 60 },
  );
});

test('a slow sink holds the source back', async () => {
  let taken = 0;
  async function* source(): AsyncGenerator<Buffer> {
    for (; taken < 50; taken += 1) yield frame(1, Buffer.alloc(1000));
  }
  let release: () => void = () => {};
  const slow = new Writable({
    highWaterMark: 1000,
    write(_chunk, _encoding, done) {
      release = done;
    },
  });
  const abort = new AbortController();
  const done = demultiplex(source(), { stdout: slow, stderr: slow }, abort.signal);
  done.catch(() => {});
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(taken < 3, `${taken} frames were taken`);
  release();
  abort.abort(new Error('enough'));
  await assert.rejects(done);
});
