import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gate } from '../../../agent/gate.ts';
import { backoff } from '../../../runtime/backoff.ts';
import { sleep } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { Shutdown } from '../../../runtime/shutdown.ts';
import { settle, VirtualClock } from '../../support/virtual-clock.ts';

test('waits grow with each attempt, stay random, and never pass the maximum', () => {
  const options = { initial: 100, maximum: 5_000 };
  assert.deepEqual(
    [0, 1, 2, 10, 1e6].map((attempt) => backoff(attempt, options, () => 1)),
    [100, 200, 400, 5_000, 5_000],
  );
  assert.equal(
    backoff(3, options, () => 0),
    0,
  );
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const wait = backoff(attempt, options, () => random);
      assert.ok(wait >= 0 && wait <= 5_000);
    }),
  );
});

test('what starts is stopped in the reverse order, each once, also when one of them throws', async () => {
  const stopped: string[] = [];
  const shutdown = new Shutdown(silentLog);
  shutdown.register('first', () => void stopped.push('first'));
  shutdown.register('bad', () => {
    stopped.push('bad');
    throw new Error('no');
  });
  shutdown.register('last', async () => {
    await settle(3);
    stopped.push('last');
  });
  assert.equal(shutdown.signal.aborted, false);
  await Promise.all([shutdown.stop(), shutdown.stop()]);
  assert.deepEqual(stopped, ['last', 'bad', 'first']);
  assert.equal(shutdown.signal.aborted, true);
  shutdown.register('late', () => void stopped.push('late'));
  await shutdown.stop();
  assert.deepEqual(stopped.at(-1), 'late');
});

test('a sleep ends with its time or with the signal, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  let awake = 0;
  for (const _ of [1, 2]) void sleep(clock, 100, controller.signal).then(() => awake++);
  clock.advance(99);
  await settle(2);
  assert.equal(awake, 0);
  controller.abort();
  await settle(2);
  assert.deepEqual([awake, clock.pending], [2, 0]);
  await sleep(clock, 1e9, controller.signal);
  assert.equal(clock.pending, 0);
});

test('a gate lets so many in at a time, in the order they came, also when jobs fail', async () => {
  const gate = new Gate(2);
  const log: string[] = [];
  const release: (() => void)[] = [];
  const jobs = ['a', 'b', 'c', 'd'].map((name) =>
    gate
      .pass(async () => {
        log.push(name);
        await new Promise<void>((resolve) => release.push(resolve));
        if (name === 'a') throw new Error('a fails');
      })
      .catch(() => undefined),
  );
  await settle(2);
  assert.deepEqual(log, ['a', 'b']);
  for (const expected of [3, 4, 4, 4]) {
    release.shift()?.();
    await settle(2);
    assert.equal(log.length, expected);
  }
  await Promise.all(jobs);
  assert.deepEqual([log, gate.busy], [['a', 'b', 'c', 'd'], false]);
});
