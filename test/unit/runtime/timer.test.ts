import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timer } from '../../../runtime/timer.ts';

test('a timer shows nothing before the first sample, and statistics from the second on', () => {
  const timer = new Timer();
  assert.deepEqual(timer.entries('t_ms'), []);
  timer.record(3);
  assert.deepEqual(timer.entries('t_ms'), [['t_ms', 3]]);
  timer.record(1);
  assert.deepEqual(Object.fromEntries(timer.entries('t_ms')), {
    t_ms: 1,
    't_ms/count': 2,
    't_ms/max': 3,
    't_ms/min': 1,
    't_ms/p50': 2,
    't_ms/p90': 2.8,
    't_ms/p95': 2.9,
    't_ms/p99': 2.98,
    't_ms/p999': 2.998,
    't_ms/p9999': 2.9998,
  });
});

test('a timer forgets all but the last thousand samples, and counts on', () => {
  const timer = new Timer();
  for (let sample = 1; sample <= 2500; sample++) timer.record(sample);
  const entries = Object.fromEntries(timer.entries('t'));
  assert.deepEqual([entries.t, entries['t/count'], entries['t/min'], entries['t/max']], [2500, 2500, 1501, 2500]);
});
