import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { sandboxesUnder } from '../../../agent/sandbox-files.ts';
import { AccountNames } from '../../../runtime/account-names.ts';
import { filesRoute } from '../../../runtime/files-route.ts';
import { createHttpServer } from '../../../runtime/http-server.ts';
import { silentLog } from '../../../runtime/log.ts';
import { ShownFiles } from '../../../runtime/shown-files.ts';

describe('/files', () => {
  let directory = '';
  let root = '';
  let sandbox = '';
  let server: FastifyInstance;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesita-files-'));
    root = join(directory, 'slaves/S');
    const runs = join(root, 'frameworks/F/executors/E/runs');
    sandbox = join(runs, 'C');
    await mkdir(join(sandbox, 'sub'), { recursive: true });
    await symlink('C', join(runs, 'latest'));
    await writeFile(join(sandbox, 'stdout'), `héllo\n${'x'.repeat(100_000)}`);
    await writeFile(join(sandbox, 'bin.dat'), Buffer.from([0, 255, 1]));
    await writeFile(join(directory, 'secret'), 'secret');
    await mkdir(join(directory, 'slaves/S2'));
    await writeFile(join(directory, 'slaves/S2/other'), 'secret');
    await symlink(join(directory, 'secret'), join(sandbox, 'escape'));
    await symlink('../../../../../../../..', join(sandbox, 'up'));
    await symlink('/nowhere', join(sandbox, 'dangling'));
    execFileSync('mkfifo', [join(sandbox, 'pipe')]);
    server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: 1e6 });
    const files = new ShownFiles({ accounts: new AccountNames(), locate: sandboxesUnder(() => root) });
    filesRoute(server, files, () => ({ '/virtual': sandbox }));
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const get = async (endpoint: string, query: Record<string, string | number> = {}) => {
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const { statusCode, body, headers } = await server.inject({ method: 'GET', url: `/files/${endpoint}?${search}` });
    return { status: statusCode, body, type: headers['content-type'] };
  };
  const read = async (query: Record<string, string | number>) =>
    JSON.parse((await get('read', { path: join(sandbox, 'stdout'), ...query })).body);

  test('read tells the size for offset -1, which is the default', async () => {
    assert.deepEqual(await read({}), { data: '', offset: 100_007 });
    assert.deepEqual(await read({ offset: -1 }), { data: '', offset: 100_007 });
  });

  test('read counts bytes, and gives 64 KiB at the most', async () => {
    assert.deepEqual(await read({ offset: 0, length: 10 }), { data: 'héllo\nxxx', offset: 0 });
    for (const query of [{ offset: 0 }, { offset: 0, length: -1 }, { offset: 0, length: 1e9 }]) {
      assert.equal(Buffer.byteLength((await read(query)).data), 65_536);
    }
    assert.deepEqual(await read({ offset: 0, length: 0 }), { data: '', offset: 0 });
    assert.deepEqual(await read({ offset: 99_999_999 }), { data: '', offset: 99_999_999 });
  });

  test('bad numbers are named', async () => {
    const refused = async (query: Record<string, string>) =>
      (await get('read', { path: join(sandbox, 'stdout'), ...query })).body;
    assert.equal(await refused({ offset: '-2' }), 'Negative offset provided: -2.\n');
    assert.equal(await refused({ offset: '0', length: '-2' }), 'Negative length provided: -2.\n');
    assert.equal(await refused({ offset: 'x' }), "Failed to parse offset: Failed to convert 'x' to number.\n");
    assert.equal(
      await refused({ offset: '0', length: 'x' }),
      "Failed to parse length: Failed to convert 'x' to number.\n",
    );
  });

  test('directories can be browsed, and neither read nor downloaded', async () => {
    assert.deepEqual(await get('read', { path: sandbox, offset: 0 }), {
      status: 400,
      body: 'Cannot read a directory.\n',
      type: 'text/plain; charset=utf-8',
    });
    assert.equal((await get('download', { path: sandbox })).body, 'Cannot download a directory.\n');
    const { status, body } = await get('browse', { path: sandbox });
    assert.equal(status, 200);
    const entries = JSON.parse(body);
    assert.ok(entries.some(({ path }: { path: string }) => path === join(sandbox, 'stdout')));
    const sub = entries.find(({ path }: { path: string }) => path === join(sandbox, 'sub'));
    assert.deepEqual(Object.keys(sub), ['gid', 'mode', 'mtime', 'nlink', 'path', 'size', 'uid']);
    assert.match(sub.mode, /^drwx/);
    assert.equal(sub.uid, userInfo().username);
    assert.equal((await get('browse', { path: join(sandbox, 'stdout') })).body, '[]');
  });

  test('the latest run has a path of its own', async () => {
    const virtual = '/frameworks/F/executors/E/runs/latest';
    const [first] = JSON.parse((await get('browse', { path: virtual })).body);
    assert.ok(first.path.startsWith(`${virtual}/`));
    assert.equal(
      (await get('read', { path: `${virtual}/stdout`, offset: 0, length: 1 })).body,
      '{"data":"h","offset":0}',
    );
  });

  test('nothing outside is shown, by whatever path', async () => {
    const paths = [
      '/etc/passwd',
      join(sandbox, 'dangling'),
      `${sandbox}/../../../../../../../../../../../nowhere/secret`,
      '/frameworks/../../../secret',
      '/frameworks/F/executors/../runs/latest',
      '/frameworks/F/executors/E/runs/C',
      root,
      join(root, 'frameworks/F'),
      `${root}/frameworks/F/executors/../../../S2/other`,
      join(directory, 'slaves/S2/other'),
      `${root}2/other`,
      `${sandbox}/stdout\0`,
      'slaves',
      '~',
    ];
    for (const path of paths) {
      for (const endpoint of ['browse', 'read', 'download']) {
        const answer = await get(endpoint, { path, offset: 0 });
        assert.equal(answer.status, 404, `${endpoint} ${path}: ${answer.body}`);
        assert.equal(answer.body, endpoint === 'download' ? '404 Not Found.' : '');
      }
    }
    for (const path of [
      join(sandbox, 'escape'),
      join(sandbox, 'up/secret'),
      `${sandbox}/..`,
      `${sandbox}/../latest/..`,
    ]) {
      for (const endpoint of ['browse', 'read', 'download']) {
        const answer = await get(endpoint, { path, offset: 0 });
        assert.equal(answer.status, 400, `${endpoint} ${path}: ${answer.body}`);
        assert.equal(answer.body, `'${path}' is inaccessible.\n`);
      }
    }
    for (const entry of JSON.parse((await get('browse', { path: sandbox })).body))
      assert.ok(!entry.path.endsWith('secret'));
  });

  test('a script is called with the answer, and debug names the sandboxes', async () => {
    assert.deepEqual(await get('debug'), { status: 200, body: `{"/virtual":"${sandbox}"}`, type: 'application/json' });
    const { body, type } = await get('read', { path: join(sandbox, 'stdout'), offset: 0, length: 1, jsonp: 'cb' });
    assert.deepEqual([body, type], ['cb({"data":"h","offset":0})', 'text/javascript']);
  });

  test('a path is asked for, once', async () => {
    for (const endpoint of ['browse', 'read', 'download']) {
      assert.deepEqual((await get(endpoint)).body, "Expecting 'path=value' in query.\n");
      assert.equal((await get(endpoint, { path: '' })).status, 400);
      const twice = await server.inject({ method: 'GET', url: `/files/${endpoint}?path=a&path=b` });
      assert.equal(twice.statusCode, 400);
    }
  });

  test('a pipe that a task made does not hang the agent', { timeout: 5_000 }, async () => {
    for (const endpoint of ['read', 'download']) {
      assert.equal((await get(endpoint, { path: join(sandbox, 'pipe'), offset: 0 })).status, 400, endpoint);
    }
    assert.equal((await get('browse', { path: sandbox })).status, 200);
  });

  test('a download is the file as it is, even when it grows meanwhile', async () => {
    assert.equal(
      (await server.inject(`/files/download?path=${join(sandbox, 'bin.dat')}`)).rawPayload.toString('hex'),
      '00ff01',
    );
    const growing = join(sandbox, 'growing');
    await writeFile(growing, 'y'.repeat(300_000));
    const answer = server.inject(`/files/download?path=${growing}`);
    for (let times = 0; times < 50; times++) {
      appendFileSync(growing, 'z'.repeat(10_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { headers, rawPayload } = await answer;
    assert.equal(rawPayload.length, Number(headers['content-length']));
    await writeFile(growing, '');
    assert.equal((await server.inject(`/files/download?path=${growing}`)).rawPayload.length, 0);
  });
});
