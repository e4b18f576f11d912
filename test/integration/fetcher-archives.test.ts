import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { create as createTar } from 'tar';
import { ZipFile } from 'yazl';
import type { FetcherOptions } from '../../runtime/fetcher/fetcher.ts';
import { pax, type TarEntry, tarOf, type ZipEntry, zipOf } from './fetcher-archives.ts';
import { FetcherRoom } from './fetcher-room.ts';

async function inRoom(work: (room: FetcherRoom) => Promise<void>, options: Partial<FetcherOptions> = {}) {
  const room = await FetcherRoom.open(options);
  try {
    await work(room);
  } finally {
    await room.close();
  }
}

/** The same small tree, which every format must unpack to. */
const tree: TarEntry[] = [
  { path: './', type: '5', mode: 0o755 },
  { path: 'd/', type: '5', mode: 0o750 },
  { path: 'd/a.txt', content: 'a\n' },
  { path: 'd/run', content: '#!/bin/sh\n', mode: 0o4755 },
  { path: 'l', type: '2', link: 'd/a.txt' },
  { path: 'h', type: '1', link: 'd/a.txt' },
];
const unpacked = { 'd/': '/', 'd/a.txt': 'a\n', 'd/run': '#!/bin/sh\n', l: '-> d/a.txt', h: 'a\n' };

/** `tree` as a tar compressed by the programs of that name; bytes, so that the tests need no such programs. */
const compressedTree = {
  tbz2: 'QlpoOTFBWSZTWS5fdqQAAFnbgMuQaAH/gAAp9GUeQAiIMAC4DBpo00wmJkwEDTDBpo00wmJkwEDTBFFJgJG1NPUyNppkmnlPLpxM9ORiQm57QzM2gjzxx69LfIxMXSYAyPyVkEpcIwIe/igeu2/B/coco65F44Qi3jCLIwqZ6mpSIa0yPOUkYNdIuu7a9qbarOAH4FdTYOQ1VlnAssGqsaCYrL2kZqhCiiKoB6aOoxJdx8Uf3qdtu42lA7tY5vrcO5ycBf8XckU4UJAuX3ak',
  txz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4BP/AKNdABcLvBx9AZXAHUo+eRXC2v4KJYKKMyVDos/RPGPOChYEp4gsCz53GL/nnPte4jZAwHYTdzPdrWgjGEkO6lTSHZCvzXyWleaM0+kVWp7oBJgpRs2hAI8muagAriCrc5+l/aZba7efuC1Pi+gf1b1Qm3jbaq5t6NqQ3gmLj6su80fhbc3ZKl5Rus11mc6MMnFbzNeNSoZeGR7Ln14kmZMKn/Na0QAAALN1Y2lD1xa/AAG/AYAoAACu/a7OscRn+wIAAAAABFla',
};

describe('an archive', () => {
  const packed: Array<[string, () => Buffer]> = [
    ['t.tar', () => tarOf(tree)],
    ['t.tgz', () => gzipSync(tarOf(tree))],
    ['t.tar.gz', () => Buffer.concat([gzipSync(tarOf(tree).subarray(0, 700)), gzipSync(tarOf(tree).subarray(700))])],
    ['t.tar.zst', () => zstdCompressSync(tarOf(tree))],
    [
      'frames.tar.zst',
      () =>
        Buffer.concat([zstdCompressSync(tarOf(tree).subarray(0, 700)), zstdCompressSync(tarOf(tree).subarray(700))]),
    ],
    ['t.tzst', () => zstdCompressSync(tarOf(tree))],
    ['t.tbz2', () => Buffer.from(compressedTree.tbz2, 'base64')],
    ['t.tar.bz2', () => Buffer.from(compressedTree.tbz2, 'base64')],
    ['t.txz', () => Buffer.from(compressedTree.txz, 'base64')],
    ['t.tar.xz', () => Buffer.from(compressedTree.txz, 'base64')],
  ];
  for (const [name, bytes] of packed) {
    it(`called ${name} is unpacked into the sandbox and kept`, () =>
      inRoom(async (room) => {
        const uri = await room.source(name, bytes());
        const [file] = await room.fetch(uri);
        assert.equal(file?.extracted, true);
        const { [name]: archive, ...rest } = await room.contents();
        assert.notEqual(archive, undefined);
        assert.deepEqual(rest, unpacked);
      }));
  }

  it('keeps modes and times; set-user-id bits are cleared', () =>
    inRoom(async (room) => {
      await room.fetch(await room.source('t.tar', tarOf(tree)));
      const run = await stat(join(room.sandbox, 'd/run'));
      assert.equal(run.mode & 0o7777, 0o755);
      assert.equal(run.mtimeMs, 1_000_000_000_000);
      const directory = await stat(join(room.sandbox, 'd'));
      assert.equal(directory.mode & 0o7777, 0o750);
      assert.equal(directory.mtimeMs, 1_000_000_000_000);
      assert.equal((await lstat(join(room.sandbox, 'l'))).mtimeMs, 1_000_000_000_000);
    }));

  it('in zip is unpacked with modes, times, links and directories', () =>
    inRoom(async (room) => {
      const zip = new ZipFile();
      zip.addEmptyDirectory('empty');
      zip.addBuffer(Buffer.from('x'.repeat(100_000)), 'd/big.txt', { mode: 0o100600, mtime: new Date(1e12) });
      zip.addBuffer(Buffer.from('#!/bin/sh\n'), 'run', { mode: 0o100755 });
      zip.addBuffer(Buffer.from('d/big.txt'), 'l', { mode: 0o120777 });
      zip.end();
      const parts: Buffer[] = [];
      for await (const part of zip.outputStream) parts.push(Buffer.from(part));
      await room.fetch(await room.source('z.zip', Buffer.concat(parts)));
      const { 'z.zip': _, ...rest } = await room.contents();
      const expected = {
        'empty/': '/',
        'd/': '/',
        'd/big.txt': 'x'.repeat(100_000),
        run: '#!/bin/sh\n',
        l: '-> d/big.txt',
      };
      assert.deepEqual(rest, expected);
      assert.equal((await stat(join(room.sandbox, 'run'))).mode & 0o777, 0o755);
      assert.equal((await stat(join(room.sandbox, 'd/big.txt'))).mtimeMs, 1e12);
    }));

  it('called .gz is one compressed file', () =>
    inRoom(async (room) => {
      const uri = await room.source('g.txt.gz', gzipSync('hello\n'));
      await room.fetch({ value: uri, output_file: 'sub/g.txt.gz' });
      assert.equal((await room.contents())['g.txt'], 'hello\n');
    }));

  it('that another tool packed, with long names, comes out whole', () =>
    inRoom(async (room) => {
      const long = join(...Array.from({ length: 6 }, (_, i) => `${i}${'é'.repeat(40)}`));
      await mkdir(join(room.base, 'in', long), { recursive: true });
      await writeFile(join(room.base, 'in', long, 'file'), 'deep');
      await createTar({ file: join(room.base, 't.tgz'), gzip: true, cwd: join(room.base, 'in') }, ['.']);
      await room.fetch(join(room.base, 't.tgz'));
      assert.equal((await room.contents())[`${long}/file`], 'deep');
    }));

  it('of GNU tar comes out whole, long names and links included', (context) => {
    if (!hasGnuTar()) return context.skip('no GNU tar here');
    return inRoom(async (room) => {
      const long = 'n'.repeat(180);
      await mkdir(join(room.base, 'in', long), { recursive: true });
      await writeFile(join(room.base, 'in', long, 'file'), 'deep');
      await symlink(`${long}/file`, join(room.base, 'in', 'link'));
      await utimes(join(room.base, 'in', long, 'file'), 1e9, 1e9);
      for (const format of ['gnu', 'pax', 'ustar']) {
        if (format === 'ustar') await symlink('x', join(room.base, 'in', 'short'));
        const archive = join(room.base, `${format}.tar`);
        const names = format === 'ustar' ? ['short'] : ['.'];
        execFileSync('tar', [`--format=${format}`, '-cf', archive, '-C', join(room.base, 'in'), ...names]);
        await room.fetch(archive);
        const contents = await room.contents();
        if (format === 'ustar') assert.equal(contents.short, '-> x');
        else assert.equal(contents[`${long}/file`], 'deep');
        // The same links may not be made twice.
        await execFileSync('rm', ['-f', join(room.sandbox, 'link')]);
      }
    });
  });

  it('is left alone where extract is false, and made executable where executable is true', () =>
    inRoom(async (room) => {
      const value = await room.source('t.tgz', 'no archive at all');
      await room.fetch({ value, extract: false }, { value, executable: true, output_file: 'e.tgz' });
      assert.deepEqual(await room.contents(), { 't.tgz': 'no archive at all', 'e.tgz': 'no archive at all' });
      assert.equal((await stat(join(room.sandbox, 'e.tgz'))).mode & 0o777, 0o755);
    }));

  it('adds to the directories of an earlier one and replaces its files', () =>
    inRoom(async (room) => {
      const first = tarOf([
        { path: 'd/a', content: '1' },
        { path: 'd/b', content: '1' },
      ]);
      const second = tarOf([
        { path: 'd/b', content: '2' },
        { path: 'd/c', content: '2' },
      ]);
      await room.fetch(await room.source('1.tar', first), await room.source('2.tar', second));
      await room.fetch({ value: await room.source('c', '3'), output_file: 'd/c' });
      const { '1.tar': _, '2.tar': __, ...rest } = await room.contents();
      assert.deepEqual(rest, { 'd/': '/', 'd/a': '1', 'd/b': '2', 'd/c': '3' });
    }));

  it('becomes the owner’s, links included', (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root may give files away');
    return inRoom(async (room) => {
      await room.fetcher.fetch(
        [{ value: await room.source('t.tar', tarOf(tree)), output_file: 'sub/t.tar' }],
        { sandbox: room.sandbox, owner: { uid: 1234, gid: 2345 } },
        { signal: new AbortController().signal },
      );
      for (const name of Object.keys(await room.contents())) {
        const { uid, gid } = await lstat(join(room.sandbox, name));
        assert.deepEqual([name, uid, gid], [name, 1234, 2345]);
      }
      assert.equal((await stat(join(room.base, 'outside'))).uid, 0);
    });
  });
});

function hasGnuTar(): boolean {
  try {
    return execFileSync('tar', ['--version'], { encoding: 'utf8' }).includes('GNU');
  } catch {
    return false;
  }
}

const up = '../'.repeat(3);
const evil = { content: 'evil' };
const longChain = Array.from({ length: 200 }, () => 'd').join('/');

describe('a hostile tar archive', () => {
  const hostile: Array<[string, TarEntry[], RegExp]> = [
    ['an absolute path', [{ path: '/tmp/mesita-evil', ...evil }], /"\/tmp\/mesita-evil" has an absolute path/],
    ['a path that climbs out', [{ path: '../victim', ...evil }], /"..\/victim" leads out/],
    ['a path that climbs out later', [{ path: `d/${up}victim`, ...evil }], /leads out/],
    ['an absolute path in a pax header', [pax({ path: '/tmp/mesita-evil' }), { path: 'x', ...evil }], /absolute/],
    ['a climbing path in a GNU header', [{ path: 'L', type: 'L', content: '../victim\0' }, { path: 'x' }], /leads out/],
    ['NUL in a pax path', [pax({ path: 'good\0../../victim' }), { path: 'x', ...evil }], /NUL/],
    ['NUL in a GNU name', [{ path: 'L', type: 'L', content: 'good\0/../victim' }, { path: 'x' }], /NUL/],
    ['an absolute link', [{ path: 'l', type: '2', link: '/etc/passwd' }], /"l" to "\/etc\/passwd" is absolute/],
    ['a link that climbs out', [{ path: 'd/l', type: '2', link: '../../victim' }], /leads out/],
    [
      'a link in a pax header that climbs out',
      [pax({ linkpath: '../victim' }), { path: 'l', type: '2', link: 'x' }],
      /leads out/,
    ],
    [
      'a link and a file through it',
      [
        { path: 'd/', type: '5' },
        { path: 'l', type: '2', link: 'd' },
        { path: 'l/x', ...evil },
      ],
      /goes through the symbolic link "l"/,
    ],
    [
      'a chain of links that climbs',
      [
        { path: 'x/y/', type: '5' },
        { path: 'x/y/up', type: '2', link: '../..' },
        { path: 'out', type: '2', link: 'x/y/up/..' },
        { path: 'out/victim', ...evil },
      ],
      /down and up again/,
    ],
    [
      'a file over a link',
      [
        { path: 'l', type: '2', link: 'x' },
        { path: 'l', ...evil },
      ],
      /"l" would be written over a symbolic link/,
    ],
    [
      'a link over a file',
      [
        { path: 'l', ...evil },
        { path: 'l', type: '2', link: 'x' },
      ],
      /twice/,
    ],
    [
      'a link over a directory',
      [
        { path: 'l/', type: '5' },
        { path: 'l', type: '2', link: 'x' },
      ],
      /over a directory/,
    ],
    [
      'a directory over a link',
      [
        { path: 'l', type: '2', link: 'x' },
        { path: 'l/', type: '5' },
      ],
      /file or link/,
    ],
    ['a hard link out', [{ path: 'h', type: '1', link: '../victim' }], /leads out/],
    ['an absolute hard link', [{ path: 'h', type: '1', link: '/etc/passwd' }], /leads out/],
    [
      'a hard link to a link',
      [
        { path: 'l', type: '2', link: 'x' },
        { path: 'h', type: '1', link: 'l' },
      ],
      /not a regular file/,
    ],
    [
      'a hard link through a link',
      [
        { path: 'd/f', ...evil },
        { path: 'l', type: '2', link: 'd' },
        { path: 'h', type: '1', link: 'l/f' },
      ],
      /through a symbolic link/,
    ],
    ['a character device', [{ path: 'dev', type: '3' }], /"dev" is a character device/],
    ['a block device', [{ path: 'dev', type: '4' }], /block device/],
    ['a fifo', [{ path: 'fifo', type: '6' }], /fifo/],
    [
      'an entry twice',
      [
        { path: 'f', ...evil },
        { path: './f', ...evil },
      ],
      /"f" is there twice/,
    ],
    ['a file in place of the sandbox', [{ path: '.', ...evil }], /sandbox itself/],
    ['a link in place of the sandbox', [{ path: './', type: '2', link: 'x' }], /sandbox itself|leads out/],
    ['too many entries', Array.from({ length: 101 }, (_, i) => ({ path: `f${i}` })), /more than the 100 entries/],
    [
      'too many directories that no entry names',
      [pax({ path: `${longChain}/f` }), { path: 'x', ...evil }],
      /more than the 100 entries/,
    ],
  ];
  for (const [what, entries, reason] of hostile) {
    it(`with ${what} is refused and leaves nothing`, () =>
      inRoom(async (room) => {
        const good = { path: 'good/file', content: 'fine' };
        const uri = await room.source('t.tgz', gzipSync(tarOf([good, ...entries])));
        const outside = await room.outside();
        await assert.rejects(room.fetch(await room.source('plain', 'p'), uri), (error: Error) => {
          assert.match(error.message, reason);
          assert.match(error.message, new RegExp(uri));
          assert.equal('code' in error && error.code, 'MESITA_ARCHIVE_UNSAFE');
          return true;
        });
        assert.deepEqual(await room.contents(), {});
        assert.deepEqual(await room.outside(), outside);
        await assert.rejects(readFile('/tmp/mesita-evil'));
      }));
  }

  // A small file, and 11 MB of zeros after it.
  const bzip2Bomb = Buffer.from(
    'QlpoOTFBWSZTWen8eAIBUXd7hMkQAEBAAf+AACBkAJ5AAACACCAAdBJU8UAAGQaCKkDQMgADou+ogKCICJZUgoiAiSnEjOFbhABCEAhDLpn7Z5xWI4qCViOX2rlnJ9XiLntGKTbrXY8Gif0Uqp9TC4BCEAhH4u5IpwoSHT+PAEA=',
    'base64',
  );
  for (const [what, name, bytes] of [
    ['gzip', 'bomb.tgz', gzipSync(tarOf([{ path: 'zeros', content: Buffer.alloc(11_000_000) }]))],
    ['zstd', 'bomb.tar.zst', zstdCompressSync(tarOf([{ path: 'zeros', content: Buffer.alloc(11_000_000) }]))],
    [
      'zstd of many frames',
      'bomb.tar.zst',
      Buffer.concat(
        Array.from({ length: 12 }, (_, i) =>
          zstdCompressSync(
            i === 0 ? tarOf([{ path: 'f', content: 'x' }], { endMark: false }) : Buffer.alloc(1_000_000),
          ),
        ),
      ),
    ],
    ['bzip2', 'bomb.tar.bz2', bzip2Bomb],
    ['a single file', 'bomb.gz', gzipSync(Buffer.alloc(11_000_000))],
    ['padding after the end', 'bomb.tgz', gzipSync(Buffer.concat([tarOf(tree), Buffer.alloc(11_000_000)]))],
  ] as const) {
    it(`that is a bomb in ${what} is stopped while it unpacks`, () =>
      inRoom(async (room) => {
        const uri = await room.source(name, bytes);
        await assert.rejects(room.fetch(uri), {
          code: 'MESITA_ARCHIVE_UNSAFE',
          message: /more than the 10000000 bytes/,
        });
        assert.deepEqual(await room.contents(), {});
      }));
  }

  it('cannot use a link that is in the sandbox already', () =>
    inRoom(async (room) => {
      await symlink('..', join(room.sandbox, 'link'));
      for (const uri of [
        await room.source('t.tar', tarOf([{ path: 'link/victim', ...evil }])),
        { value: await room.source('plain', 'evil'), output_file: 'link/victim' },
        { value: await room.source('plain', 'evil'), output_file: 'link' },
      ]) {
        await assert.rejects(room.fetch(uri), { code: 'MESITA_FETCH_FAILED', message: /symbolic link called "link"/ });
      }
      assert.deepEqual(await room.contents(), { link: '-> ..' });
      assert.deepEqual(await room.outside(), { victim: 'untouched' });
    }));

  it('cannot lead a later output_file through its link', () =>
    inRoom(async (room) => {
      const archive = await room.source(
        't.tar',
        tarOf([
          { path: 'd/', type: '5' },
          { path: 'l', type: '2', link: 'd' },
        ]),
      );
      const plain = { value: await room.source('plain', 'evil'), output_file: 'l/x' };
      await assert.rejects(room.fetch(archive, plain), /goes through the symbolic link "l"/);
      assert.deepEqual(await room.contents(), {});
    }));
});

describe('a hostile zip archive', () => {
  const hostile: Array<[string, ZipEntry[], RegExp]> = [
    ['an absolute path', [{ path: '/tmp/mesita-evil', ...evil }], /absolute/],
    ['a path that climbs out', [{ path: 'd/../../victim', ...evil }], /leads out/],
    ['a path that climbs out with backslashes', [{ path: '..\\victim', ...evil }], /leads out/],
    ['NUL in a name', [{ path: 'a\0b', ...evil }], /NUL/],
    ['a link out', [{ path: 'l', content: '../victim', mode: 0o120777 }], /leads out/],
    [
      'a link and a file through it',
      [
        { path: 'd/', mode: 0o40755 },
        { path: 'l', content: 'd', mode: 0o120777 },
        { path: 'l/x', ...evil },
      ],
      /through the symbolic link/,
    ],
    ['a fifo', [{ path: 'f', mode: 0o010644 }], /fifo/],
    [
      'an entry twice',
      [
        { path: 'f', ...evil },
        { path: 'f', ...evil },
      ],
      /twice/,
    ],
    ['too much in it', Array.from({ length: 4 }, (_, i) => ({ path: `f${i}`, content: 'x'.repeat(3e6) })), /bytes/],
    ['too many entries', Array.from({ length: 101 }, (_, i) => ({ path: `f${i}` })), /more than the 100 entries/],
  ];
  for (const [what, entries, reason] of hostile) {
    it(`with ${what} is refused and leaves nothing`, () =>
      inRoom(
        async (room) => {
          const uri = await room.source('z.zip', zipOf([{ path: 'good', content: 'fine' }, ...entries]));
          const outside = await room.outside();
          await assert.rejects(room.fetch(uri), { code: 'MESITA_ARCHIVE_UNSAFE', message: reason });
          assert.deepEqual(await room.contents(), {});
          assert.deepEqual(await room.outside(), outside);
        },
        { maxBytes: 20_000_000 },
      ));
  }
});

describe('a damaged archive', () => {
  const whole = tarOf([{ path: 'f', content: 'x'.repeat(3000) }]);
  const flipped = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 0xff;
    return copy;
  };
  const gz = gzipSync(
    tarOf([{ path: 'f', content: Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * i) % 251)) }]),
  );
  const bz = Buffer.from(compressedTree.tbz2, 'base64');
  const xz = Buffer.from(compressedTree.txz, 'base64');
  const zst = zstdCompressSync(whole);
  const zip = zipOf([{ path: 'f', content: 'x'.repeat(3000) }]);
  const damaged: Array<[string, string, Buffer]> = [
    ['text called tgz', 'weird.tgz', Buffer.from('weird\n')],
    ['nothing called tgz', 'empty.tgz', Buffer.alloc(0)],
    ['nothing called tar', 'empty.tar', Buffer.alloc(0)],
    ['nothing called tar.xz', 'empty.tar.xz', Buffer.alloc(0)],
    ['nothing called tbz2', 'empty.tbz2', Buffer.alloc(0)],
    ['nothing called zip', 'empty.zip', Buffer.alloc(0)],
    ['text called tar', 'text.tar', Buffer.from('text '.repeat(1000))],
    ['a tar cut off in a file', 't.tar', whole.subarray(0, 2000)],
    ['a tar cut off in a header', 't.tar', whole.subarray(0, 300)],
    ['a tar cut off between entries', 't.tar', tarOf([{ path: 'f' }], { endMark: false })],
    ['a tar with a damaged header', 't.tar', flipped(whole, 5)],
    [
      'a tar with a pax header that lies',
      't.tar',
      tarOf([{ path: 'x', type: 'x', content: '99 path=a\n' }, { path: 'f' }]),
    ],
    ['a tar with a huge pax header', 't.tar', tarOf([{ path: 'x', type: 'x', content: Buffer.alloc(2_000_000) }])],
    ['a sparse tar', 't.tar', tarOf([pax({ 'GNU.sparse.major': '1' }), { path: 'f' }])],
    ['a hard link to nothing', 't.tar', tarOf([{ path: 'h', type: '1', link: 'nothing' }])],
    ['a name that is too long', 't.tar', tarOf([pax({ path: 'n'.repeat(300) }), { path: 'f' }])],
    ['a gzip cut off', 't.tgz', gz.subarray(0, gz.length - 9)],
    ['a gzip cut off in its checksum', 't.tgz', gz.subarray(0, gz.length - 3)],
    ['a gzip with a wrong checksum', 't.tgz', flipped(gz, gz.length - 7)],
    ['a single gzip cut off', 'g.txt.gz', gz.subarray(0, gz.length - 9)],
    ['a bzip2 cut off', 't.tbz2', bz.subarray(0, bz.length - 5)],
    ['a bzip2 damaged', 't.tbz2', flipped(bz, bz.length >> 1)],
    ['an xz cut off', 't.txz', xz.subarray(0, xz.length - 20)],
    ['an xz damaged', 't.txz', flipped(xz, 60)],
    ['a zstd cut off', 't.tzst', zst.subarray(0, zst.length - 4)],
    ['a zstd damaged', 't.tzst', flipped(zst, 2)],
    ['a zip cut off', 'z.zip', zip.subarray(0, zip.length - 10)],
    ['a zip without its beginning', 'z.zip', zip.subarray(100)],
    ['a zip with a wrong checksum', 'z.zip', zipOf([{ path: 'f', content: 'x', crc: 1 }])],
    ['an encrypted zip', 'z.zip', zipOf([{ path: 'f', content: 'x'.repeat(20), encrypted: true }])],
    ['a zip of an unknown method', 'z.zip', zipOf([{ path: 'f', content: 'x', method: 14 }])],
  ];
  for (const [what, name, bytes] of damaged) {
    it(`(${what}) is invalid and leaves nothing`, () =>
      inRoom(async (room) => {
        const uri = await room.source(name, bytes);
        await assert.rejects(room.fetch(uri), (error: Error) => {
          assert.equal('code' in error && error.code, 'MESITA_ARCHIVE_INVALID', String(error));
          assert.match(error.message, new RegExp(uri));
          return true;
        });
        assert.deepEqual(await room.contents(), {});
      }));
  }
});
