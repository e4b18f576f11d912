import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Checker } from '../../../../runtime/checks/checker.ts';
import { startChecks } from '../../../../runtime/checks/task-checks.ts';
import type { ProbeResult } from '../../../../runtime/checks/verdict.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

const good: ProbeResult = { type: 'COMMAND', exitCode: 0 };

/** Goes on by so many milliseconds, step by step, so that what waits for promises keeps up. */
async function pass(clock: VirtualClock, milliseconds: number, step = 500): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += step) {
    clock.advance(Math.min(step, milliseconds - passed));
    await settle(3);
  }
}

/** A probe that takes so long in virtual time, and gives up when told to. */
function lasting(clock: VirtualClock, milliseconds: () => number, counts: { now: number; most: number; made: number }) {
  return (signal: AbortSignal): Promise<ProbeResult> =>
    new Promise((resolve, reject) => {
      counts.most = Math.max(counts.most, ++counts.now);
      counts.made++;
      let over = false;
      const end = (settled: () => void) => {
        if (!over) counts.now--;
        over = true;
        settled();
      };
      const cancel = clock.after(milliseconds(), () => end(() => resolve(good)));
      signal.addEventListener('abort', () => {
        cancel();
        end(() => reject(signal.reason));
      });
    });
}

describe('a checker', () => {
  test('makes the first attempt after the delay, and each next one an interval after the end of the last', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const begun: number[] = [];
    const counts = { now: 0, most: 0, made: 0 };
    const attempt = lasting(clock, () => 300, counts);
    const checker = new Checker({
      timing: { delay: 2000, interval: 1000, timeout: 5000 },
      probe: {
        attempt: (signal) => {
          begun.push(clock.now() - start);
          return attempt(signal);
        },
      },
      clock,
      take: () => true,
    });
    await pass(clock, 5000, 100);
    checker.stop();
    assert.deepEqual(begun, [2000, 3300, 4600]);
    assert.equal(clock.pending, 0, 'a stopped checker leaves no timer');
  });

  test('gives an attempt up when its time is over', async () => {
    const clock = new VirtualClock();
    const taken: ProbeResult[] = [];
    const counts = { now: 0, most: 0, made: 0 };
    const checker = new Checker({
      timing: { delay: 0, interval: 1000, timeout: 2000 },
      probe: { attempt: lasting(clock, () => 1e9, counts) },
      clock,
      take: (result) => taken.push(result) < 2,
    });
    await pass(clock, 10_000);
    const late = { type: 'FAILED', why: 'took longer than 2 s' };
    assert.deepEqual(taken, [late, late]);
    assert.equal(counts.now, 0);
    assert.equal(clock.pending, 0, 'nothing follows when there shall be no more');
    checker.stop();
  });

  test('never gives up an attempt without timeout', async () => {
    const clock = new VirtualClock();
    const counts = { now: 0, most: 0, made: 0 };
    const timing = { delay: 0, interval: 1000, timeout: Number.POSITIVE_INFINITY };
    const checker = new Checker({
      timing,
      probe: { attempt: lasting(clock, () => 1e9, counts) },
      clock,
      take: () => true,
    });
    await pass(clock, 1e6, 1e5);
    assert.deepEqual(counts, { now: 1, most: 1, made: 1 });
    checker.stop();
    await settle();
    assert.equal(counts.now, 0);
  });

  test('does not count the wait for its turn as time of the attempt', async () => {
    const clock = new VirtualClock();
    const taken: ProbeResult[] = [];
    let left = 0;
    const checker = new Checker({
      timing: { delay: 0, interval: 1000, timeout: 2000 },
      probe: {
        turn: () => new Promise((resolve) => void clock.after(60_000, () => resolve(() => void left++))),
        attempt: async () => good,
      },
      clock,
      take: (result) => taken.push(result) < 1,
    });
    await pass(clock, 70_000);
    assert.deepEqual(taken, [good]);
    assert.equal(left, 1);
    checker.stop();
  });

  test('makes one attempt at a time and takes nothing after it was stopped, whatever attempts last', async () => {
    const duration = fc.nat(5000);
    const timing = fc.record({ delay: duration, interval: duration, timeout: fc.integer({ min: 1, max: 5000 }) });
    await fc.assert(
      fc.asyncProperty(
        timing,
        fc.array(duration, { minLength: 1, maxLength: 20 }),
        fc.nat(30_000),
        async (times, lasts, end) => {
          const clock = new VirtualClock();
          const counts = { now: 0, most: 0, made: 0 };
          let stopped = false;
          const next = () => lasts[counts.made % lasts.length] ?? 0;
          const checker = new Checker({
            timing: times,
            probe: { attempt: lasting(clock, next, counts) },
            clock,
            take: () => {
              assert.ok(!stopped);
              return true;
            },
          });
          await pass(clock, end, 1000);
          checker.stop();
          stopped = true;
          await settle(3);
          assert.ok(counts.most <= 1, `${counts.most} at once`);
          assert.equal(counts.now, 0);
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the checks of a task', () => {
  test('a health check that begins to fail after five minutes has the task killed at its third failure', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const news: string[] = [];
    const stop = startChecks(
      { health_check: { type: 'TCP', tcp: { port: 80 }, delay_seconds: 0 } },
      {
        clock,
        probe: () => ({ attempt: async () => ({ type: 'TCP', succeeded: clock.now() - start < 300_000 }) }),
        healthChanged: ({ healthy, kill }) => news.push(`${(clock.now() - start) / 1000} ${healthy} ${kill}`),
        statusChanged: () => assert.fail('there is no check'),
      },
    );
    await pass(clock, 400_000, 1000);
    assert.deepEqual(news, ['1 true false', '301 false false', '311 false false', '321 false true']);
    assert.equal(clock.pending, 0);
    stop();
  });

  test('a health check and a check go on beside each other until they are stopped', async () => {
    const clock = new VirtualClock();
    const said: unknown[] = [];
    const stop = startChecks(
      {
        health_check: { type: 'HTTP', http: { port: 80 }, delay_seconds: 1, interval_seconds: 1 },
        check: { type: 'COMMAND', command: { command: { value: 'exit 4' } }, delay_seconds: 1, interval_seconds: 1 },
      },
      {
        clock,
        probe: ({ type }) => ({
          attempt: async () => (type === 'HTTP' ? { type, statusCode: 200 } : { type: 'COMMAND', exitCode: 4 }),
        }),
        healthChanged: (news) => said.push(news),
        statusChanged: (status) => said.push(status),
      },
    );
    await pass(clock, 10_000);
    assert.deepEqual(said, [
      { healthy: true, kill: false },
      { type: 'COMMAND', command: { exit_code: 4 } },
    ]);
    stop();
    assert.equal(clock.pending, 0);
  });

  test('checks of a task that ran before go on: grace and delay count from its start, and what was told is not told again', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const said: string[] = [];
    const begin = (healthy: boolean | undefined, runsFor: number) =>
      startChecks(
        {
          health_check: {
            type: 'TCP',
            tcp: { port: 80 },
            delay_seconds: 20,
            interval_seconds: 10,
            grace_period_seconds: 60,
          },
          check: {
            type: 'COMMAND',
            command: { command: { value: 'exit 4' } },
            delay_seconds: 20,
            interval_seconds: 10,
          },
        },
        {
          clock,
          probe: ({ type }) => ({
            attempt: async () => (type === 'TCP' ? { type, succeeded: false } : { type: 'COMMAND', exitCode: 4 }),
          }),
          healthChanged: ({ healthy, kill }) => said.push(`${(clock.now() - start) / 1000} ${healthy} ${kill}`),
          statusChanged: () => said.push('told again'),
        },
        {
          startedAt: clock.now() - runsFor,
          healthy,
          status: { type: 'COMMAND', command: { exit_code: 4 } },
        },
      );
    const stopFirst = begin(undefined, 15_000);
    await pass(clock, 40_000, 500);
    assert.deepEqual(said, []);
    await pass(clock, 20_000, 500);
    assert.equal(said.length, 1);
    stopFirst();
    said.length = 0;
    const since = (clock.now() - start) / 1000;
    const stopSecond = begin(true, 30_000);
    await pass(clock, 25_000, 500);
    stopSecond();
    assert.deepEqual(
      said,
      [0, 10, 20].map((later) => `${since + later + 0.5} false ${later === 20}`),
    );
    said.length = 0;
    const stopThird = begin(false, 30_000);
    await pass(clock, 15_000, 500);
    stopThird();
    assert.match(said.at(-1) ?? '', /false true$/);
    assert.equal(said.length, 2);
  });
});
