import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Database } from '../../../runtime/database.ts';

const options = { tables: ['runs', 'facts'], version: 2 };

describe('the database', () => {
  let directory: string;
  let path: string;
  const open: Database[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesita-database-'));
    path = join(directory, 'meta', 'one.sqlite');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.close()));
    await rm(directory, { recursive: true });
  });

  function opened(given = options): Database {
    const database = new Database(path, given);
    open.push(database);
    return database;
  }

  async function closed(database: Database): Promise<void> {
    open.splice(open.indexOf(database), 1);
    await database.close();
  }

  it('has what was written before it was closed', async () => {
    const first = opened();
    await first.write([
      { table: 'runs', key: 'b', value: '2' },
      { table: 'runs', key: 'a', value: '1' },
      { table: 'facts', key: 'id', value: 'S1' },
    ]);
    await first.write([{ table: 'runs', key: 'b', value: undefined }]);
    void first.write([{ table: 'runs', key: 'a', value: 'last' }]);
    await closed(first);
    const second = opened();
    assert.deepEqual([...second.all('runs')], [['a', 'last']]);
    assert.deepEqual([...second.all('facts')], [['id', 'S1']]);
  });

  it('carries out the writes of one turn in their order', async () => {
    const database = opened();
    const writes = ['1', '2', undefined, '3'].map((value) => database.write([{ table: 'runs', key: 'a', value }]));
    await Promise.all(writes);
    assert.deepEqual([...database.all('runs')], [['a', '3']]);
  });

  it('is not opened by a second process', async () => {
    opened();
    const program = `import { Database } from ${JSON.stringify(join(import.meta.dirname, '../../../runtime/database.ts'))};
      try { new Database(${JSON.stringify(path)}, ${JSON.stringify(options)}); } catch (error) { console.log(error.code); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const said = await child.stdout.setEncoding('utf8').toArray();
    assert.equal(said.join('').trim(), 'MESITA_WORK_DIR_IN_USE');
  });

  it('has all that was written when its process is killed', async () => {
    const program = `import { Database } from ${JSON.stringify(join(import.meta.dirname, '../../../runtime/database.ts'))};
      const database = new Database(${JSON.stringify(path)}, ${JSON.stringify(options)});
      for (let i = 0; ; i++) { await database.write([{ table: 'runs', key: 'n', value: String(i) }]); console.log(i); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let last = -1;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      last = Number(text.trim().split('\n').at(-1));
      if (last > 20) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const kept = Number(opened().all('runs').get('n'));
    assert.ok(kept >= last, `${kept} was kept, ${last} was told to be`);
  });

  it('is refused when it is of a later version, and opened when of an earlier one', async () => {
    await closed(opened({ ...options, version: 3 }));
    assert.throws(() => opened(), { code: 'MESITA_DATABASE_TOO_NEW' });
    await closed(opened({ ...options, version: 4 }));
  });

  it('is refused when it is something else', async () => {
    await closed(opened());
    await writeFile(path, 'no database at all, but long enough to be taken for one'.repeat(100));
    assert.throws(() => opened(), { code: 'MESITA_DATABASE_FAILED' });
  });

  it('rejects a write that cannot be made whole, and takes the next', async () => {
    const database = opened();
    const wrong = database.write([
      { table: 'runs', key: 'a', value: '1' },
      { table: 'nowhere', key: 'a', value: '1' },
    ]);
    await assert.rejects(wrong, { code: 'MESITA_DATABASE_FAILED' });
    await database.write([{ table: 'runs', key: 'b', value: '2' }]);
    assert.deepEqual([...database.all('runs')], [['b', '2']]);
  });

  const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

  it('writes as much as it has reserved when the disk is full', { skip: !mayMount }, async () => {
    const disk = join(directory, 'small');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
    try {
      await fillUp(disk);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  async function fillUp(disk: string): Promise<void> {
    const database = new Database(join(disk, 'one.sqlite'), { ...options, reserve: 2 ** 20 });
    await writeFile(join(disk, 'ballast'), Buffer.alloc(2 ** 22)).catch(() => undefined);
    const value = 'x'.repeat(1000);
    const put = (key: string, text = value) => database.write([{ table: 'runs', key, value: text }]);
    for (let i = 0; i < 100; i++) await put(`run ${i}`);
    // And again, as long as they do not grow.
    for (let round = 0; round < 10; round++) for (let i = 0; i < 100; i++) await put(`run ${i}`, `${round}${value}`);
    await assert.rejects(put('huge', value.repeat(2000)), { code: 'MESITA_DISK_FULL' });
    assert.equal(database.all('runs').size, 100);
    await rm(join(disk, 'ballast'));
    await put('huge', value.repeat(500));
    await database.close();
  }
});
