import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { cutAt, type LogLimits, RotatingFile } from '../../../runtime/rotating-file.ts';

describe('a file that is put away when it is full', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesita-rotating-'));
    path = join(directory, 'stdout');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function write(limits: LogLimits, ...chunks: (string | Buffer)[]): Promise<void> {
    const file = new RotatingFile(path, limits);
    for (const chunk of chunks) file.write(chunk);
    file.end();
    await finished(file);
    assert.equal(
      file.bytesWritten,
      chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    );
  }

  /** By age, the one that is written to first. */
  async function contents(): Promise<string[]> {
    const names = (await readdir(directory)).filter((name) => name.startsWith('stdout'));
    const age = (name: string) => Number(name.slice('stdout.'.length) || 0);
    names.sort((left, right) => age(left) - age(right));
    return Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  }

  it('is there before anything is written', async () => {
    await write({ maxSize: 10, files: 3 });
    assert.deepEqual(await contents(), ['']);
  });

  it('keeps lines whole and the oldest file no longer than it may', async () => {
    await write({ maxSize: 10, files: 3 }, 'one\ntwo\nthr', 'ee\nfour\nfive\nsix\n', 'seven\n');
    assert.deepEqual(await contents(), ['six\nseven\n', 'four\nfive\n', 'three\n']);
  });

  it('cuts a line that fits into no file', async () => {
    await write({ maxSize: 4, files: 9 }, 'a\nlong-line\nb\n');
    assert.deepEqual((await contents()).reverse(), ['a\n', 'long', '-lin', 'e\nb\n']);
  });

  it('goes on in what was there', async () => {
    await write({ maxSize: 10, files: 2 }, 'before\n');
    await write({ maxSize: 10, files: 2 }, 'after\n');
    assert.deepEqual(await contents(), ['after\n', 'before\n']);
  });

  it('grows without end where there is no limit, and begins anew where one file is all', async () => {
    await write({ maxSize: 0, files: 1 }, 'x'.repeat(1000));
    assert.deepEqual(await contents(), ['x'.repeat(1000)]);
    await rm(path);
    await write({ maxSize: 4, files: 1 }, 'one\n', 'two\n');
    assert.deepEqual(await contents(), ['two\n']);
  });

  it('goes nowhere through links, and over what else the task put in its way', async () => {
    const elsewhere = join(directory, 'elsewhere');
    await writeFile(elsewhere, 'mine');
    await mkdir(`${path}.1`);
    await writeFile(join(`${path}.1`, 'file'), '');
    await symlink(elsewhere, `${path}.2`);
    await write({ maxSize: 4, files: 3 }, 'one\n', 'two\n', 'six\n', 'ten\n');
    assert.equal(await readFile(elsewhere, 'utf8'), 'mine');
    assert.deepEqual(await contents(), ['ten\n', 'six\n', 'two\n']);
  });

  it('loses no byte and no file is too long, however the bytes come', async () => {
    const chunk = fc.array(fc.constantFrom('a', 'bc', '\n', 'longer than most\n'), { maxLength: 12 });
    const property = fc.asyncProperty(fc.array(chunk), fc.integer({ min: 1, max: 20 }), async (chunks, maxSize) => {
      for (const name of await readdir(directory)) await rm(join(directory, name));
      const texts = chunks.map((parts) => parts.join(''));
      await write({ maxSize, files: 10_000 }, ...texts);
      const files = (await contents()).reverse();
      assert.equal(files.join(''), texts.join(''));
      assert.ok(files.every((text) => text.length <= maxSize));
      const whole = texts
        .join('')
        .split('\n')
        .every((line) => line.length < maxSize);
      if (whole) assert.ok(files.slice(0, -1).every((text) => text.endsWith('\n')));
    });
    await fc.assert(property, { numRuns: 40 });
    assert.ok((await stat(directory)).isDirectory());
  });

  it('is cut behind the last line that there is room for', () => {
    assert.equal(cutAt(Buffer.from('a\nb\nc'), 5, false), 5);
    assert.equal(cutAt(Buffer.from('a\nb\nc'), 4, false), 4);
    assert.equal(cutAt(Buffer.from('a\nb\nc'), 3, false), 2);
    assert.equal(cutAt(Buffer.from('abc'), 2, true), 0);
    assert.equal(cutAt(Buffer.from('abc'), 2, false), 2);
    assert.equal(cutAt(Buffer.from('abc'), 0, false), 0);
  });
});
