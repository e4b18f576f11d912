import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('mesita run --pod', { timeout: patience }, () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster?.close());
  afterEach(() => cluster.settled());

  async function file(content: unknown): Promise<string> {
    const path = join(cluster.directory, 'shop.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }
  const shared = {
    type: 'MESOS',
    volumes: [
      {
        mode: 'RW',
        container_path: 'common',
        source: { type: 'SANDBOX_PATH', sandbox_path: { type: 'PARENT', path: 'common' } },
      },
    ],
  };

  it('runs the tasks of a file together, and shows what each writes', async () => {
    const write = {
      name: 'writer',
      container: shared,
      command: { value: 'echo 42 > common/answer; echo written >&2' },
    };
    const wait = 'until [ -s common/answer ]; do sleep 0.1; done; cat common/answer; printf end';
    const read = { name: 'reader', container: shared, command: { value: wait } };
    const { code, stdout, stderr } = await cluster.mesita('run', `--pod=${await file({ tasks: [write, read] })}`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'reader | 42\nreader | end\n');
    assert.match(stderr, /^writer \| written$/m);
  });

  it('exits with the code of the task that fails, and ends the others', async () => {
    const tasks = [
      { name: 'bad', command: { value: 'exit 9' } },
      { name: 'other', command: { value: 'sleep 1000' } },
    ];
    const { code, stderr } = await cluster.mesita('run', `--pod=${await file({ tasks })}`);
    assert.equal(code, 9, stderr);
    assert.match(stderr, /other-\w+: TASK_KILLED/);
  });

  it('kills all of them when it is interrupted', async () => {
    const command = { value: 'echo up; exec sleep 1000' };
    const tasks = [
      { name: 'one', command },
      { name: 'two', command },
    ];
    const run = cluster.spawn(['run', `--pod=${await file({ tasks })}`]);
    await run.says(/one \| up/, 'stdout');
    await run.says(/two \| up/, 'stdout');
    const { code } = await run.end('SIGINT');
    assert.notEqual(code, 0);
  });

  it('says what is wrong with a file', async () => {
    const cases: [unknown, RegExp][] = [
      ['{', /JSON/],
      ['[]', /it is no JSON object/],
      [{ tasks: [] }, /it has no "tasks"/],
      [{ tasks: [{ command: { value: 3 } }] }, /value/],
    ];
    for (const [content, words] of cases) {
      const { code, stderr } = await cluster.mesita('run', `--pod=${await file(content)}`);
      assert.equal(code, 2);
      assert.match(stderr, words);
    }
    assert.match((await cluster.mesita('run', '--pod=/nowhere.json')).stderr, /MESITA_NOT_FOUND/);
    assert.match((await cluster.mesita('run')).stderr, /either an image or --pod/);
  });
});
