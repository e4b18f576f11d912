import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { FetcherOptions } from '../../runtime/fetcher/fetcher.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

const content = 'abcdefghijklmnopqrstuvwxyz';
const digest = createHash('sha256').update(content).digest('hex');

describe('a download whose connection breaks', () => {
  let server: FileServer;
  before(async () => {
    server = await new FileServer().listen();
  });
  beforeEach(() => {
    server.requests.length = 0;
  });
  after(() => server.close());

  async function inRoom(work: (room: FetcherRoom) => Promise<void>, options: Partial<FetcherOptions> = {}) {
    const room = await FetcherRoom.open(options);
    try {
      await work(room);
    } finally {
      await room.close();
    }
  }

  type Mark = Record<string, string>;
  const marks: Record<string, Mark> = {
    'an entity tag': { etag: '"v1"' },
    'the time of its last change': {
      'last-modified': 'Sat, 21 Nov 2020 05:00:00 GMT',
      date: 'Sat, 21 Nov 2020 06:00:00 GMT',
    },
  };
  const markOf = (mark: Mark) => mark.etag ?? mark['last-modified'];

  /** Sends a few bytes of what was asked for, and hangs up before the end. */
  function cut(response: ServerResponse, from: number, bytes: number, mark: Mark): void {
    const head = from === 0 ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    response.writeHead(from === 0 ? 200 : 206, { ...mark, ...head, 'content-length': content.length - from });
    response.write(content.slice(from, from + bytes), () => setTimeout(() => response.destroy(), 10));
  }

  const rangeOf = (request: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);

  for (const [what, mark] of Object.entries(marks)) {
    it(`goes on where it was, by ${what}`, () =>
      inRoom(async (room) => {
        server.answers.set('/x', (request, response) => {
          const from = rangeOf(request);
          if (server.requests.length < 4) return cut(response, from, 7, mark);
          const range = `bytes ${from}-25/26`;
          return void response.writeHead(206, { ...mark, 'content-range': range }).end(content.slice(from));
        });
        await room.fetch(server.url('/x'));
        assert.deepEqual(await room.contents(), { x: content });
        const asked = server.requests.map(({ headers }) => [headers.range, headers['if-range']]);
        const ranges = ['bytes=7-', 'bytes=14-', 'bytes=21-'].map((range) => [range, markOf(mark)]);
        assert.deepEqual(asked, [[undefined, undefined], ...ranges]);
      }));
  }

  it('goes on without a mark where a digest is pinned', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (request, response) => {
        const from = rangeOf(request);
        if (from === 0) return cut(response, 0, 5, {});
        return void response.writeHead(206, { 'content-range': `bytes ${from}-25/26` }).end(content.slice(from));
      });
      await room.fetch(`${server.url('/x')}#sha256=${digest}`);
      assert.deepEqual(await room.contents(), { x: content });
      assert.equal(server.requests[1]?.headers.range, 'bytes=5-');
    }));

  it('begins again where the server ignores ranges', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (_, response) => {
        if (server.requests.length < 3) return cut(response, 0, 9, { etag: '"v1"' });
        return void response.writeHead(200, { etag: '"v1"' }).end(content);
      });
      const [file] = await room.fetch(server.url('/x'));
      assert.equal(file?.bytes, content.length);
      assert.deepEqual(await room.contents(), { x: content });
    }));

  for (const [what, mark] of [
    ['gives no mark', {}],
    ['gives a weak entity tag only', { etag: 'W/"1"' }],
  ] as Array<[string, Mark]>) {
    it(`begins again where the server ${what}`, () =>
      inRoom(async (room) => {
        server.answers.set('/x', (_, response) => {
          if (server.requests.length === 1) return cut(response, 0, 9, mark);
          return void response.writeHead(200, mark).end(content);
        });
        await room.fetch(server.url('/x'));
        assert.equal(server.requests[1]?.headers.range, undefined);
        assert.deepEqual(await room.contents(), { x: content });
      }));
  }

  it('begins again where the file was replaced meanwhile', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (_, response) => {
        if (server.requests.length === 1) return cut(response, 0, 20, { etag: '"v1"' });
        return void response.writeHead(200, { etag: '"v2"' }).end('another');
      });
      await room.fetch(server.url('/x'));
      assert.deepEqual(await room.contents(), { x: 'another' });
    }));

  for (const [what, status, range] of [
    ['has another range', 206, 'bytes 3-25/26'],
    ['has not all of the rest', 206, 'bytes 9-12/26'],
    ['does not say which range it has', 206, undefined],
    ['has no such range', 416, 'bytes */3'],
  ] as Array<[string, number, string | undefined]>) {
    it(`begins again where the server ${what}`, () =>
      inRoom(async (room) => {
        server.answers.set('/x', (request, response) => {
          if (server.requests.length === 1) return cut(response, 0, 9, { etag: '"v1"' });
          if (request.headers.range === undefined) return void response.end(content);
          return void response.writeHead(status, range === undefined ? {} : { 'content-range': range }).end('no');
        });
        await room.fetch(server.url('/x'));
        assert.deepEqual(await room.contents(), { x: content });
      }));
  }

  it('survives a server that is away for a moment', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (request, response) => {
        const from = rangeOf(request);
        if (server.requests.length === 1) return cut(response, 0, 9, { etag: '"v1"' });
        if (server.requests.length < 5) return void response.writeHead(503).end();
        return void response.writeHead(206, { 'content-range': `bytes ${from}-25/26` }).end(content.slice(from));
      });
      await room.fetch(server.url('/x'));
      assert.deepEqual(await room.contents(), { x: content });
    }));

  it('is tried again where the server closed it without an answer', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (request, response) => {
        if (server.requests.length === 1) request.socket.destroy();
        else response.end(content);
      });
      await room.fetch(server.url('/x'));
      assert.deepEqual(await room.contents(), { x: content });
    }));

  it('is given up where it breaks each time, and says how often', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (_, response) => cut(response, 0, 9, {}));
      await assert.rejects(room.fetch(server.url('/x')), (error: Error) => {
        assert.match(error.message, /\/x cannot be fetched: the connection broke after \d of 26 bytes.*tried 6 times/);
        assert.match('remedy' in error ? String(error.remedy) : '', /server’s log/);
        return true;
      });
      assert.equal(server.requests.length, 6);
      assert.deepEqual(await room.contents(), {});
    }));

  it('breaks as often as it wants while it brings something worthwhile each time', () =>
    inRoom(async (room) => {
      const large = Buffer.alloc(9 * 2 ** 20, 'large');
      const [piece, mark] = [2 ** 20 + 1, { etag: '"v1"' }];
      server.answers.set('/x', (request, response) => {
        const from = rangeOf(request);
        const head = { ...mark, 'content-length': large.length - from };
        const range = { 'content-range': `bytes ${from}-${large.length - 1}/${large.length}` };
        response.writeHead(from === 0 ? 200 : 206, from === 0 ? head : { ...head, ...range });
        const part = large.subarray(from, from + piece);
        if (from + part.length === large.length) response.end(part);
        else response.write(part, () => setTimeout(() => response.destroy(), 50));
      });
      await room.fetch(`${server.url('/x')}#sha256=${createHash('sha256').update(large).digest('hex')}`);
      assert.equal(server.requests.length, 9);
    }));

  it('is never longer than the agent allows, however it is pieced together', () =>
    inRoom(
      async (room) => {
        server.answers.set('/x', (request, response) => {
          const from = rangeOf(request);
          if (from === 0)
            return void response
              .writeHead(200, { etag: '"v1"' })
              .write('x'.repeat(90), () => setTimeout(() => response.destroy(), 10));
          return void response.writeHead(206, { 'content-range': `bytes ${from}-199/200` }).end('x'.repeat(200 - from));
        });
        await assert.rejects(room.fetch(server.url('/x')), /larger than the 100 bytes/);
        assert.deepEqual(await room.contents(), {});
      },
      { maxBytes: 100 },
    ));

  it('stops trying when the task is killed', () =>
    inRoom(
      async (room) => {
        server.answers.set('/x', (_, response) => cut(response, 0, 9, {}));
        const kill = new AbortController();
        setTimeout(() => kill.abort(new Error('killed')), 150);
        const fetching = room.fetcher.fetch(
          [{ value: server.url('/x') }],
          { sandbox: room.sandbox },
          { signal: kill.signal },
        );
        await assert.rejects(fetching, /killed/);
        assert.deepEqual(await room.contents(), {});
        assert.equal(server.requests.length, 1);
      },
      { resumePauseSeconds: 30 },
    ));

  it('notices a body that goes on after its announced end, and does not take more', () =>
    inRoom(async (room) => {
      server.answers.set('/x', (_, response) => {
        response.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcdefghij');
      });
      await room.fetch(server.url('/x')).catch(() => {});
      const { x } = await room.contents();
      assert.ok(x === undefined || x === 'abcde');
    }));
});
