import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { OfferOperation, Resource, ResourceReservationInfo } from '../../../protocol/messages.ts';
import { conversionOf, convert } from '../../../protocol/resource-operations.ts';
import { formatResources } from '../../../protocol/resource-text.ts';
import { add, contains, isWhole, normalize, subtract, toFixedPoint } from '../../../protocol/resources.ts';
import { sameContent } from '../../../protocol/same-content.ts';
import { resourcesOf } from '../../support/master-messages.ts';

const reservation: fc.Arbitrary<ResourceReservationInfo> = fc.record(
  { type: fc.constant('DYNAMIC' as const), role: fc.constantFrom('a', 'b'), principal: fc.constantFrom('p', 'q') },
  { requiredKeys: ['type', 'role'] },
);

const scalar = fc
  .record({ name: fc.constantFrom('cpus', 'mem', 'disk'), thousandths: fc.integer({ min: 1, max: 5_000_000 }) })
  .map(({ name, thousandths }): Resource => ({ name, type: 'SCALAR', scalar: { value: thousandths / 1000 } }));

const ports = fc.tuple(fc.integer({ min: 31_000, max: 31_050 }), fc.nat(20)).map(
  ([begin, length]): Resource => ({
    name: 'ports',
    type: 'RANGES',
    ranges: { range: [{ begin, end: begin + length }] },
  }),
);

const unreserved = fc.array(fc.oneof(scalar, ports), { minLength: 1, maxLength: 6 }).map(normalize);
// A port is in one place only.
const elsewhere = fc.array(scalar, { maxLength: 4 }).map(normalize);

const reserved = fc
  .tuple(unreserved, reservation)
  .map(([resources, own]) => resources.map((resource) => ({ ...resource, reservations: [own] })));

const volume = fc
  .record({ id: fc.constantFrom('v1', 'v2', 'v3'), size: fc.integer({ min: 2, max: 5_000_000 }), own: reservation })
  .map(
    ({ id, size, own }): Resource => ({
      name: 'disk',
      type: 'SCALAR',
      scalar: { value: size / 1000 },
      reservations: [own],
      disk: { persistence: { id }, volume: { mode: 'RW', container_path: 'data' } },
    }),
  );

const operation: fc.Arbitrary<OfferOperation> = fc.oneof(
  reserved.map((resources): OfferOperation => ({ type: 'RESERVE', reserve: { resources } })),
  reserved.map((resources): OfferOperation => ({ type: 'UNRESERVE', unreserve: { resources } })),
  fc
    .array(volume, { minLength: 1, maxLength: 3 })
    .map((volumes): OfferOperation => ({ type: 'CREATE', create: { volumes } })),
  fc
    .array(volume, { minLength: 1, maxLength: 3 })
    .map((volumes): OfferOperation => ({ type: 'DESTROY', destroy: { volumes } })),
  fc.tuple(volume, fc.integer({ min: 1, max: 1_000_000 })).map(([grown, more]): OfferOperation => {
    const { disk: _disk, ...rest } = grown;
    return {
      type: 'GROW_VOLUME',
      grow_volume: { volume: grown, addition: { ...rest, scalar: { value: more / 1000 } } },
    };
  }),
  fc.tuple(volume, fc.nat(1_000_000)).map(([shrunk, less]): OfferOperation => {
    const size = toFixedPoint(shrunk.scalar?.value ?? 0);
    return {
      type: 'SHRINK_VOLUME',
      shrink_volume: { volume: shrunk, subtract: { value: (1 + (less % (size - 1))) / 1000 } },
    };
  }),
);

/** How much there is of each name, whatever became of it. */
function totals(resources: readonly Resource[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, scalar: amount, ranges } of resources) {
    const pieces = (ranges?.range ?? []).reduce((sum, { begin, end }) => sum + end - begin + 1, 0);
    sums[name] = (sums[name] ?? 0) + (amount === undefined ? pieces : toFixedPoint(amount.value));
  }
  return sums;
}

/** The same resources, in whatever order. */
function equal(left: readonly Resource[], right: readonly Resource[]): boolean {
  return contains(left, right) && contains(right, left);
}

function converted(resources: readonly Resource[], given: OfferOperation): Resource[] {
  const conversion = conversionOf(given);
  if (conversion === undefined) throw new Error('no conversion');
  const result = convert(resources, conversion);
  if ('error' in result) throw new Error(result.error);
  return result.value;
}

describe('conversions', () => {
  test('make neither more nor less of anything', () => {
    fc.assert(
      fc.property(operation, elsewhere, (given, rest) => {
        const consumed = conversionOf(given)?.consumed ?? [];
        const before = add(rest, consumed);
        assert.deepEqual(totals(converted(before, given)), totals(before));
      }),
    );
  });

  test('leave alone what they do not name', () => {
    fc.assert(
      fc.property(operation, volume, (given, other) => {
        const { consumed = [], converted: made = [] } = conversionOf(given) ?? {};
        fc.pre(![...consumed, ...made].some((resource) => sameContent(resource.disk, other.disk)));
        assert.ok(contains(converted(add([other], consumed), given), [other]));
      }),
    );
  });

  test('UNRESERVE undoes RESERVE, and DESTROY undoes CREATE', () => {
    fc.assert(
      fc.property(
        reserved,
        elsewhere,
        fc.uniqueArray(volume, { minLength: 1, selector: (one) => one.disk?.persistence?.id }),
        (resources, rest, volumes) => {
          const reserve: OfferOperation = { type: 'RESERVE', reserve: { resources } };
          const create: OfferOperation = { type: 'CREATE', create: { volumes } };
          const before = [reserve, create].reduce((sum, one) => add(sum, conversionOf(one)?.consumed ?? []), rest);
          const after = converted(converted(before, reserve), create);
          const back = converted(after, { type: 'DESTROY', destroy: { volumes } });
          assert.ok(equal(converted(back, { type: 'UNRESERVE', unreserve: { resources } }), before));
        },
      ),
    );
  });

  test('what is grown by what it was shrunk by is as it was', () => {
    const [disk] = resourcesOf('disk:64');
    const own: Resource = { ...(disk as Resource), reservations: [{ type: 'DYNAMIC', role: 'a' }] };
    const grown: Resource = { ...own, disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'p' } } };
    const small: Resource = { ...grown, scalar: { value: 24 } };
    const shrunk = converted([grown], {
      type: 'SHRINK_VOLUME',
      shrink_volume: { volume: grown, subtract: { value: 40 } },
    });
    assert.ok(equal(shrunk, [small, { ...own, scalar: { value: 40 } }]));
    const addition: Resource = { ...own, scalar: { value: 40 } };
    assert.ok(equal(converted(shrunk, { type: 'GROW_VOLUME', grow_volume: { volume: small, addition } }), [grown]));
  });

  test('of what is not there are refused in the words of Mesos', () => {
    const resources: Resource[] = resourcesOf('disk:64').map((one) => ({
      ...one,
      reservations: [{ type: 'DYNAMIC', role: 'opr' }],
    }));
    const conversion = conversionOf({ type: 'UNRESERVE', unreserve: { resources } });
    const volumes = resources.map((one) => ({
      ...one,
      disk: { persistence: { id: 'ov1' }, volume: { mode: 'RW' as const, container_path: 'p' } },
    }));
    assert.deepEqual(convert(volumes, conversion ?? { consumed: [], converted: [] }), {
      error: 'disk(reservations: [(DYNAMIC,opr)])[ov1:p]:64 does not contain disk(reservations: [(DYNAMIC,opr)]):64',
    });
  });
});

describe('what is whole', () => {
  const mount: Resource = { name: 'disk', type: 'SCALAR', scalar: { value: 100 }, disk: { source: { type: 'MOUNT' } } };
  const shared: Resource = {
    name: 'disk',
    type: 'SCALAR',
    scalar: { value: 10 },
    reservations: [{ type: 'DYNAMIC', role: 'a' }],
    disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'p' } },
    shared: {},
  };

  test('is never split', () => {
    assert.ok(!contains([mount], [{ ...mount, scalar: { value: 50 } }]));
    assert.deepEqual(subtract([mount], [{ ...mount, scalar: { value: 50 } }]), [mount]);
  });

  test('never merges, and is counted', () => {
    for (const one of [mount, shared]) {
      assert.ok(isWhole(one));
      const two = add([one], [one]);
      assert.equal(two.length, 2);
      assert.ok(contains(two, [one, one]));
      assert.ok(!contains([one], [one, one]));
      assert.deepEqual(subtract(two, [one]), [one]);
    }
  });

  test('PATH disks, and RAW ones without id, are amounts', () => {
    for (const source of [{ type: 'PATH' as const, path: { root: '/mnt' } }, { type: 'RAW' as const }]) {
      const disk: Resource = { ...mount, disk: { source } };
      assert.equal(add([disk], [disk])[0]?.scalar?.value, 200);
    }
    assert.equal(add([{ ...mount, disk: { source: { type: 'RAW', id: 'x' } } }], [mount]).length, 2);
  });

  test('is recognised whatever the order of its members', () => {
    const other: Resource = {
      ...shared,
      disk: { volume: { container_path: 'p', mode: 'RW' }, persistence: { id: 'v' } },
    };
    assert.ok(contains([shared], [other]));
  });

  test('is printed as Mesos does', () => {
    assert.equal(formatResources([shared]), 'disk(reservations: [(DYNAMIC,a)])[v:p]<SHARED>:10');
    const reservations: ResourceReservationInfo[] = [
      { type: 'STATIC', role: 'a' },
      { type: 'DYNAMIC', role: 'a/b', principal: 'p' },
    ];
    assert.equal(
      formatResources([{ ...mount, reservations, revocable: {} }], 'a/b'),
      'disk(allocated: a/b)(reservations: [(STATIC,a),(DYNAMIC,a/b,p)])[MOUNT]{REV}:100',
    );
  });
});
