import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { steadyTime } from '../../../runtime/clock.ts';

/** A machine whose time of day can be set. */
function machine() {
  const hands = { wall: 1_000_000, steady: 5 };
  const time = steadyTime(
    () => hands.wall,
    () => hands.steady,
  );
  const pass = (milliseconds: number) => {
    hands.wall += milliseconds;
    hands.steady += milliseconds;
    return time();
  };
  return { hands, time, pass };
}

test('time is that of the machine as long as nobody sets it', () => {
  const { hands, time, pass } = machine();
  assert.equal(time(), 1_000_000);
  assert.equal(pass(1234), 1_001_234);
  assert.equal(pass(0.4), Math.floor(hands.wall));
});

test('a time of day that is set, forwards or back, is made up for slowly, and in the end', () => {
  for (const step of [3_600_000, -3_600_000]) {
    const { hands, time, pass } = machine();
    hands.wall += step;
    assert.equal(time(), 1_000_000);
    assert.equal(pass(1000), 1_001_000 + Math.sign(step) * 100);
    pass(Math.abs(step) * 10);
    assert.equal(time(), Math.floor(hands.wall));
  }
});

test('whatever is done to the time of day, time goes on, and a tenth faster or slower at the most', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -1e7, max: 1e7 }), fc.integer({ min: 0, max: 1e5 })));
  fc.assert(
    fc.property(steps, (all) => {
      const { hands, time, pass } = machine();
      let before = time();
      for (const [step, milliseconds] of all) {
        hands.wall += step;
        const now = pass(milliseconds);
        assert.ok(now - before >= milliseconds * 0.9 - 1 && now - before <= milliseconds * 1.1 + 1);
        before = now;
      }
    }),
  );
});
