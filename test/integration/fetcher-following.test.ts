import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { FetchUri } from '../../runtime/fetcher/fetcher.ts';
import { eventually } from '../support/eventually.ts';
import { tarOf } from './fetcher-archives.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const never = new AbortController().signal;
const tag = { etag: '"v1"' };

/** Bytes that do not pack. */
function noise(megabytes: number, seed: string): Buffer {
  const blocks = Array.from({ length: (megabytes * 2 ** 20) / 32 }, (_, i) =>
    createHash('sha256').update(`${seed}${i}`).digest(),
  );
  return Buffer.concat(blocks);
}

const [first, second] = [noise(2, 'first'), noise(2, 'second')];
const tar = tarOf([
  { path: 'd/first', content: first },
  { path: 'd/second', content: second },
]);
const middle = 3 * 2 ** 20;

async function inRoom(work: (room: FetcherRoom, server: FileServer) => Promise<void>): Promise<void> {
  const options = { maxBytes: 2 ** 30, maxExtractedBytes: 2 ** 30 };
  const [server, room] = [await new FileServer().listen(), await FetcherRoom.open(options)];
  try {
    await work(room, server);
  } finally {
    await server.close();
    await room.close();
  }
}

/** Sends the beginning of a file, and gives what sends or breaks the rest. */
function half(response: ServerResponse, bytes: Buffer, mark: Record<string, string> = {}) {
  response.writeHead(200, { 'content-length': bytes.length, ...mark });
  response.write(bytes.subarray(0, middle));
  return { rest: () => response.end(bytes.subarray(middle)), breakOff: () => response.destroy() };
}

const everything = async (sandbox: string) => (await readdir(sandbox, { recursive: true })).sort();

/** That the first file is unpacked, where nobody looks. */
const begun = (sandbox: string) =>
  eventually('the extraction has begun', async () =>
    (await everything(sandbox)).some((path) => path.startsWith('.mesita-fetch-') && path.endsWith('root/d/first')),
  );

async function assertUnpacked(sandbox: string, archive: string): Promise<void> {
  assert.deepEqual(await everything(sandbox), ['d', 'd/first', 'd/second', archive].sort());
  assert.ok(first.equals(await readFile(join(sandbox, 'd/first'))));
  assert.ok(second.equals(await readFile(join(sandbox, 'd/second'))));
}

async function assertNothingIsLeft(room: FetcherRoom): Promise<void> {
  assert.deepEqual(await everything(room.sandbox), []);
  assert.deepEqual(await readdir(join(room.base, 'fetch')), []);
  assert.deepEqual(await room.outside(), { victim: 'untouched' });
}

describe('an archive that is extracted while it comes in', () => {
  const packed: Array<[string, Buffer]> = [
    ['x.tar', tar],
    ['x.tar.gz', gzipSync(tar)],
    ['x.tar.zst', zstdCompressSync(tar)],
    ['x.tzst', Buffer.concat([zstdCompressSync(tar.subarray(0, 999)), zstdCompressSync(tar.subarray(999))])],
  ];
  for (const [name, bytes] of packed) {
    it(`is in the sandbox when all of it is there (${name})`, () =>
      inRoom(async (room, server) => {
        const { promise: came, resolve } = Promise.withResolvers<ReturnType<typeof half>>();
        server.answers.set(`/${name}`, (_, response) => resolve(half(response, bytes)));
        const fetching = room.fetch(server.url(`/${name}`));
        await begun(room.sandbox);
        assert.equal((await readdir(room.sandbox)).length, 1);
        (await came).rest();
        const [file] = await fetching;
        assert.deepEqual([file?.bytes, file?.extracted], [bytes.length, true]);
        await assertUnpacked(room.sandbox, name);
        assert.ok(bytes.equals(await readFile(join(room.sandbox, name))));
      }));
  }

  it('goes on where it was after the connection broke', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x.tar', (request, response) => {
        if (request.headers.range === undefined) {
          const { breakOff } = half(response, tar, tag);
          return void begun(room.sandbox).then(breakOff);
        }
        const from = Number(/\d+/.exec(request.headers.range)?.[0]);
        const range = { 'content-range': `bytes ${from}-${tar.length - 1}/${tar.length}` };
        response.writeHead(206, { ...tag, ...range }).end(tar.subarray(from));
      });
      await room.fetch(server.url('/x.tar'));
      await assertUnpacked(room.sandbox, 'x.tar');
      assert.equal(server.asked.length, 2);
    }));

  it('leaves nothing of what it was, where it was replaced before the connection broke', () =>
    inRoom(async (room, server) => {
      const replacement = tarOf([{ path: 'new', content: 'content' }]);
      server.answers.set('/x.tar', (_, response) => {
        if (server.asked.length > 1) return void response.writeHead(200, { etag: '"v2"' }).end(replacement);
        const { breakOff } = half(response, tar, tag);
        void begun(room.sandbox).then(breakOff);
      });
      await room.fetch(await room.source('plain', 'p'), server.url('/x.tar'));
      assert.deepEqual(await everything(room.sandbox), ['new', 'plain', 'x.tar']);
    }));

  it('leaves nothing where the connection breaks for good', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x.tar', (request, response) => {
        if (request.headers.range !== undefined) return void response.writeHead(503).end();
        const { breakOff } = half(response, tar, tag);
        void begun(room.sandbox).then(breakOff);
      });
      await assert.rejects(room.fetch(server.url('/x.tar')), {
        code: 'MESITA_FETCH_FAILED',
        message: /HTTP 503.*tried/,
      });
      await assertNothingIsLeft(room);
    }));

  for (const [what, end] of [
    ['whole', (bytes: Buffer) => bytes],
    ['damaged as well', (bytes: Buffer) => bytes.fill(1, middle)],
  ] as const) {
    it(`leaves nothing where it has not the digest that is pinned, ${what}`, () =>
      inRoom(async (room, server) => {
        server.answers.set('/x.tar', (_, response) => {
          const { rest } = half(response, end(Buffer.from(tar)));
          void begun(room.sandbox).then(rest);
        });
        const value = `${server.url('/x.tar')}#sha256=${sha256(Buffer.from('other'))}`;
        await assert.rejects(room.fetch({ value, cache: true }), {
          code: 'MESITA_FETCH_FAILED',
          message: /pins sha256/,
        });
        await assertNothingIsLeft(room);
        assert.equal(room.fetcher.cache.usedBytes, 0);
      }));
  }

  it('leaves nothing where it turns hostile in the middle', () =>
    inRoom(async (room, server) => {
      const hostile = tarOf([
        { path: 'd/first', content: first },
        { path: '../victim', content: second },
      ]);
      server.answers.set('/x.tar', (_, response) => {
        const { rest } = half(response, hostile);
        void begun(room.sandbox).then(rest);
      });
      await assert.rejects(room.fetch(server.url('/x.tar')), { code: 'MESITA_ARCHIVE_UNSAFE' });
      await eventually('the download is gone', async () => (await readdir(join(room.base, 'fetch'))).length === 0);
      await assertNothingIsLeft(room);
    }));

  it('leaves nothing where the task is killed', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x.tar', (_, response) => void half(response, tar));
      const kill = new AbortController();
      const target = { sandbox: room.sandbox };
      const fetching = room.fetcher.fetch([{ value: server.url('/x.tar') }], target, { signal: kill.signal });
      void begun(room.sandbox).then(() => kill.abort(new Error('killed')));
      await assert.rejects(fetching, /killed/);
      await assertNothingIsLeft(room);
    }));

  it('may hold a file of its own name, which replaces it', () =>
    inRoom(async (room) => {
      const own = tarOf([{ path: 'x.tar', content: 'its own' }]);
      await room.fetch(await room.source('x.tar', own));
      assert.deepEqual(await room.contents(), { 'x.tar': 'its own' });
    }));
});

describe('a file that twenty tasks copy while it comes in', () => {
  const names = Array.from({ length: 20 }, (_, i) => `${i}`);

  async function task(room: FetcherRoom, name: string, uri: FetchUri, signal = never): Promise<Buffer> {
    const sandbox = join(room.base, `task-${name}`);
    await mkdir(sandbox);
    await room.fetcher.fetch([uri], { sandbox }, { signal });
    assert.deepEqual(await everything(sandbox), ['x']);
    return readFile(join(sandbox, 'x'));
  }

  /** That a task's copy has begun. */
  const copying = (room: FetcherRoom, name: string) =>
    eventually('the copy has begun', async () =>
      (await everything(join(room.base, `task-${name}`))).some((path) => path.endsWith('download-0')),
    );

  for (const cache of [false, true]) {
    it(`comes whole to nineteen where one is killed, ${cache ? 'cached' : 'uncached'}`, () =>
      inRoom(async (room, server) => {
        const kill = new AbortController();
        const uri = { value: server.url('/x'), cache };
        server.answers.set('/x', (_, response) => {
          const { rest } = half(response, tar);
          void copying(room, '0').then(() => {
            kill.abort(new Error('killed'));
            setTimeout(rest, 50);
          });
        });
        const killed = task(room, '0', uri, kill.signal);
        const others = names.slice(1).map((name) => task(room, name, uri));
        await assert.rejects(killed, /killed/);
        assert.deepEqual(await everything(join(room.base, 'task-0')), []);
        for (const bytes of await Promise.all(others)) assert.ok(tar.equals(bytes));
        assert.deepEqual(server.asked, ['GET /x']);
      }));
  }

  it('comes whole to one that joins in the middle', () =>
    inRoom(async (room, server) => {
      const uri = { value: server.url('/x'), cache: true };
      const late = Promise.withResolvers<Buffer>();
      server.answers.set('/x', (_, response) => {
        const { rest } = half(response, tar);
        void copying(room, '0').then(() => {
          late.resolve(task(room, 'late', uri));
          return copying(room, 'late').then(rest);
        });
      });
      for (const bytes of await Promise.all([task(room, '0', uri), late.promise])) assert.ok(tar.equals(bytes));
    }));

  it('comes whole where the download had to begin again with a shorter one', () =>
    inRoom(async (room, server) => {
      const shorter = tar.subarray(7, 2 ** 20);
      server.answers.set('/x', (_, response) => {
        if (server.asked.length > 1) return void response.writeHead(200, { etag: '"v2"' }).end(shorter);
        const { breakOff } = half(response, tar, tag);
        void copying(room, '0').then(() => setTimeout(breakOff, 50));
      });
      const value = server.url('/x');
      for (const bytes of await Promise.all(names.map((name) => task(room, name, { value }))))
        assert.ok(shorter.equals(bytes));
      assert.equal(server.asked.length, 2);
    }));

  it('is in no sandbox where the download fails', () =>
    inRoom(async (room, server) => {
      server.answers.set('/x', (request, response) => {
        if (request.headers.range !== undefined) return void response.writeHead(404).end();
        const { breakOff } = half(response, tar, tag);
        void copying(room, '0').then(breakOff);
      });
      const results = await Promise.allSettled(names.map((name) => task(room, name, { value: server.url('/x') })));
      for (const result of results) assert.match(String(result.status === 'rejected' && result.reason), /HTTP 404/);
      for (const name of names) assert.deepEqual(await everything(join(room.base, `task-${name}`)), []);
      assert.deepEqual(await readdir(join(room.base, 'fetch')), []);
    }));
});
