import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFetcher, type FetcherOptions, type FetchUri } from '../../runtime/fetcher/fetcher.ts';
import { eventually } from '../support/eventually.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const never = new AbortController().signal;

describe('tasks that fetch the same URI', () => {
  async function inRoom(
    work: (room: FetcherRoom, server: FileServer) => Promise<void>,
    options: Partial<FetcherOptions> = {},
  ) {
    const [server, room] = [await new FileServer().listen(), await FetcherRoom.open(options)];
    try {
      await work(room, server);
    } finally {
      await server.close();
      await room.close();
    }
  }

  /** A task's fetch into a sandbox of its own; gives the sandbox. */
  async function task(room: FetcherRoom, name: string, uri: FetchUri, signal = never): Promise<string> {
    const sandbox = join(room.base, `task-${name}`);
    await mkdir(sandbox);
    await room.fetcher.fetch([uri], { sandbox }, { signal });
    return sandbox;
  }

  const hundred = Array.from({ length: 100 }, (_, i) => `${i}`);
  /** Longer than what counts as "at once". */
  const aWhile = () => new Promise((resolve) => setTimeout(resolve, 1100));
  const downloads = (room: FetcherRoom) => readdir(join(room.base, 'fetch'));

  for (const [what, uri] of [
    ['uncached', {}],
    ['cached', { cache: true }],
  ] as const) {
    it(`at once get it by one download, ${what}`, () =>
      inRoom(async (room, server) => {
        server.answers.set('/x', (_, response) => setTimeout(() => response.end('content'), 50));
        const value = server.url('/x');
        const sandboxes = await Promise.all(hundred.map((name) => task(room, name, { value, ...uri })));
        for (const sandbox of sandboxes) assert.equal(await readFile(join(sandbox, 'x'), 'utf8'), 'content');
        assert.deepEqual(server.asked, ['GET /x']);
      }));
  }

  it('own what they got: one that writes to it changes nobody else’s', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x', (_, response) => response.end('content'));
      const uri = { value: server.url('/x'), cache: true };
      const [first = '', second = ''] = await Promise.all(['1', '2'].map((name) => task(room, name, uri)));
      await writeFile(join(first, 'x'), 'changed', { flag: 'r+' });
      assert.equal(await readFile(join(second, 'x'), 'utf8'), 'content');
      assert.equal(await readFile(join(await task(room, '3', uri), 'x'), 'utf8'), 'content');
    }));

  it('fail together where the download fails; the next one tries again', () =>
    inRoom(async (room, server) => {
      let status = 503;
      server.answers.set('/x', (_, response) => setTimeout(() => response.writeHead(status).end('content'), 20));
      const uri = { value: server.url('/x'), cache: true };
      const results = await Promise.allSettled(['1', '2', '3'].map((name) => task(room, name, uri)));
      for (const result of results) assert.match(String(result.status === 'rejected' && result.reason), /HTTP 503/);
      assert.equal(server.asked.length, 1);
      status = 200;
      await task(room, '4', uri);
      assert.equal(server.asked.length, 2);
    }));

  it('are not disturbed by one of them that is killed', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x', (_, response) => setTimeout(() => response.end('content'), 100));
      const uri = { value: server.url('/x') };
      const kill = new AbortController();
      const killed = task(room, 'killed', uri, kill.signal);
      const other = task(room, 'other', uri);
      setTimeout(() => kill.abort(new Error('killed')), 30);
      await assert.rejects(killed, /killed/);
      assert.deepEqual(await readdir(join(room.base, 'task-killed')), []);
      assert.equal(await readFile(join(await other, 'x'), 'utf8'), 'content');
    }));

  it('stop the download when all of them are killed, and leave nothing', () =>
    inRoom(async (room, server) => {
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      server.answers.set('/x', (_, response) => response.on('close', () => resolve()).write('some'));
      const kill = new AbortController();
      const uri = { value: server.url('/x'), cache: true };
      const tasks = ['1', '2'].map((name) => task(room, name, uri, kill.signal));
      setTimeout(() => kill.abort(new Error('killed')), 50);
      for (const each of await Promise.allSettled(tasks)) assert.equal(each.status, 'rejected');
      await closed;
      assert.deepEqual(await downloads(room), []);
    }));

  describe('one after the other', () => {
    it('download it anew each time without cache', () =>
      inRoom(async (room, server) => {
        let content = 'old';
        server.answers.set('/x', (_, response) => response.end(content));
        await task(room, '1', { value: server.url('/x') });
        await aWhile();
        content = 'new';
        assert.equal(await readFile(join(await task(room, '2', { value: server.url('/x') }), 'x'), 'utf8'), 'new');
      }));

    it('get it from the cache, without asking the server', () =>
      inRoom(async (room, server) => {
        server.answers.set('/x', (_, response) => response.end('content'));
        const uri = { value: server.url('/x'), cache: true };
        await task(room, '1', uri);
        await aWhile();
        const sandbox = await task(room, '2', { ...uri, output_file: 'sub/y', executable: true });
        assert.equal(await readFile(join(sandbox, 'sub/y'), 'utf8'), 'content');
        assert.deepEqual(server.asked, ['GET /x']);
      }));

    it('leave no download behind that is not cached', () =>
      inRoom(async (room, server) => {
        server.answers.set('/x', (_, response) => response.end('content'));
        await task(room, '1', { value: server.url('/x') });
        await eventually('nothing is left', async () => (await downloads(room)).length === 0);
      }));

    it('join a download that still runs, where the server says that the file is still the same', () =>
      inRoom(async (room, server) => {
        const { promise: goOn, resolve } = Promise.withResolvers<void>();
        server.answers.set('/x', (request, response) => {
          response.writeHead(200, { etag: '"1"', 'content-length': 6 });
          if (request.method === 'HEAD') return response.end();
          response.write('one');
          return void goOn.then(() => response.end('two'));
        });
        const first = task(room, '1', { value: server.url('/x') });
        await aWhile();
        const second = task(room, '2', { value: server.url('/x') });
        await eventually('the second asks', async () => server.asked.length === 2);
        resolve();
        for (const sandbox of await Promise.all([first, second])) {
          assert.equal(await readFile(join(sandbox, 'x'), 'utf8'), 'onetwo');
        }
        assert.deepEqual(server.asked, ['GET /x', 'HEAD /x']);
      }));

    it('do not join a download of what has been replaced since', () =>
      inRoom(async (room, server) => {
        let version = 1;
        const { promise: goOn, resolve } = Promise.withResolvers<void>();
        server.answers.set('/x', (request, response) => {
          response.writeHead(200, { etag: `"${version}"` });
          if (request.method === 'HEAD' || version > 1) return response.end('new');
          response.write('o');
          return void goOn.then(() => response.end('ld'));
        });
        const first = task(room, '1', { value: server.url('/x') });
        await aWhile();
        version = 2;
        assert.equal(await readFile(join(await task(room, '2', { value: server.url('/x') }), 'x'), 'utf8'), 'new');
        resolve();
        assert.equal(await readFile(join(await first, 'x'), 'utf8'), 'old');
      }));
  });

  describe('by its digest', () => {
    const pinned = (server: FileServer, path: string, content: string): FetchUri => ({
      value: `${server.url(path)}#sha256=${sha256(content)}`,
      cache: true,
    });

    it('get it from the cache under any address', () =>
      inRoom(async (room, server) => {
        server.answers.set('/x', (_, response) => response.end('content'));
        await task(room, '1', { value: server.url('/x'), cache: true });
        const sandbox = await task(room, '2', { ...pinned(server, '/mirror/y', 'content'), cache: false });
        assert.equal(await readFile(join(sandbox, 'y'), 'utf8'), 'content');
        assert.deepEqual(server.asked, ['GET /x']);
      }));

    it('do not get another content that is cached under the address', () =>
      inRoom(async (room, server) => {
        let content = 'old';
        server.answers.set('/x', (_, response) => response.end(content));
        await task(room, '1', { value: server.url('/x'), cache: true });
        content = 'new';
        const sandbox = await task(room, '2', pinned(server, '/x', 'new'));
        assert.equal(await readFile(join(sandbox, 'x'), 'utf8'), 'new');
        await assert.rejects(task(room, '3', pinned(server, '/x', 'other')), /pins sha256=/);
        assert.equal(room.fetcher.cache.usedBytes, 6);
      }));
  });

  describe('with a full cache', () => {
    const file = (server: FileServer, name: string, bytes: number): FetchUri => {
      server.answers.set(`/${name}`, (_, response) => response.end('x'.repeat(bytes)));
      return { value: server.url(`/${name}`), cache: true };
    };

    it('push out what was not used for the longest', () =>
      inRoom(
        async (room, server) => {
          const [a, b, c] = [file(server, 'a', 40), file(server, 'b', 40), file(server, 'c', 40)];
          await task(room, '1', a);
          await task(room, '2', b);
          await task(room, '3', a);
          await aWhile();
          await task(room, '4', c);
          assert.equal(room.fetcher.cache.usedBytes, 80);
          await task(room, '5', a);
          assert.deepEqual(server.asked, ['GET /a', 'GET /b', 'GET /c']);
          await task(room, '6', b);
          assert.equal(server.asked.length, 4);
        },
        { cacheBytes: 100 },
      ));

    it('push out nothing for what does not fit at all, and still get it', () =>
      inRoom(
        async (room, server) => {
          await task(room, '1', file(server, 'a', 40));
          const sandbox = await task(room, '2', file(server, 'b', 101));
          assert.equal((await readFile(join(sandbox, 'b'))).length, 101);
          assert.equal(room.fetcher.cache.usedBytes, 40);
          await eventually('one is left', async () => (await downloads(room)).length === 1);
        },
        { cacheBytes: 100 },
      ));

    it('of no size at all only share what they ask for at once', () =>
      inRoom(
        async (room, server) => {
          await task(room, '1', file(server, 'a', 1));
          assert.equal(room.fetcher.cache.usedBytes, 0);
          await eventually('nothing is left', async () => (await downloads(room)).length === 0);
        },
        { cacheBytes: 0 },
      ));
  });

  it('get it again when somebody took it out of the cache’s directory', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x', (_, response) => response.end('content'));
      const uri = { value: server.url('/x'), cache: true };
      await task(room, '1', uri);
      await aWhile();
      for (const name of await downloads(room)) await rm(join(room.base, 'fetch', name));
      assert.equal(await readFile(join(await task(room, '2', uri), 'x'), 'utf8'), 'content');
      assert.equal(server.asked.length, 2);
      assert.equal(room.fetcher.cache.usedBytes, 7);
    }));

  it('find an empty cache after a restart, and nothing after a stop', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x', (_, response) => response.end('content'));
      const directory = join(room.base, 'other', 'fetch');
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, 'c1-left'), 'by an earlier run');
      await writeFile(join(room.base, 'other', 'neighbour'), 'of somebody else');
      const limits = { stallTimeoutSeconds: 5, maxBytes: 1e6, maxEntries: 9, maxExtractedBytes: 1e6 };
      const fetcher = createFetcher({ directory, cacheBytes: 100, resumePauseSeconds: 0.01, ...limits });
      const uri = { value: server.url('/x'), cache: true };
      await fetcher.fetch([uri], { sandbox: room.sandbox }, { signal: never });
      assert.deepEqual(await readdir(directory), ['c1-x']);
      await fetcher.close();
      assert.deepEqual(await readdir(join(room.base, 'other')), ['neighbour']);
    }));

  it('of more than 100 MB get it by one download, twenty of them', () =>
    inRoom(
      async (room, server) => {
        const megabyte = Buffer.from(Array.from({ length: 2 ** 20 }, (_, i) => (i * 7919) % 251));
        const bundle = Buffer.concat(Array.from({ length: 101 }, () => megabyte));
        server.answers.set('/bundle', (_, response) => response.end(bundle));
        const names = hundred.slice(0, 20);
        const uri = { value: server.url('/bundle') };
        const sandboxes = await Promise.all(names.map((name) => task(room, name, uri)));
        assert.deepEqual(server.asked, ['GET /bundle']);
        for (const sandbox of sandboxes) {
          assert.ok(bundle.equals(await readFile(join(sandbox, 'bundle'))));
          await rm(sandbox, { recursive: true });
        }
      },
      { maxBytes: 2 ** 30 },
    ));
});
