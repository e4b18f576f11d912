import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { Agent } from 'undici';
import { createFetcher, type FetcherOptions, type FetchUri } from '../../runtime/fetcher/fetcher.ts';
import { FetchProblem, type UriSource } from '../../runtime/fetcher/uri-source.ts';
import { tarOf } from './fetcher-archives.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

const content = 'the contents of a file\n';
const digest = createHash('sha256').update(content).digest('hex');

describe('fetching', () => {
  let server: FileServer;
  before(async () => {
    server = await new FileServer().listen();
    server.answers.set('/plain.txt', (_, response) => response.end(content));
    server.answers.set('/redirect/to/x', (_, response) =>
      response.writeHead(302, { location: '/plain.txt?y#z' }).end(),
    );
    server.answers.set('/loop', (_, response) => response.writeHead(301, { location: '/loop' }).end('again'));
    server.answers.set('/to-file', (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
    server.answers.set('/echo', (request, response) => response.end(request.headers.authorization ?? 'none'));
    for (const status of [201, 204, 206, 304, 401, 403, 404, 410, 429, 500, 503]) {
      server.answers.set(`/${status}`, (_, response) => response.writeHead(status).end());
    }
    server.answers.set('/silent', () => {});
    server.answers.set('/stall', (_, response) => response.writeHead(200, { 'content-length': 100 }).write('some'));
    server.answers.set('/cut', (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('some', () => response.destroy());
    });
    server.answers.set('/cut-chunked', (_, response) => {
      response.writeHead(200).write('some', () => response.destroy());
    });
    server.answers.set('/large', (_, response) =>
      response.writeHead(200, { 'content-length': 2000 }).end('x'.repeat(2000)),
    );
    server.answers.set('/endless', (_, response) => {
      response.writeHead(200);
      Readable.from(endless())
        .on('error', () => {})
        .pipe(response);
    });
    server.answers.set('/slow', async (_, response) => {
      response.writeHead(200);
      for (let i = 0; i < 6; i += 1) {
        response.write(`${i}`);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      response.end();
    });
    server.answers.set('/bundle.tar', (_, response) => response.end(tarOf([{ path: 'd/f', content }])));
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

  async function fails(room: FetcherRoom, uri: string | FetchUri, reason: RegExp, remedy: RegExp = /./) {
    const value = typeof uri === 'string' ? uri : uri.value;
    await assert.rejects(room.fetch(uri), (error: Error) => {
      assert.equal('code' in error && error.code, 'MESITA_FETCH_FAILED', String(error));
      assert.match(error.message, reason);
      assert.ok(error.message.includes(value.trim().replace(/#.*/, '')), error.message);
      assert.match('remedy' in error ? String(error.remedy) : '', remedy);
      return true;
    });
    assert.deepEqual(await room.contents(), {});
  }

  describe('by http', () => {
    it('puts the file into the sandbox and says its length', () =>
      inRoom(async (room) => {
        const uri = server.url('/plain.txt?x=1&y=2');
        const path = join(room.sandbox, 'plain.txt?x=1&y=2');
        const expected = { uri, path, bytes: content.length, extracted: false };
        assert.deepEqual(await room.fetch(uri), [expected]);
        assert.deepEqual(await room.contents(), { 'plain.txt?x=1&y=2': content });
        assert.equal((await stat(path)).mode & 0o777, 0o644);
      }));

    it('follows redirects and keeps the name that was asked for', () =>
      inRoom(async (room) => {
        await room.fetch(server.url('/redirect/to/x'));
        assert.deepEqual(await room.contents(), { x: content });
      }));

    it('gives up on redirects that never end', () =>
      inRoom(async (room) => {
        const asked = server.requests.length;
        await fails(room, server.url('/loop'), /redirected more than 10 times/, /curl -IL/);
        assert.equal(server.requests.length - asked, 11);
      }));

    it('does not follow a redirect to another scheme', () =>
      inRoom((room) => fails(room, server.url('/to-file'), /not an http or https address/)));

    for (const status of [201, 204, 206, 304, 401, 403, 404, 410, 429, 500, 503]) {
      it(`does not take HTTP ${status} for success`, () =>
        inRoom((room) => fails(room, server.url(`/${status}`), new RegExp(`answered HTTP ${status}`))));
    }

    it('sends the user and password of the URI, and shows no password', () =>
      inRoom(async (room) => {
        const uri = server.url('/echo').replace('//', '//me:se%3Acret@');
        await room.fetch(uri);
        assert.equal((await room.contents()).echo, `Basic ${Buffer.from('me:se:cret').toString('base64')}`);
        await assert.rejects(room.fetch(uri.replace('echo', '404')), (error: Error) => !/cret/.test(error.message));
      }));

    it('keeps the password from the server that it is redirected to', () =>
      inRoom(async (room) => {
        const other = await new FileServer().listen();
        try {
          other.answers.set('/there', (_, response) =>
            response.writeHead(302, { location: server.url('/echo') }).end(),
          );
          await room.fetch(other.url('/there').replace('//', '//me:secret@'));
          assert.equal((await room.contents()).there, 'none');
        } finally {
          await other.close();
        }
      }));

    it('names a server that nobody listens on', () =>
      inRoom(async (room) => {
        const gone = await new FileServer().listen();
        const uri = gone.url('/x');
        await gone.close();
        await fails(room, uri, /refused the connection/, /listens on that port/);
      }));

    it('names a host that does not exist', () =>
      inRoom((room) => fails(room, 'http://no-such-host.invalid/x', /no-such-host.invalid cannot be resolved/)));

    it('says of a malformed URL that it is one', () =>
      inRoom((room) => fails(room, 'http://host:99999/x', /not a valid URL/)));

    for (const path of ['/silent', '/stall']) {
      it(`gives up on a server that says nothing any more (${path})`, () =>
        inRoom((room) => fails(room, server.url(path), /nothing came for 0.3 seconds/), { stallTimeoutSeconds: 0.3 }));
    }

    it('waits for a slow server as long as something comes', () =>
      inRoom(
        async (room) => {
          await room.fetch(server.url('/slow'));
          assert.deepEqual(await room.contents(), { slow: '012345' });
        },
        { stallTimeoutSeconds: 0.6 },
      ));

    it('notices a body that is shorter than announced', () =>
      inRoom((room) => fails(room, server.url('/cut'), /connection broke after \d of 100 bytes/)));

    it('notices a body without its last chunk', () =>
      inRoom((room) => fails(room, server.url('/cut-chunked'), /connection broke after \d bytes/)));

    it('notices what is no HTTP', () =>
      inRoom(async (room) => {
        const tcp = createTcpServer((socket) =>
          socket
            .on('error', () => {})
            .resume()
            .end('SSH-2.0-x\r\n\r\n'),
        );
        await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
        try {
          await fails(room, `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/x`, /connection to .* failed/);
        } finally {
          await new Promise((resolve) => tcp.close(resolve));
        }
      }));

    it('refuses a file larger than the agent allows, announced or not', () =>
      inRoom(
        async (room) => {
          await fails(room, server.url('/large'), /larger than the 1000 bytes/);
          await fails(room, server.url('/endless'), /larger than the 1000 bytes/);
        },
        { maxBytes: 1000 },
      ));

    it('checks a pinned digest, and sends it to nobody', () =>
      inRoom(async (room) => {
        await fails(
          room,
          server.url(`/plain.txt#sha256=${'0'.repeat(64)}`),
          new RegExp(`is sha256=${digest}.*pins sha256=000`),
        );
        await room.fetch(server.url(`/plain.txt#sha256=${digest.toUpperCase()}`));
        assert.deepEqual(await room.contents(), { 'plain.txt': content });
        assert.ok(server.requests.every((request) => !request.url?.includes('sha256')));
      }));

    it('takes a proxy from the environment', () =>
      inRoom(async (room) => {
        const proxy = await new FileServer().listen();
        const earlier = process.env.http_proxy;
        process.env.http_proxy = proxy.url('/');
        const limits = { stallTimeoutSeconds: 5, maxBytes: 1e6, maxEntries: 9, maxExtractedBytes: 1e6 };
        const store = { directory: join(room.base, 'proxied'), cacheBytes: 0, resumePauseSeconds: 0.01 };
        const proxied = createFetcher({ ...limits, ...store });
        try {
          proxy.answers.set('/x', (_, response) => response.end(content));
          const uris = [{ value: 'http://behind.invalid/x' }];
          await proxied.fetch(uris, { sandbox: room.sandbox }, { signal: new AbortController().signal });
          assert.deepEqual(
            proxy.requests.map(({ url }) => url),
            ['http://behind.invalid/x'],
          );
        } finally {
          if (earlier === undefined) delete process.env.http_proxy;
          else process.env.http_proxy = earlier;
          await proxied.close();
          await proxy.close();
        }
      }));
  });

  describe('several URIs', () => {
    it('happens a few at a time; the files are there in order', () =>
      inRoom(async (room) => {
        server.mostAtOnce = 0;
        const uris = Array.from({ length: 8 }, (_, i) => ({ value: server.url(`/slow?${i}`), output_file: `f${i}` }));
        const files = await room.fetch(...uris);
        assert.deepEqual(
          files.map(({ path }) => path),
          uris.map(({ output_file }) => join(room.sandbox, output_file)),
        );
        assert.equal(server.mostAtOnce, 4);
      }));

    it('that have one name: the last one stays', () =>
      inRoom(async (room) => {
        await room.fetch(server.url('/plain.txt'), await room.source('plain.txt', 'the other'));
        assert.deepEqual(await room.contents(), { 'plain.txt': 'the other' });
      }));

    it('leaves nothing where one of them fails, and tells of that one', () =>
      inRoom(async (room) => {
        const uris = ['/plain.txt', '/bundle.tar', '/stall', '/404'].map((path) => server.url(path));
        await assert.rejects(room.fetch(...uris), {
          code: 'MESITA_FETCH_FAILED',
          message: /404 cannot be fetched: .*HTTP 404/,
        });
        assert.deepEqual(await room.contents(), {});
      }));

    it('is nothing at all for none', () =>
      inRoom(async (room) => {
        assert.deepEqual(await room.fetch(), []);
        assert.deepEqual(await room.contents(), {});
      }));

    it('tells how far it is', () =>
      inRoom(async (room) => {
        const sentences: string[] = [];
        const { signal } = new AbortController();
        const uris = [{ value: server.url('/bundle.tar') }];
        await room.fetcher.fetch(uris, { sandbox: room.sandbox }, { signal, progress: (each) => sentences.push(each) });
        assert.deepEqual(sentences, [`Fetching ${server.url('/bundle.tar')}`, 'Extracting bundle.tar']);
      }));
  });

  describe('that is aborted', () => {
    for (const path of ['/silent', '/stall', '/endless']) {
      it(`leaves nothing behind (${path})`, () =>
        inRoom(
          async (room) => {
            const stop = new AbortController();
            const reason = new Error('the task was killed');
            const uris = [server.url('/bundle.tar'), server.url(path)].map((value) => ({ value }));
            const fetching = room.fetcher.fetch(uris, { sandbox: room.sandbox }, { signal: stop.signal });
            setTimeout(() => stop.abort(reason), 200);
            await assert.rejects(fetching, reason);
            assert.deepEqual(await room.contents(), {});
          },
          { maxBytes: Number.MAX_SAFE_INTEGER },
        ));
    }

    it('while it extracts leaves nothing behind', () =>
      inRoom(
        async (room) => {
          const uri = await room.source(
            't.tar',
            tarOf(Array.from({ length: 20_000 }, (_, i) => ({ path: `d/f${i}` }))),
          );
          const stop = new AbortController();
          const progress = (sentence: string) => {
            if (sentence.startsWith('Extracting')) setTimeout(() => stop.abort(new Error('killed')), 20);
          };
          const options = { signal: stop.signal, progress };
          await assert.rejects(room.fetcher.fetch([{ value: uri }], { sandbox: room.sandbox }, options), /killed/);
          assert.deepEqual(await room.contents(), {});
        },
        { maxEntries: 1e6, maxBytes: 1e8, maxExtractedBytes: 1e8 },
      ));

    it('before it begins does nothing', () =>
      inRoom(async (room) => {
        const uris = [{ value: server.url('/plain.txt') }];
        const signal = AbortSignal.abort(new Error('too late'));
        await assert.rejects(room.fetcher.fetch(uris, { sandbox: room.sandbox }, { signal }), /too late/);
      }));
  });

  describe('files of the agent’s host', () => {
    for (const prefix of ['', 'file://', 'file://localhost', 'file:']) {
      it(`takes ${prefix}/an/absolute/path`, () =>
        inRoom(async (room) => {
          const path = await room.source('in.txt', content);
          const [file] = await room.fetch(`${prefix}${path}#sha256=${digest}`);
          assert.equal(file?.sha256, digest);
          assert.deepEqual(await room.contents(), { 'in.txt': content });
        }));
    }

    it('takes names literally, and percent-encoded ones too', () =>
      inRoom(async (room) => {
        await room.fetch(
          await room.source('a%20b', 'literal'),
          `file://${await room.source('c d', 'decoded').then(encodeURI)}`,
        );
        assert.deepEqual(await room.contents(), { 'a%20b': 'literal', 'c%20d': 'decoded' });
      }));

    it('copies the executable bit, and sets it where it is asked for', () =>
      inRoom(async (room) => {
        const script = await room.source('script', '#!/bin/sh\n');
        await chmod(script, 0o777);
        await room.fetch(script, { value: await room.source('plain', 'x'), executable: true });
        assert.equal((await stat(join(room.sandbox, 'script'))).mode & 0o777, 0o755);
        assert.equal((await stat(join(room.sandbox, 'plain'))).mode & 0o777, 0o755);
      }));

    it('makes the directories of output_file', () =>
      inRoom(async (room) => {
        await room.fetch({ value: await room.source('x', content), output_file: 'sub/dir/name.txt' });
        assert.deepEqual(await room.contents(), { 'sub/': '/', 'sub/dir/': '/', 'sub/dir/name.txt': content });
      }));

    it('says what is wrong with what is no file', () =>
      inRoom(async (room) => {
        await mkdir(join(room.base, 'directory'));
        await fails(room, join(room.base, 'nope'), /there is no such file/, /every agent/);
        await fails(room, join(room.base, 'directory'), /is a directory/);
        await fails(room, '/dev/zero', /not a regular file/);
        await fails(room, 'file://elsewhere/x', /not the absolute path/);
        await fails(room, 'plain.txt', /relative path/);
        await fails(room, { value: '/etc/hostname', output_file: '../x' }, /may leave the sandbox/);
      }));
  });

  describe('other schemes', () => {
    it('are named, with those that can be used', () =>
      inRoom((room) => fails(room, 'hdfs://nn/data/x', /no client for the scheme hdfs/, /http, https, file/)));

    it('come from the sources that the agent was given', async () => {
      const source: UriSource = {
        open: async (location) => ({ body: Readable.from([Buffer.from(location)]) }),
      };
      await inRoom(
        async (room) => {
          await room.fetch('mesita:jobs/7/x');
          assert.deepEqual(await room.contents(), { x: 'mesita:jobs/7/x' });
        },
        { sources: { mesita: source } },
      );
    });

    it('may fail in their own words, hang, or fill the disk', async () => {
      const full = Object.assign(new Error('write'), { code: 'ENOSPC', syscall: 'write' });
      const sources: Record<string, UriSource> = {
        words: { open: () => Promise.reject(new FetchProblem('the master has no artifact x', 'Upload it again.')) },
        hang: { open: () => new Promise(() => {}) },
        full: { open: () => Promise.reject(full) },
      };
      await inRoom(
        async (room) => {
          await fails(room, 'words:x/x', /the master has no artifact x/, /Upload it again/);
          await fails(room, 'hang:x/x', /nothing came for 0.3 seconds/);
          await assert.rejects(room.fetch('full:x/x'), { code: 'MESITA_DISK_FULL', message: /no room left/ });
        },
        { sources, stallTimeoutSeconds: 0.3 },
      );
    });
  });

  it('uses the dispatcher that it is given, and leaves it open', async () => {
    const dispatcher = new Agent();
    await inRoom(
      async (room) => {
        await room.fetch(server.url('/plain.txt'));
      },
      { dispatcher },
    );
    assert.equal(dispatcher.closed, false);
    await dispatcher.close();
  });
});

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.alloc(16 * 1024);
}
