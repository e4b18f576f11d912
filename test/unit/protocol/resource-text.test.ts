import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentFlags } from '../../../agent/flags.ts';
import type { Resource } from '../../../protocol/messages.ts';
import { formatResources, parseAttributes, parseResources, summarize } from '../../../protocol/resource-text.ts';
import { invalidResources } from '../../../protocol/resource-validation.ts';

const parsed = (text: string, role = '*'): Resource[] => {
  const result = parseResources(text, role);
  if ('error' in result) throw new Error(result.error);
  return result.value;
};

describe('resources as text', () => {
  test('are numbers, ranges and sets, with a role or the default one', () => {
    assert.deepEqual(parsed('cpus:4.5; mem(a/b):2048;ports:[31000-31005, 31010-31010];disks:{a, b};', 'd'), [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 4.5 }, role: 'd' },
      { name: 'mem', type: 'SCALAR', scalar: { value: 2048 }, role: 'a/b' },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: {
          range: [
            { begin: 31000, end: 31005 },
            { begin: 31010, end: 31010 },
          ],
        },
        role: 'd',
      },
      { name: 'disks', type: 'SET', set: { item: ['a', 'b'] }, role: 'd' },
    ]);
    assert.deepEqual(parsed(''), []);
    assert.deepEqual(parsed('cpus:0.12345')[0]?.scalar, { value: 0.123 });
  });

  for (const text of [
    'cpus',
    'cpus:',
    ':4',
    'cpus:-1',
    'cpus:inf',
    'cpus:four',
    'cpus(a:4',
    'ports:[1-2',
    'ports:[2-1]',
    'ports:[x-y]',
    'disks:{a',
    'two words:1',
  ]) {
    test(`'${text}' is an error`, () => assert.ok('error' in parseResources(text, '*')));
  }

  test('may be JSON', () => {
    assert.deepEqual(parsed(' [{"name":"cpus","type":"SCALAR","scalar":{"value":2}}]')[0]?.scalar, { value: 2 });
    for (const text of [
      '[',
      '[1]',
      '[{}]',
      '[{"name":"cpus"}]',
      '[{"name":"cpus","type":"SCALAR"}]',
      '[{"name":"cpus","type":"SCALAR","scalar":{"value":"x"}}]',
    ]) {
      assert.ok('error' in agentFlags.resources.parse(text), text);
    }
  });

  test('of an agent are checked as the master will', () => {
    assert.ok('error' in agentFlags.resources.parse('cpus(-bad):1'));
    assert.ok('error' in agentFlags.default_role.parse('a b'));
    assert.deepEqual(agentFlags.resources.parse('cpus:0'), { value: 'cpus:0' });
  });

  test('are printed as Mesos prints them', () => {
    const resources = parsed('cpus:0.1;ports:[5-6,8-8];disks:{a,b}');
    assert.equal(
      formatResources(resources, 'inv'),
      'cpus(allocated: inv):0.1; ports(allocated: inv):[5-6, 8-8]; disks(allocated: inv):{a, b}',
    );
    assert.equal(formatResources([]), '{}');
  });

  test('are summed up with the four names that are always there', () => {
    assert.deepEqual(summarize(parsed('cpus:0.1;cpus:0.2;ports:[1-2];mem(a):5')), {
      disk: 0,
      mem: 5,
      gpus: 0,
      cpus: 0.3,
      ports: '[1-2]',
    });
  });
});

test('attributes are numbers, ranges or text; sets are not allowed, and text may hold colons and blanks', () => {
  const result = parseAttributes('rack:r1;level:3;ports:[1-5];os:Debian GNU/Linux 12;url:http://x:80;neg:-1');
  assert.ok('value' in result);
  assert.deepEqual(
    result.value.map(({ name, type }) => `${name} ${type}`),
    ['rack TEXT', 'level SCALAR', 'ports RANGES', 'os TEXT', 'url TEXT', 'neg TEXT'],
  );
  assert.deepEqual(result.value[4]?.text, { value: 'http://x:80' });
  assert.deepEqual(result.value[3]?.text, { value: 'Debian GNU/Linux 12' });
  for (const text of ['rack', ':x', 'x:', 'x:{a}']) assert.ok('error' in parseAttributes(text), text);
});

describe('resources are valid or not, in the words of Mesos', () => {
  const scalar = (value: number, more: Partial<Resource> = {}): Resource => ({
    name: 'cpus',
    type: 'SCALAR',
    scalar: { value },
    ...more,
  });
  const ports = (...range: [number, number][]): Resource => ({
    name: 'ports',
    type: 'RANGES',
    ranges: { range: range.map(([begin, end]) => ({ begin, end })) },
  });
  const cases: [Resource, string | undefined][] = [
    [scalar(1), undefined],
    [scalar(0), undefined],
    [scalar(-1), 'Invalid scalar resource: value <= 0'],
    [scalar(0.0004), 'Invalid scalar resource: value <= 0'],
    [scalar(Number.POSITIVE_INFINITY), 'Invalid scalar resource'],
    [{ name: '', type: 'SCALAR', scalar: { value: 1 } }, 'Empty resource name'],
    [{ name: 'cpus', type: 'SCALAR' }, 'Invalid scalar resource'],
    [{ name: 'x', type: 'TEXT' }, 'Unsupported resource type'],
    [ports([5, 1]), 'Invalid ranges resource: begin > end'],
    [ports([1, 5], [5, 6]), 'Invalid ranges resource: overlapping ranges'],
    [ports([1, 5], [6, 6]), undefined],
    [{ name: 'd', type: 'SET', set: { item: ['a', 'a'] } }, 'Invalid set resource: duplicated elements'],
    [scalar(1, { disk: {} }), 'DiskInfo should not be set for cpus resource'],
    [scalar(1, { reservation: {} }), 'Invalid reservation: role "*" cannot be dynamically reserved'],
    [scalar(1, { role: 'a', reservation: {} }), undefined],
    [
      scalar(1, {
        reservations: [
          { type: 'STATIC', role: 'a' },
          { type: 'DYNAMIC', role: 'a/b' },
        ],
      }),
      undefined,
    ],
    [
      scalar(1, {
        reservations: [
          { type: 'DYNAMIC', role: 'a' },
          { type: 'STATIC', role: 'a/b' },
        ],
      }),
      'Invalid refined reservation: a refined reservation must be DYNAMIC',
    ],
    [
      scalar(1, {
        reservations: [
          { type: 'STATIC', role: 'a' },
          { type: 'DYNAMIC', role: 'ab' },
        ],
      }),
      "Invalid refined reservation: role 'ab' is not a refinement of 'a'",
    ],
  ];
  for (const [resource, reason] of cases) {
    test(`${JSON.stringify(resource)}: ${reason ?? 'valid'}`, () => {
      const answer = invalidResources([resource]);
      if (reason === undefined) assert.equal(answer, undefined);
      else assert.match(answer ?? '', new RegExp(`is invalid: ${reason.replaceAll(/[.*()]/g, '\\$&')}$`));
    });
  }
});
