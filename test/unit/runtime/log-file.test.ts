import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogFile } from '../../../runtime/log-file.ts';
import { eventually } from '../../support/eventually.ts';

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'mesita-log-file-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('a log file is made with its directory, and gone on with by the next run', async (t) => {
  const path = join(await directory(t), 'a/b/log');
  for (const line of ['one\n', 'two\n']) {
    const file = await LogFile.open(path);
    file.write(line);
    await file.close();
  }
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n');
});

test('a log file is put away when it is full, by whole lines, and the oldest goes', async (t) => {
  const path = join(await directory(t), 'log');
  const file = await LogFile.open(path, { maxSize: 10, files: 3 });
  for (const line of ['first\n', 'second\n', 'third\n', 'fourth\n']) file.write(line);
  await file.close();
  assert.deepEqual((await readdir(join(path, '..'))).sort(), ['log', 'log.1', 'log.2']);
  const contents = await Promise.all(['.2', '.1', ''].map((age) => readFile(path + age, 'utf8')));
  assert.deepEqual(contents, ['second\n', 'third\n', 'fourth\n']);
});

test('where no log file can be made, that is said', async (t) => {
  const made = await directory(t);
  await writeFile(join(made, 'file'), '');
  await assert.rejects(LogFile.open(join(made, 'file/log')), { code: 'MESITA_LOG_DIR_UNUSABLE' });
  await mkdir(join(made, 'log'));
  await assert.rejects(LogFile.open(join(made, 'log')), { code: 'MESITA_LOG_DIR_UNUSABLE' });
});

test('a log file that cannot be written to for a while costs the lines of that time, and nothing else', async (t) => {
  const made = await directory(t);
  const path = join(made, 'log');
  const file = await LogFile.open(path, { maxSize: 6, files: 1 });
  // To put it away, its directory must be there.
  await rm(made, { recursive: true });
  for (const line of ['12345\n', 'lost!\n']) file.write(line);
  await eventually('it comes again', async () => {
    await mkdir(made, { recursive: true });
    file.write('later\n');
    return (await readFile(path, 'utf8').catch(() => '')).includes('later') || undefined;
  });
  await file.close();
  await file.close();
});
