import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateChaos } from '../../chaos/simulated.ts';

// `npm run chaos -- --simulated` is the same at its full size.
const seeds = (process.env.MESITA_CHAOS_SEEDS ?? '1,2').split(',').map(Number);

for (const seed of seeds) {
  test(`whatever breaks, no task is lost, run twice or killed without a cause (seed ${seed})`, () => {
    const { tasks, faults, violations } = simulateChaos({ seed, scale: 0.12, seconds: 600 });
    assert.deepEqual(violations, [], `of ${tasks} tasks and ${faults} faults`);
    assert.ok(tasks > 100 && faults > 500, `${tasks} tasks, ${faults} faults`);
  });
}
