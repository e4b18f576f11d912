import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { finishPutAway, putAway } from '../../../../agent/engine/process-rotation.ts';

/** A directory with those files, and what is in it after an agent was killed over a rotation, and another one came. */
async function afterwards(t: TestContext, files: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-rotation-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const signals: string[] = [];
  const writers = { pids: () => [7], signal: (pid: number, name: string) => void signals.push(`${pid} ${name}`) };
  await finishPutAway(join(directory, 'stdout'), 3, writers);
  const names = (await readdir(directory)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return { left: Object.fromEntries(names.map((name, index) => [name, texts[index]])), signals };
}

describe('output of processes whose agent was killed while it was put away', () => {
  it('is begun anew where it was being copied; the processes go on', async (t) => {
    const { left, signals } = await afterwards(t, { stdout: '1\n2\n3\n', 'stdout.1': '0\n', 'stdout.new': '1\n2\n' });
    assert.deepEqual(left, { stdout: '1\n2\n3\n', 'stdout.1': '0\n' });
    assert.deepEqual(signals, ['7 SIGCONT']);
  });

  it('is left where it was copied and not emptied', async (t) => {
    const { left, signals } = await afterwards(t, { stdout: '1\n2\n', 'stdout.1': '0\n', 'stdout.whole': '1\n2\n' });
    assert.deepEqual(left, { stdout: '1\n2\n', 'stdout.1': '0\n' });
    assert.deepEqual(signals, ['7 SIGCONT']);
  });

  it('is put away where it was emptied, whatever was written since', async (t) => {
    for (const stdout of ['', '3\n4\n5\n6\n']) {
      const { left } = await afterwards(t, {
        stdout,
        'stdout.1': '0\n',
        'stdout.2': '-1\n',
        'stdout.whole': '1\n2\n',
      });
      assert.deepEqual(left, { stdout, 'stdout.1': '1\n2\n', 'stdout.2': '0\n' });
    }
  });

  it('is as it was where nothing was begun, and nobody is signalled', async (t) => {
    const { left, signals } = await afterwards(t, { stdout: '1\n', 'stdout.1': '0\n' });
    assert.deepEqual(left, { stdout: '1\n', 'stdout.1': '0\n' });
    assert.deepEqual(signals, []);
  });
});

it('output of processes is put away as a whole', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-rotation-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'stdout');
  for (const text of ['1\n', '2\n', '3\n', '4\n']) {
    await writeFile(path, text);
    await putAway(path, 3, { pids: () => [], signal: () => undefined });
  }
  assert.deepEqual((await readdir(directory)).sort(), ['stdout', 'stdout.1', 'stdout.2']);
  assert.equal(await readFile(`${path}.1`, 'utf8'), '4\n');
  assert.equal(await readFile(`${path}.2`, 'utf8'), '3\n');
});
