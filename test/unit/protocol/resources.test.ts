import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Resource } from '../../../protocol/messages.ts';
import {
  add,
  contains,
  normalize,
  rangesOf,
  scalarOf,
  subtract,
  toEndpointForm,
  toFixedPoint,
  toPostRefinement,
  toPreRefinement,
} from '../../../protocol/resources.ts';

const role = fc.constantFrom<Partial<Resource>>(
  {},
  { role: '*' },
  { role: 'a' },
  { role: 'a', reservation: { principal: 'p' } },
  { reservations: [{ type: 'STATIC', role: 'b' }] },
);
const scalar: fc.Arbitrary<Resource> = fc
  .record({ name: fc.constantFrom('cpus', 'mem'), value: fc.integer({ min: 0, max: 5_000 }), role })
  .map(({ name, value, role: one }) => ({ name, type: 'SCALAR', scalar: { value: value / 1000 }, ...one }));
const ranges: fc.Arbitrary<Resource> = fc
  .record({ spans: fc.array(fc.tuple(fc.nat(40), fc.nat(5)), { maxLength: 4 }), role })
  .map(({ spans, role: one }) => ({
    name: 'ports',
    type: 'RANGES',
    ranges: { range: spans.map(([begin, length]) => ({ begin, end: begin + length })) },
    ...one,
  }));
const sets: fc.Arbitrary<Resource> = fc
  .record({ item: fc.subarray(['x', 'y', 'z']), role })
  .map(({ item, role: one }) => ({ name: 'disks', type: 'SET', set: { item }, ...one }));
const raw = fc.array(fc.oneof(scalar, ranges, sets), { maxLength: 4 });
const list = fc.array(fc.oneof(scalar, ranges, sets), { maxLength: 8 }).map(normalize);

/** Ranges and sets cannot hold one thing twice, so giving laws of subtraction need disjoint arguments. */
const scalars = fc.array(scalar, { maxLength: 6 }).map(normalize);
const sorted = (resources: readonly Resource[]) =>
  [...resources]
    .map((one) =>
      JSON.stringify(
        one,
        Object.keys(one).sort().concat('value', 'range', 'begin', 'end', 'item', 'type', 'role', 'principal'),
      ),
    )
    .sort();
const same = (left: readonly Resource[], right: readonly Resource[]) => assert.deepEqual(sorted(left), sorted(right));

describe('laws of resources', () => {
  const law = <T extends unknown[]>(
    name: string,
    arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
    holds: (...values: T) => void,
  ) => test(name, () => fc.assert(fc.property(fc.tuple(...arbitraries), (values) => holds(...(values as T)))));

  law('adding is commutative', [list, list], (a, b) => same(add(a, b).map(sortSets), add(b, a).map(sortSets)));
  law('adding is associative', [list, list, list], (a, b, c) =>
    same(add(add(a, b), c).map(sortSets), add(a, add(b, c)).map(sortSets)),
  );
  law('nothing added changes nothing', [list], (a) => same(add(a, []), a));
  law('normal form is stable', [list], (a) => same(normalize(a), a));
  law('normal form is the sum of what there is, in its order', [raw], (a) => {
    assert.deepEqual(normalize(a), add([], a.map(toPostRefinement)));
    return true;
  });
  law('what was added can be taken away again', [scalars, scalars], (a, b) => same(subtract(add(a, b), b), a));
  law('a sum contains its parts', [list, list], (a, b) => assert.ok(contains(add(a, b), a) && contains(add(a, b), b)));
  law('all contain themselves and nothing', [list], (a) => assert.ok(contains(a, a) && contains(a, [])));
  law('all without itself is nothing', [list], (a) => same(subtract(a, a), []));
  law('a part that is contained and taken away comes back by adding', [list, list], (a, b) => {
    if (contains(a, b)) same(add(subtract(a, b), b).map(sortSets), a.map(sortSets));
  });
  law('what is left is contained in what there was', [list, list], (a, b) => assert.ok(contains(a, subtract(a, b))));
  law('arguments stay as they are', [list, list], (a, b) => {
    const before = JSON.stringify([a, b]);
    add(a, b);
    subtract(a, b);
    contains(a, b);
    assert.equal(JSON.stringify([a, b]), before);
  });
  law('normal form has no empty and no doubled entry, and no role', [list], (a) => {
    for (const resource of a) {
      assert.ok(
        (resource.scalar?.value ?? 1) > 0 && resource.ranges?.range?.length !== 0 && resource.set?.item?.length !== 0,
      );
      assert.ok(!('role' in resource) && !('reservation' in resource) && !('allocation_info' in resource));
      const own = resource.ranges?.range ?? [];
      for (const [index, range] of own.entries())
        assert.ok(index === 0 || range.begin > (own[index - 1]?.end ?? 0) + 1);
    }
  });
  law('the old form of a resource that is reserved once leads back to the new one', [list], (a) => {
    same(
      a.map((resource) => toPostRefinement(toPreRefinement(resource) ?? resource)),
      a,
    );
  });
});

function sortSets(resource: Resource): Resource {
  return resource.set === undefined ? resource : { ...resource, set: { item: [...(resource.set.item ?? [])].sort() } };
}

describe('fixed point', () => {
  test('rounds to thousandths, halves away from zero', () => {
    assert.deepEqual([0.0004, 0.0005, 1.2345, -0.0005, 0.1 + 0.2].map(toFixedPoint), [0, 1, 1235, -1, 300]);
  });

  test('tenths add up exactly', () => {
    const tenth: Resource[] = [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }];
    let sum: Resource[] = [];
    for (let count = 0; count < 1_000; count++) sum = add(sum, tenth);
    assert.equal(scalarOf(sum, 'cpus'), 100);
    for (let count = 0; count < 1_000; count++) sum = subtract(sum, tenth);
    assert.deepEqual(sum, []);
  });
});

test('ranges that touch become one, and holes are cut out', () => {
  const ports = (...range: { begin: number; end: number }[]): Resource[] => [
    { name: 'ports', type: 'RANGES', ranges: { range } },
  ];
  const whole = normalize(ports({ begin: 5, end: 9 }, { begin: 1, end: 4 }, { begin: 8, end: 12 }));
  assert.deepEqual(rangesOf(whole, 'ports'), [{ begin: 1, end: 12 }]);
  assert.deepEqual(rangesOf(subtract(whole, ports({ begin: 3, end: 3 }, { begin: 12, end: 12 })), 'ports'), [
    { begin: 1, end: 2 },
    { begin: 4, end: 11 },
  ]);
  assert.ok(contains(whole, ports({ begin: 3, end: 4 }, { begin: 5, end: 6 })));
  assert.ok(!contains(whole, ports({ begin: 12, end: 13 })));
});

describe('the two forms of reservations', () => {
  const cpus = { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } };
  const cases: [string, Resource, Resource][] = [
    ['unreserved', { ...cpus, role: '*' }, cpus],
    ['static', { ...cpus, role: 'a' }, { ...cpus, reservations: [{ type: 'STATIC', role: 'a' }] }],
    [
      'dynamic',
      { ...cpus, role: 'a', reservation: { principal: 'p' } },
      { ...cpus, reservations: [{ type: 'DYNAMIC', role: 'a', principal: 'p' }] },
    ],
  ];
  for (const [what, pre, post] of cases) {
    test(what, () => {
      assert.deepEqual(toPostRefinement(pre), post);
      assert.deepEqual(toPreRefinement(post), pre);
      const endpoint = toEndpointForm(post);
      assert.equal(endpoint.role, pre.role);
      assert.deepEqual(endpoint.reservations, post.reservations);
    });
  }

  test('a refined one has no old form', () => {
    const refined: Resource = {
      ...cpus,
      reservations: [
        { type: 'STATIC', role: 'a' },
        { type: 'DYNAMIC', role: 'a/b' },
      ],
    };
    assert.equal(toPreRefinement(refined), undefined);
    assert.deepEqual(toEndpointForm(refined), refined);
  });

  test('reservations of different principals do not add up', () => {
    const of = (principal: string): Resource => ({ ...cpus, role: 'a', reservation: { principal } });
    assert.equal(normalize([of('p'), of('q'), of('p')]).length, 2);
  });
});
