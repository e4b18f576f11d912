import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Host } from '../../../../master/allocator/host.ts';
import { Shuffle } from '../../../../master/allocator/shuffle.ts';
import { asAgentId } from '../../../../protocol/ids.ts';
import { factsOf } from '../../../support/master-messages.ts';

const hosts = (count: number): Host[] =>
  Array.from({ length: count }, (_, index) => new Host(asAgentId(`S${index}`), factsOf()));

function orderOf(some: readonly Host[], salt: number): string[] {
  const shuffle = new Shuffle(some, salt);
  while (!shuffle.fill(() => false));
  const order: string[] = [];
  for (let host = shuffle.next(); host !== undefined; host = shuffle.next()) order.push(host.id);
  return order;
}

test('all are there, and those that others are left out of are in the same order', () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 9 }), (count, salt, each) => {
      const all = hosts(count);
      const order = orderOf(all, salt);
      assert.deepEqual([...order].sort(), all.map(({ id }) => id).sort());
      const some = all.filter((_, index) => index % each === 0).reverse();
      const wanted = new Set<string>(some.map(({ id }) => id));
      assert.deepEqual(
        orderOf(some, salt),
        order.filter((id) => wanted.has(id)),
      );
    }),
    { numRuns: 30 },
  );
});

test('each is first about as often as any other, and before any other about every second time', () => {
  const all = hosts(10);
  const firsts = new Map<string, number>();
  let before = 0;
  for (let salt = 0; salt < 4000; salt++) {
    const order = orderOf(all, Math.imul(salt, 0x9e3779b1) >>> 0);
    firsts.set(order[0] ?? '', (firsts.get(order[0] ?? '') ?? 0) + 1);
    if (order.indexOf('S3') < order.indexOf('S7')) before++;
  }
  for (const { id } of all)
    assert.ok(Math.abs((firsts.get(id) ?? 0) - 400) < 100, `${id} is first ${firsts.get(id)} times`);
  assert.ok(Math.abs(before - 2000) < 200, `S3 is before S7 ${before} times`);
});
