import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { FetchUri } from '../../runtime/fetcher/fetcher.ts';
import { tarOf, zipOf } from './fetcher-archives.ts';
import { FetcherRoom } from './fetcher-room.ts';
import { FileServer } from './file-server.ts';

/** What a real agent's fetcher made of a task's URIs; lines of the listing are `kind mode [size] path`. */
interface RecordedCase {
  name: string;
  uris: FetchUri[];
  state: 'TASK_FINISHED' | 'TASK_FAILED';
  sandbox: string[];
}

const recorded = readFileSync(join(import.meta.dirname, 'fetcher-recorded-cases.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RecordedCase);

/** Each is a row of docs/compatibility.md. */
const differences: Readonly<Record<string, { state?: RecordedCase['state']; sandbox?: string[]; why: string }>> = {
  outdots: { state: 'TASK_FAILED', why: 'output_file never leaves the sandbox' },
  ...Object.fromEntries(
    ['http404', 'http201', 'noport', 'corrupt', 'outarchive', 'cache404', 'onebad'].map((name) => [
      name,
      { sandbox: [], why: 'nothing is left of a fetch that failed' },
    ]),
  ),
};

const tree = [
  { path: 'd/', type: '5', mode: 0o755 },
  { path: 'd/a.txt', content: 'a\n' },
];
const tar = tarOf(tree);
const bzip2 =
  'QlpoOTFBWSZTWZ9W88QAAJV7hMmQAEFAAf+AACFkAJ5AAACACCAAlAlBECMAnpkTaCSiDTRoYQAHR8zCEqitIB9qEkRjJ14PIWNHBmMEgaLlkc6GHoQiCF4oHM7RJQYVRmTeyZnNzU+NAjEW9y5GQrKRN9g7DctKHhAqpU8qfbhED0XckU4UJCfVvPEA';
const xz =
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Cf/AHtdADILvBunjDRE4cIHdekAF5rLD6iK4RWZ3cqOZQuk/5p4r2T3F0frf5GSBRQv6jpT/viRUbnHnrRw3n4BHc5KACgV0LBMXgEwjpc93dlwdSlZ1TGJqnEvha3fKF0Qjp9gZteL3hQk1CIVrlPrdEoNSofjKlWxfoUW9iV9AAAAz1lsM66dKO0AAZcBgFAAAB1Ds3+xxGf7AgAAAAAEWVo=';
const sources: Readonly<Record<string, Buffer>> = {
  'plain.txt': Buffer.from('plain\n'),
  'e.sh': Buffer.from('#!/bin/sh\necho hi\n'),
  't.tar': tar,
  't.tgz': gzipSync(tar),
  'T.TGZ': gzipSync(tar),
  't.tbz2': Buffer.from(bzip2, 'base64'),
  't.txz': Buffer.from(xz, 'base64'),
  'z.zip': zipOf([
    { path: 'd/', mode: 0o40755 },
    { path: 'd/a.txt', content: 'a\n' },
  ]),
  'g.txt.gz': gzipSync('hello\n'),
  'weird.tgz': Buffer.from('weird\n'),
};

describe('what a real agent fetched, fetched here, all at once', () => {
  let room: FetcherRoom;
  let server: FileServer;
  let files: string;

  before(async () => {
    room = await FetcherRoom.open();
    files = join(room.base, 'fetchsrc');
    await mkdir(join(files, 'd'), { recursive: true });
    for (const [name, content] of Object.entries(sources)) await writeFile(join(files, name), content);
    await chmod(join(files, 'e.sh'), 0o755);
    server = await new FileServer().listen();
    for (const name of ['plain.txt', 't.tgz']) {
      server.answers.set(`/${name}`, (_, response) => response.end(sources[name]));
    }
    server.answers.set('/redir/x', (_, response) => response.writeHead(302, { location: '/plain.txt' }).end());
    server.answers.set('/201', (_, response) => response.writeHead(201).end('x'));
  });
  after(async () => {
    await server?.close();
    await room?.close();
  });

  /** Archives are packed anew for the test: their own size counts, not the recorded one. */
  const withOwnSizes = (line: string): string => {
    const [kind, mode, , name = ''] = line.split(' ');
    const source = sources[name];
    return kind === 'f' && source !== undefined ? `${kind} ${mode} ${source.length} ${name}` : line;
  };

  const run = async ({ uris }: RecordedCase): Promise<{ state: string; sandbox: string[] }> => {
    const sandbox = await mkdtemp(join(room.base, 'case-'));
    const wanted = uris.map((uri) => ({
      ...uri,
      value: uri.value.replace('{files}', files).replace('{server}', server.host),
    }));
    const { signal } = new AbortController();
    const state = await room.fetcher.fetch(wanted, { sandbox }, { signal }).then(
      () => 'TASK_FINISHED',
      () => 'TASK_FAILED',
    );
    return { state, sandbox: await listing(sandbox) };
  };

  const cases = new Map<string, Promise<{ state: string; sandbox: string[] }>>();
  before(() => {
    for (const each of recorded) cases.set(each.name, run(each));
  });

  for (const each of recorded) {
    const difference = differences[each.name];
    it(`${each.name}${difference === undefined ? '' : `, but ${difference.why}`}`, async () => {
      const expected = {
        state: difference?.state ?? each.state,
        sandbox: (difference?.sandbox ?? each.sandbox).map(withOwnSizes).sort(),
      };
      assert.deepEqual(await cases.get(each.name), expected);
    });
  }

  it('asked the server once for each file', async () => {
    await Promise.all(cases.values());
    const asked = ['/201', '/missing', '/nope', '/plain.txt', '/plain.txt?x=1&y=2', '/redir/x', '/t.tgz'];
    const once = [...asked.map((path) => `GET ${path}`), 'GET /plain.txt'];
    assert.deepEqual(server.asked.sort(), once.sort(), 'and once more where it redirected to');
  });

  it('kept what was to be cached', async () => {
    await Promise.all(cases.values());
    const size = (name: string) => sources[name]?.length ?? 0;
    assert.equal(room.fetcher.cache.usedBytes, size('plain.txt') + size('t.tgz'));
  });
});

async function listing(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, size } = await stat(path);
    const [kind, length] = entry.isDirectory() ? ['d', ''] : ['f', `${size} `];
    found.push(`${kind} ${(mode & 0o7777).toString(8)} ${length}${path.slice(directory.length + 1)}`);
  }
  return found.sort();
}
