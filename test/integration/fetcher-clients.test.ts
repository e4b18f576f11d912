import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FetcherOptions } from '../../runtime/fetcher/fetcher.ts';
import { parseUriCredentials, type UriCredentials } from '../../runtime/fetcher/uri-credentials.ts';
import { eventually } from '../support/eventually.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

async function inRoom(work: (room: FetcherRoom) => Promise<void>, options: Partial<FetcherOptions> = {}) {
  const room = await FetcherRoom.open(options);
  try {
    await work(room);
  } finally {
    await room.close();
  }
}

describe('the agent’s credentials', () => {
  let server: FileServer;
  let other: FileServer;
  before(async () => {
    [server, other] = [await new FileServer().listen(), await new FileServer().listen()];
    for (const each of [server, other]) {
      each.answers.set('/echo', (request, response) => response.end(request.headers.authorization ?? 'none'));
    }
    server.answers.set('/within', (_, response) => response.writeHead(302, { location: '/echo' }).end());
    server.answers.set('/away', (_, response) => response.writeHead(302, { location: other.url('/echo') }).end());
    server.answers.set('/401', (_, response) => response.writeHead(401).end());
  });
  after(async () => {
    await server?.close();
    await other?.close();
  });

  const credentials = (document: unknown): UriCredentials => {
    const parsed = parseUriCredentials(JSON.stringify(document));
    assert.ok('value' in parsed, JSON.stringify(parsed));
    return parsed.value;
  };
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

  async function received(document: unknown, uri: string): Promise<string | undefined> {
    let content: string | undefined;
    await inRoom(
      async (room) => {
        await room.fetch({ value: uri, output_file: 'x' });
        content = (await room.contents()).x;
      },
      { credentials: credentials(document) },
    );
    return content;
  }

  it('are sent to the server that they are for, as password or token', async () => {
    const password = { [server.host]: { username: 'me', password: 'se:cret' } };
    assert.equal(await received(password, server.url('/echo')), basic('me:se:cret'));
    assert.equal(await received({ [server.host]: { token: 't0k' } }, server.url('/echo')), 'Bearer t0k');
  });

  it('are sent to no other port, and to no other host by a redirect, even one with credentials of its own', async () => {
    const both = { [server.host]: { token: 'one' }, [other.host]: { token: 'two' } };
    assert.equal(await received({ [server.host]: { token: 'one' } }, other.url('/echo')), 'none');
    assert.equal(await received(both, server.url('/away')), 'none');
    assert.equal(await received(both, server.url('/within')), 'Bearer one');
  });

  it('give way to those in the URI', async () => {
    const uri = server.url('/echo').replace('//', '//own:word@');
    assert.equal(await received({ [server.host]: { token: 'one' } }, uri), basic('own:word'));
  });

  it('are not told when they are wrong', () =>
    inRoom(
      async (room) => {
        await assert.rejects(room.fetch(server.url('/401')), (error: Error) => {
          const remedy = 'remedy' in error ? String(error.remedy) : '';
          assert.match(error.message, /HTTP 401/);
          assert.match(remedy, /--fetcher_credentials/);
          assert.doesNotMatch(`${error.stack} ${remedy} ${JSON.stringify(error)}`, /t0psecret/);
          return true;
        });
      },
      { credentials: credentials({ [server.host]: { token: 't0psecret' } }) },
    ));
});

describe('a hadoop client', () => {
  /** A script in the room that stands for `hadoop`. It is given `fs -copyToLocal URI FILE`. */
  async function withClient(script: string, work: (room: FetcherRoom) => Promise<void>, options = {}) {
    const room = await FetcherRoom.open();
    const client = join(room.base, 'hadoop');
    await writeFile(client, `#!/bin/sh\nhere=${room.base}\n${script}\n`);
    await chmod(client, 0o755);
    try {
      await inRoom(work, { hadoopClient: client, ...options });
    } finally {
      await room.close();
    }
  }

  it('copies what has another scheme', () =>
    withClient('[ "$1 $2" = "fs -copyToLocal" ] && printf %s "$3" > "$4"', async (room) => {
      await room.fetch('hdfs://namenode:8020/data/x', {
        value: 's3a://bucket/y',
        executable: true,
        output_file: 'd/z',
      });
      const expected = { x: 'hdfs://namenode:8020/data/x', 'd/': '/', 'd/z': 's3a://bucket/y' };
      assert.deepEqual(await room.contents(), expected);
    }));

  it('is asked once for what is cached', () =>
    withClient('echo asked >> $here/count; echo content > "$4"; cat $here/count > "$4"', async (room) => {
      const uri = { value: 'hdfs://nn/x', cache: true };
      await room.fetch(uri);
      await room.fetch(uri);
      assert.deepEqual(await room.contents(), { x: 'asked\n' });
    }));

  for (const [what, script, reason] of [
    [
      'fails',
      'echo warning >&2; echo "x: No such file or directory" >&2; exit 1',
      /ended with status 1: x: No such file/,
    ],
    [
      'tells secrets',
      'echo "no access to s3n://KEY:SECRET@bucket/x" >&2; exit 2',
      /status 2: no access to s3n:\/\/\*\*\*@bucket/,
    ],
    ['copies nothing', 'exit 0', /copied nothing/],
  ] as Array<[string, string, RegExp]>) {
    it(`that ${what} is said to`, () =>
      withClient(script, async (room) => {
        await assert.rejects(room.fetch('hdfs://nn/x'), { code: 'MESITA_FETCH_FAILED', message: reason });
        assert.deepEqual(await room.contents(), {});
        assert.deepEqual(await readdir(join(room.base, 'fetch')), []);
      }));
  }

  it('that does not exist is said so', () =>
    inRoom(
      (room) => assert.rejects(room.fetch('hdfs://nn/x'), { message: /client \/no\/hadoop cannot be started.*ENOENT/ }),
      { hadoopClient: '/no/hadoop' },
    ));

  it('that hangs is ended after the stall timeout, with all that it started', () =>
    withClient(
      'sleep 1000 & echo $! > /proc/self/fd/2; wait',
      async (room) => {
        await assert.rejects(room.fetch('hdfs://nn/x'), { message: /nothing came for 0.5 seconds/ });
        await eventually('the copy is gone', async () => (await readdir(join(room.base, 'fetch'))).length === 0);
      },
      { stallTimeoutSeconds: 0.5 },
    ));

  it('is ended when the task is killed, with all that it started', () =>
    withClient('sleep 1000 & echo $! > "$here/child"; echo $here > "$4"; wait', async (room) => {
      const kill = new AbortController();
      const fetching = room.fetcher.fetch(
        [{ value: 'hdfs://nn/x' }],
        { sandbox: room.sandbox },
        { signal: kill.signal },
      );
      const settled = assert.rejects(fetching, /killed/);
      const child = await eventually('the client runs', async () => {
        const copy = (await readdir(join(room.base, 'fetch'))).find((name) => name.startsWith('hadoop-')) ?? '';
        const here = (await readFile(join(room.base, 'fetch', copy, 'file'), 'utf8')).trim();
        return readFile(join(here, 'child'), 'utf8');
      });
      kill.abort(new Error('killed'));
      await settled;
      await eventually('its child is gone', () => !existsSync(`/proc/${child.trim()}`));
      assert.deepEqual(await room.contents(), {});
    }));

  it('that copies more than the agent allows is ended', () =>
    withClient(
      'while :; do printf 0123456789 >> "$4"; sleep 0.01; done',
      async (room) => {
        await assert.rejects(room.fetch('hdfs://nn/x'), { message: /larger than the 100 bytes/ });
        await eventually('the copy is gone', async () => (await readdir(join(room.base, 'fetch'))).length === 0);
      },
      { maxBytes: 100 },
    ));
});
