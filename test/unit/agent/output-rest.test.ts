import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { gapNotice, readKeptOutput } from '../../../agent/kept-output.ts';
import { OutputRest } from '../../../agent/output-rest.ts';

async function room(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-rest-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'stdout');
}

/** Of a record, in pieces, what the files do not have; undefined where the place is not in it. */
async function restOf(path: string, record: Buffer, pieces = 1000, files = 3): Promise<string | undefined> {
  const handedOn: Buffer[] = [];
  const rest = new OutputRest(await readKeptOutput(path, files), async (bytes) => void handedOn.push(bytes));
  for (let at = 0; at < record.length; at += pieces) rest.write(record.subarray(at, at + pieces));
  rest.end();
  await finished(rest);
  return rest.lost ? undefined : Buffer.concat(handedOn).toString();
}

const lines = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `line ${first + index}\n`).join('');

describe('what an engine has recorded of a container’s output, behind what the files have', () => {
  it('is what was cut off, wherever that was, in however many files', async (t) => {
    const path = await room(t);
    const words = fc.array(
      fc.constantFrom('tick\n', 'ä€😀\n', '€€', 'x'.repeat(30), 'y'.repeat(20_000), '\n', '\r 10 %', 'mesita\n'),
      {
        maxLength: 200,
      },
    );
    const cuts = fc.record({
      whole: words,
      kept: fc.double({ min: 0, max: 1, noNaN: true }),
      away: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 100, max: 5000 }), async ({ whole, kept, away }, pieces) => {
        const text = Buffer.from(whole.join(''));
        const end = Math.floor(text.length * kept);
        const putAway = Math.floor(end * away);
        await rm(`${path}.1`, { force: true });
        if (putAway > 0) await writeFile(`${path}.1`, text.subarray(0, putAway));
        await writeFile(path, text.subarray(putAway, end));
        assert.equal(await restOf(path, text, pieces), text.subarray(end).toString('utf8'));
      }),
      { numRuns: 200 },
    );
  });

  it('is found behind the last lines where the record has lost its beginning', async (t) => {
    const path = await room(t);
    await writeFile(path, `${lines(1, 40_000)}line 40`);
    assert.equal(await restOf(path, Buffer.from(lines(30_000, 50_000))), lines(40_001, 50_000).slice('line 40'.length));
  });

  it('is none yet while the record is behind', async (t) => {
    const path = await room(t);
    await writeFile(path, 'one\ntwo, whose end is still');
    assert.equal(await restOf(path, Buffer.from('one\n')), '');
    assert.equal(await restOf(path, Buffer.from('')), '');
    assert.equal(await restOf(path, Buffer.from('one\ntwo, whose end is still to come\n')), ' to come\n');
  });

  it('cannot be told where the record has lost the last lines, too', async (t) => {
    const path = await room(t);
    await writeFile(path, lines(1, 10));
    assert.equal(await restOf(path, Buffer.from(lines(20, 30))), undefined);
  });

  it('is what comes behind the lines since the last gap', async (t) => {
    const path = await room(t);
    await writeFile(path, `${lines(1, 10)}\n${gapNotice}: why\n${lines(20, 30)}`);
    assert.equal(await restOf(path, Buffer.from(lines(15, 40))), lines(31, 40));
  });

  it('is found though bytes that are no UTF-8 were recorded as U+FFFD', async (t) => {
    const path = await room(t);
    const written = (bytes: Buffer) => Buffer.concat([Buffer.from('a\n'), bytes, Buffer.from('\nb\n')]);
    await writeFile(path, written(Buffer.from([0xff, 0xe2, 0x82, 0x41, 0xc3])));
    const recorded = Buffer.concat([written(Buffer.from('\ufffd\ufffd\ufffdA\ufffd')), Buffer.from('c\n')]);
    assert.equal(await restOf(path, recorded), 'c\n');
  });

  it('is all of it where there is no file, or something else in its place', async (t) => {
    const path = await room(t);
    assert.equal(await restOf(path, Buffer.from('one\n')), 'one\n');
    await symlink('/etc/passwd', path);
    assert.equal(await restOf(path, Buffer.from('one\n')), 'one\n');
  });
});
