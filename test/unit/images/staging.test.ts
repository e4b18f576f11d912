import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hashSources, listSources } from '../../../images/source.ts';
import { withStaging } from '../../../images/staging.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mesita-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a directory for half-made things', () => {
  it('is there during the work and gone after it, also after a failure', async () => {
    const work = withStaging(folder, 'images', async (directory) => {
      assert.ok(existsSync(directory));
      writeFileSync(join(directory, 'half'), '');
      throw new Error('no luck');
    });
    await assert.rejects(work, /no luck/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('takes those of dead processes away, and no others', async () => {
    const dead = spawnSync('true').pid;
    for (const name of [`images-${dead}`, `images-${process.ppid}`, `other-${dead}`, 'images-old', 'images']) {
      mkdirSync(join(folder, name));
    }
    await withStaging(folder, 'images', async () => undefined);
    assert.deepEqual(
      readdirSync(folder).sort(),
      ['images', 'images-old', `images-${process.ppid}`, `other-${dead}`].sort(),
    );
  });
});

describe('the hash of sources', () => {
  const hash = () => hashSources(folder, listSources(folder, ['room', 'file', 'missing']), ['base']);

  beforeEach(() => {
    mkdirSync(join(folder, 'room/deep'), { recursive: true });
    writeFileSync(join(folder, 'room/deep/a.ts'), 'one');
    writeFileSync(join(folder, 'file'), 'two');
  });

  it('covers files and directories, and does without missing ones', () => {
    assert.deepEqual(listSources(folder, ['room', 'file', 'missing']), ['file', 'room/deep/a.ts']);
  });

  it('is the same for the same sources, and changes with content, name and surroundings', () => {
    const before = hash();
    assert.equal(hash(), before);
    writeFileSync(join(folder, 'file'), 'three');
    const changed = hash();
    assert.notEqual(changed, before);
    writeFileSync(join(folder, 'room/b.ts'), '');
    assert.notEqual(hash(), changed);
    assert.notEqual(hashSources(folder, [], ['base']), hashSources(folder, [], ['other base']));
  });
});
