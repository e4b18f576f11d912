import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { archiveFormat, type FetchPlan, planFetch } from '../../../../runtime/fetcher/fetch-plan.ts';
import type { FetchUri } from '../../../../runtime/fetcher/fetcher.ts';

function planned(uri: FetchUri): FetchPlan {
  const plan = planFetch(uri);
  assert.ok(!('problem' in plan), JSON.stringify(plan));
  return plan;
}

function problem(uri: FetchUri): string {
  const plan = planFetch(uri);
  assert.ok('problem' in plan, JSON.stringify(plan));
  assert.notEqual(plan.remedy, '');
  return plan.problem;
}

const digest = 'AB'.repeat(32);

describe('the name of a fetched file', () => {
  const names: Array<[string, string]> = [
    ['http://host/a/plain.txt', 'plain.txt'],
    ['http://host:6099/plain.txt?x=1&y=2', 'plain.txt?x=1&y=2'],
    ['http://host/get?path=/a/b.tgz', 'b.tgz'],
    ['http://host/plain.txt#part', 'plain.txt'],
    [`https://host/b.tgz#sha256=${digest}`, 'b.tgz'],
    ['https://host/dir/', 'dir'],
    ['/srv/data/in.csv', 'in.csv'],
    ['/srv/data/in#1.csv', 'in#1.csv'],
    ['file:///srv/in.csv', 'in.csv'],
    ['file://localhost/srv/in.csv', 'in.csv'],
    ['  /srv/in.csv\n', 'in.csv'],
    ['mesita:jobs/7/in.csv', 'in.csv'],
    ['MESITA://store/in.csv', 'in.csv'],
  ];
  for (const [value, name] of names) {
    it(`${JSON.stringify(value)} is called ${name}`, () => assert.equal(planned({ value }).name, name));
  }

  it('is output_file where there is one, made plain', () => {
    assert.equal(planned({ value: 'http://host/', output_file: './sub//dir/./name.txt' }).name, 'sub/dir/name.txt');
  });

  it('never leaves the sandbox, whatever output_file says', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b c', '~', '%2e%2e', '\\', '\0');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const plan = planFetch({ value: '/x', output_file: parts.join('/') });
        if ('problem' in plan) return;
        assert.ok(!plan.name.startsWith('/') && plan.name !== '');
        for (const name of plan.name.split('/')) assert.ok(!['', '.', '..'].includes(name));
      }),
    );
  });
});

describe('a URI that cannot be fetched', () => {
  const bad: Array<[FetchUri, RegExp]> = [
    [{ value: '' }, /empty/],
    [{ value: 'plain.txt' }, /relative/],
    [{ value: 'c:/x' }, /relative/],
    [{ value: "/srv/pl'ain.txt" }, /single quote/],
    [{ value: 'http://host/a\\b' }, /backslash/],
    [{ value: 'http://host/a\0b' }, /control/],
    [{ value: 'http://host' }, /no path/],
    [{ value: 'http://host/' }, /no path/],
    [{ value: 'http://host/a/..' }, /not a name/],
    [{ value: `http://host/${'n'.repeat(256)}` }, /longer than 255/],
    [{ value: '/srv/x', output_file: '' }, /empty/],
    [{ value: '/srv/x', output_file: '/etc/x' }, /absolute/],
    [{ value: '/srv/x', output_file: '../x' }, /leave the sandbox/],
    [{ value: '/srv/x', output_file: 'a/../../x' }, /leave the sandbox/],
    [{ value: '/srv/x', output_file: 'a/' }, /directory/],
    [{ value: '/srv/x', output_file: '.' }, /directory/],
    [{ value: '/srv/x', output_file: `a/${'é'.repeat(128)}` }, /longer than 255/],
    [{ value: 'http://host/x#sha256=1234' }, /digest pin/],
    [{ value: `http://host/x#sha512=${digest}${digest}` }, /digest pin/],
    [{ value: '/srv/x#sha256=1234' }, /digest pin/],
  ];
  for (const [uri, reason] of bad) {
    it(`${JSON.stringify(uri).slice(0, 80)} is refused`, () => assert.match(problem(uri), reason));
  }
});

describe('what is done with a fetched file', () => {
  it('depends on the suffix of its name in the sandbox, case-sensitively', () => {
    const tgz = { layout: 'tar', compression: 'gzip', name: 'x.tgz' };
    assert.deepEqual(planned({ value: '/x.tgz' }).archive, tgz);
    const zip = { layout: 'zip', compression: 'none', name: 'y.zip' };
    assert.deepEqual(planned({ value: '/x', output_file: 'd/y.zip' }).archive, zip);
    assert.equal(planned({ value: '/x.tgz', output_file: 'y' }).archive, undefined);
    assert.equal(planned({ value: '/X.TGZ' }).archive, undefined);
    assert.equal(planned({ value: 'http://host/x.tgz?v=1' }).archive, undefined);
  });

  it('depends on the suffix of the URI where it is cached', () => {
    const tgz = { layout: 'tar', compression: 'gzip', name: 'x.tgz' };
    assert.deepEqual(planned({ value: '/d/x.tgz', cache: true, output_file: 'y' }).archive, tgz);
    assert.equal(planned({ value: '/d/x', cache: true, output_file: 'y.tgz' }).archive, undefined);
  });

  it('is nothing where extract is false or the file is executable', () => {
    assert.equal(planned({ value: '/x.tgz', extract: false }).archive, undefined);
    assert.equal(planned({ value: '/x.tgz', executable: true }).archive, undefined);
  });

  it('takes the longest suffix that is known', () => {
    assert.deepEqual(archiveFormat('a.tar.gz'), { layout: 'tar', compression: 'gzip' });
    assert.deepEqual(archiveFormat('a.csv.gz'), { layout: 'single', compression: 'gzip' });
    for (const [suffix, compression] of [
      ['tar', 'none'],
      ['tbz2', 'bzip2'],
      ['tar.bz2', 'bzip2'],
      ['txz', 'xz'],
      ['tar.xz', 'xz'],
      ['tar.zst', 'zstd'],
      ['tzst', 'zstd'],
    ]) {
      assert.deepEqual(archiveFormat(`a.${suffix}`), { layout: 'tar', compression });
    }
    assert.equal(archiveFormat('a.bz2'), undefined);
  });
});

describe('what is asked of the source', () => {
  it('is the URI without its fragment; the digest pin is read from there', () => {
    const plan = planned({ value: `https://host/b.tgz?v=1#sha256=${digest}` });
    assert.equal(plan.location, 'https://host/b.tgz?v=1');
    assert.equal(plan.sha256, digest.toLowerCase());
    assert.equal(planned({ value: `/srv/a#b#sha256=${digest}` }).location, '/srv/a#b');
  });

  it('keeps passwords out of what is shown', () => {
    assert.equal(planned({ value: 'http://me:secret@host/x' }).shown, 'http://me:***@host/x');
    assert.equal(planned({ value: 'http://host/x@y' }).shown, 'http://host/x@y');
  });
});
