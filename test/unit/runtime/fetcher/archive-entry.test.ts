import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkSymlink, safeParts } from '../../../../runtime/fetcher/archive-entry.ts';

describe('the path of an archive entry', () => {
  it('is taken apart, the parts that say nothing left out', () => {
    assert.deepEqual(safeParts('./a//b/./c/'), ['a', 'b', 'c']);
    assert.deepEqual(safeParts('./'), []);
  });

  for (const path of ['/etc/passwd', '..', '../x', 'a/../../x', 'a/..', 'a\0b']) {
    it(`${JSON.stringify(path)} is unsafe`, () => {
      assert.throws(() => safeParts(path), { code: 'MESITA_ARCHIVE_UNSAFE' });
    });
  }

  it('may hold dots that are part of a name', () => assert.deepEqual(safeParts('..a/b..'), ['..a', 'b..']));
});

describe('the target of a symbolic link', () => {
  it('may climb to the root of the archive and no further', () => {
    checkSymlink('l', 0, 'a/b');
    checkSymlink('a/b/l', 2, '../../c');
    checkSymlink('a/b/l', 2, '../..');
    assert.throws(() => checkSymlink('a/b/l', 2, '../../..'), { code: 'MESITA_ARCHIVE_UNSAFE' });
    assert.throws(() => checkSymlink('l', 0, '..'), { code: 'MESITA_ARCHIVE_UNSAFE' });
    assert.throws(() => checkSymlink('l', 0, '/etc'), { code: 'MESITA_ARCHIVE_UNSAFE' });
    assert.throws(() => checkSymlink('l', 0, ''), { code: 'MESITA_ARCHIVE_INVALID' });
  });

  it('may not go down and up again, since what it goes through may be a link', () => {
    assert.throws(() => checkSymlink('l', 0, 'a/../b'), { code: 'MESITA_ARCHIVE_UNSAFE' });
  });

  it('never points above the root when taken literally', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b');
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.array(part, { minLength: 1, maxLength: 6 }), (depth, parts) => {
        const target = parts.join('/');
        try {
          checkSymlink('link', depth, target);
        } catch {
          return;
        }
        const root = '/root';
        const resolved = posix.resolve(root, ...Array.from({ length: depth }, () => 'd'), target);
        assert.ok(resolved === root || resolved.startsWith(`${root}/`), resolved);
      }),
    );
  });
});
