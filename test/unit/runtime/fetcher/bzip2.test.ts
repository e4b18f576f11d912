import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decompressBzip2 } from '../../../../runtime/fetcher/bzip2.ts';

/** "mesita\n" ten times, as bzip2 -9 writes it. */
const tenLines = Buffer.from('QlpoOTFBWSZTWT85ZacAABjBgAAQIiIMACAAIKVA0IYDSYnkxOp5MT4u5IpwoSB+cstO', 'base64');
/** 46 MB of zeros. */
const zeros = Buffer.from(
  'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZudCH0AAAxdAAwAAEAAAIIAAgpTQZjUhbBQvF3JFOFCQpcNCbgA==',
  'base64',
);

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decoded(bytes: Buffer, size = 7): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompressBzip2(pieces(bytes, size))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('bzip2', () => {
  it('decodes what bzip2 wrote, in pieces of any size', async () => {
    for (const size of [1, 2, 3, 1000]) assert.equal(await decoded(tenLines, size), 'mesita\n'.repeat(10));
  });

  it('decodes streams that follow one another', async () => {
    assert.equal(await decoded(Buffer.concat([tenLines, tenLines])), 'mesita\n'.repeat(20));
  });

  it('gives out a bomb in small chunks', async () => {
    let bytes = 0;
    let largest = 0;
    for await (const chunk of decompressBzip2(pieces(zeros, 1000))) {
      bytes += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
    assert.equal(bytes, 46_000_000);
    assert.ok(largest <= 128 * 1024);
  });

  it('finds every cut', async () => {
    for (let length = 0; length < tenLines.length; length += 1) {
      await assert.rejects(decoded(tenLines.subarray(0, length)), Error, `cut after ${length} bytes`);
    }
  });

  it('never gives out wrong bytes as right ones, whichever bit is flipped', async () => {
    for (let bit = 0; bit < tenLines.length * 8; bit += 1) {
      const damaged = Buffer.from(tenLines);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      // Some bits mean nothing: those that fill the last byte, bytes that the block does not use.
      const result = await decoded(damaged).catch(() => 'refused');
      assert.ok(result === 'refused' || result === 'mesita\n'.repeat(10), `bit ${bit}`);
    }
  });
});
