import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LongWork } from '../../../runtime/long-work.ts';

test('long work lets others have their turn before it is over', async () => {
  let others = 0;
  function* work(): Generator<void, string> {
    setImmediate(() => others++);
    while (others === 0) yield;
    return 'done';
  }
  assert.equal(await new LongWork().run(work(), 1), 'done');
});

test('one piece of long work comes after the other, also when the first one fails', async () => {
  const order: string[] = [];
  function* work(name: string): Generator<void, string> {
    order.push(`${name} begins`);
    const until = performance.now() + 10;
    while (performance.now() < until) yield;
    order.push(`${name} ends`);
    if (name === 'first') throw new Error(name);
    return name;
  }
  const works = new LongWork();
  const results = await Promise.allSettled([works.run(work('first'), 1), works.run(work('second'), 1)]);
  assert.deepEqual(order, ['first begins', 'first ends', 'second begins', 'second ends']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
});

test('work is refused when too much waits, but never the only one', async () => {
  function* work(): Generator<void, undefined> {
    yield;
  }
  const works = new LongWork();
  const huge = 1024 ** 3;
  assert.equal(works.isFull(huge), false);
  const first = works.run(work(), huge);
  assert.equal(works.isFull(1), true);
  await first;
  assert.equal(works.isFull(huge), false);
});
