import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { request } from 'undici';
import { eventually } from '../support/eventually.ts';
import { MasterRoom } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { agentOf } from '../support/task-cluster.ts';

type Releasing = Pick<TestContext, 'after'>;

async function directory(t: Releasing): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'mesita-logs-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

const json = { 'content-type': 'application/json' };

/** The two ways to a daemon's files. */
function filesOf(address: string) {
  const ask = async (path: string, call?: object) => {
    const options = { method: 'POST' as const, headers: json, body: JSON.stringify(call) };
    const { statusCode, headers, body } = await request(`http://${address}${path}`, call === undefined ? {} : options);
    return { status: statusCode, text: await body.text(), headers };
  };
  return {
    get: (endpoint: string, query: Record<string, string> = {}) =>
      ask(`/files/${endpoint}?${new URLSearchParams(query)}`),
    call: (type: 'LIST_FILES' | 'READ_FILE', content: object) =>
      ask('/api/v1', { type, [type.toLowerCase()]: content }),
    state: async () => JSON.parse((await ask('/state')).text),
  };
}

/** All of a file, by the calls of somebody who pages through it. */
async function paged(files: ReturnType<typeof filesOf>, path: string, length?: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let offset = 0; ; ) {
    const { text } = await files.call('READ_FILE', { path, offset, ...(length && { length }) });
    const { size, data } = JSON.parse(text).read_file as { size: number; data: string };
    const part = Buffer.from(data, 'base64');
    parts.push(part);
    offset += part.length;
    if (offset >= size) return Buffer.concat(parts);
    assert.ok(part.length > 0);
  }
}

for (const [daemon, name, file] of [
  ['master', '/master/log', 'mesita-master.INFO'],
  ['agent', '/slave/log', 'mesita-agent.INFO'],
] as const) {
  describe(`the log of the ${daemon}`, () => {
    const releasers: (() => unknown)[] = [];
    const content = Buffer.from(`${'line with ä\n'.repeat(12_000)}end\n`);
    let path = '';
    let files: ReturnType<typeof filesOf>;

    before(async () => {
      const t = { after: (release: () => unknown) => void releasers.push(release) } as Releasing;
      const logs = await directory(t);
      path = join(logs, file);
      await writeFile(path, content);
      await writeFile(join(logs, 'secret'), 'secret');
      const flag = `--log_dir=${logs}`;
      const room = await MasterRoom.open(daemon === 'master' ? [flag] : []);
      t.after(() => room.close());
      const { address } = daemon === 'master' ? room.master : (await agentOf(t, room, { flags: [flag] })).agent;
      files = filesOf(address);
    });
    after(async () => {
      for (const release of releasers.reverse()) await release();
    });

    test('is told of in /state and /files/debug', async () => {
      assert.equal((await files.state()).log_dir, join(path, '..'));
      assert.deepEqual(JSON.parse((await files.get('debug')).text), { [name]: path });
    });

    test('is a file: browsing it shows nothing', async () => {
      assert.deepEqual(JSON.parse((await files.get('browse', { path: name })).text), []);
      const listed = await files.call('LIST_FILES', { path: name });
      assert.deepEqual([listed.status, JSON.parse(listed.text)], [200, { type: 'LIST_FILES', list_files: {} }]);
    });

    test('is read from an offset on; -1, and no offset, asks for its length', async () => {
      const read = async (query: Record<string, string>) =>
        JSON.parse((await files.get('read', { path: name, ...query })).text);
      assert.deepEqual(await read({ offset: '0', length: '4' }), { data: 'line', offset: 0 });
      assert.deepEqual(await read({ offset: '5', length: '4' }), { data: 'with', offset: 5 });
      assert.deepEqual(await read({ offset: String(content.length - 4) }), {
        data: 'end\n',
        offset: content.length - 4,
      });
      for (const query of [{}, { offset: '-1' }, { offset: '-1', length: '10' }])
        assert.deepEqual(await read(query), { data: '', offset: content.length });
      for (const beyond of [content.length + 10, 2 ** 53, 2 ** 63])
        assert.deepEqual(await read({ offset: String(beyond) }), { data: '', offset: beyond });
    });

    test('is given in pages of 64 KiB at the most, that are all of it', async () => {
      const [all] = await Promise.all([paged(files, name), paged(files, name, 50_000)]);
      assert.ok(all.equals(content));
      const { text } = await files.call('READ_FILE', { path: name, offset: 0 });
      const { size, data } = JSON.parse(text).read_file;
      assert.deepEqual([size, Buffer.from(data, 'base64').length], [content.length, 65_536]);
      for (const offset of [String(content.length + 10), '9007199254740993', '18446744073709551615']) {
        const beyond = await files.call('READ_FILE', { path: name, offset, length: '18446744073709551615' });
        assert.deepEqual(JSON.parse(beyond.text).read_file, { size: content.length, data: '' }, offset);
      }
    });

    test('is downloaded under its name', async () => {
      const { status, text, headers } = await files.get('download', { path: name });
      assert.equal(status, 200);
      assert.equal(headers['content-disposition'], `attachment; filename=${file}`);
      assert.equal(text, content.toString());
    });

    test('is all that is shown', async () => {
      const astray = ['/', '', path, join(path, '../secret'), `${name}/../secret`, `${name}/../../etc/passwd`];
      const encoded = [
        `${name}%2f..%2fsecret`,
        `${name}\0`,
        `${name}.1`,
        '/etc/passwd',
        '../../etc/passwd',
        name.slice(1),
      ];
      for (const asked of [...astray, ...encoded]) {
        for (const endpoint of ['browse', 'read', 'download']) {
          const { status, text } = await files.get(endpoint, { path: asked, offset: '0' });
          const expected = asked === '' ? [400, "Expecting 'path=value' in query.\n"] : [404, text];
          assert.deepEqual([status, text], expected, `${endpoint} ${asked}`);
        }
        for (const [type, more] of [['LIST_FILES', {}] as const, ['READ_FILE', { offset: 0 }] as const]) {
          const { status, text } = await files.call(type, { path: asked, ...more });
          assert.deepEqual([status, text], [404, ''], `${type} ${asked}`);
        }
      }
    });

    test('is missing as long as its file is', async () => {
      await rm(path);
      const missing = await files.get('read', { path: name, offset: '0' });
      assert.deepEqual([missing.status, missing.text], [404, '']);
      await writeFile(path, content);
      assert.equal((await files.get('read', { path: name, offset: '0' })).status, 200);
    });
  });
}

test('a log file of somebody else’s goes before that in --log_dir', async (t) => {
  const logs = await directory(t);
  const path = join(logs, 'journal');
  await writeFile(path, 'theirs');
  await writeFile(join(logs, 'mesita-master.INFO'), 'ours');
  const room = await MasterRoom.open([`--log_dir=${logs}`, `--external_log_file=${path}`]);
  t.after(() => room.close());
  const files = filesOf(room.master.address);
  const { text } = await files.get('read', { path: '/master/log', offset: '0' });
  assert.deepEqual(JSON.parse(text), { data: 'theirs', offset: 0 });
  const { log_dir, external_log_file } = await files.state();
  assert.deepEqual([log_dir, external_log_file], [logs, path]);
});

test('without flags there is no log to read', async (t) => {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  const { agent } = await agentOf(t, room);
  for (const [address, name] of [
    [room.master.address, '/master/log'],
    [agent.address, '/slave/log'],
  ] as const) {
    const files = filesOf(address);
    for (const endpoint of ['browse', 'read']) {
      const { status, text } = await files.get(endpoint, { path: name });
      assert.deepEqual([status, text], [404, '']);
    }
    const download = await files.get('download', { path: name });
    assert.deepEqual([download.status, download.text], [404, '404 Not Found.']);
    assert.equal((await files.call('LIST_FILES', { path: name })).status, 404);
    assert.equal((await files.call('READ_FILE', { path: name, offset: 0 })).status, 404);
    assert.equal((await files.get('debug')).text, '{}');
    const state = await files.state();
    assert.ok(!('log_dir' in state) && !('external_log_file' in state));
  }
});

test('a master writes all of its log to --log_dir, a quiet one too, and the next one goes on with it', async (t) => {
  const logs = join(await directory(t), 'made/on/the/way');
  const path = join(logs, 'mesita-master.INFO');
  const written = () => readFile(path, 'utf8').catch(() => '');
  const flags = ['--port=0', `--work_dir=${join(logs, '../work')}`, `--log_dir=${logs}`, '--quiet'];
  for (const runs of [1, 2]) {
    const master = new MesitaProcess(['master', ...flags], { PATH: process.env.PATH });
    t.after(() => (master.over ? undefined : master.end('SIGKILL')));
    const up = () => written().then((text) => [...text.matchAll(/INFO {2}master: master is up .*address=(\S+)/g)]);
    const address = await eventually('it is up', async () =>
      (await up()).length === runs ? (await up()).at(-1)?.[1] : undefined,
    );
    const { text } = await filesOf(address ?? '').get('read', { path: '/master/log', offset: '0' });
    assert.ok(JSON.parse(text).data.includes('master is up'));
    const { code, stderr } = await master.end('SIGTERM');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(await written(), /master: stopping signal=SIGTERM\n.* the master stops: .*\n$/);
  }
});

test('a daemon that cannot write its log does not start', async (t) => {
  const logs = await directory(t);
  await mkdir(join(logs, 'mesita-agent.INFO'));
  const agent = new MesitaProcess(['agent', '--master=127.0.0.1:1', `--log_dir=${logs}`], { PATH: process.env.PATH });
  const { code, stderr } = await agent.outcome;
  assert.equal(code, 1);
  assert.match(stderr, /MESITA_LOG_DIR_UNUSABLE/);
});
