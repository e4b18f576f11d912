import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { healthPlan, statusPlan } from '../../../../runtime/checks/check-plan.ts';
import {
  describeResult,
  emptyCheckStatus,
  type Health,
  isHealthy,
  judgeHealth,
  judgeStatus,
  newHealth,
  type ProbeResult,
} from '../../../../runtime/checks/verdict.ts';

const good: ProbeResult = { type: 'COMMAND', exitCode: 0 };
const bad: ProbeResult = { type: 'COMMAND', exitCode: 1 };
const none: ProbeResult = { type: 'SKIPPED', why: 'the engine is away' };
const gaveUp: ProbeResult = { type: 'FAILED', why: 'took longer than 20 s' };

/** Feeds attempts at their seconds; one letter each: `+` healthy, `-` unhealthy, `!` unhealthy and to be killed, `.` no news. */
function told(plan: { grace: number; consecutiveFailures: number }, attempts: [number, ProbeResult][]): string {
  let health: Health = newHealth(0);
  return attempts
    .map(([second, result]) => {
      const judged = judgeHealth(plan, health, result, second * 1000);
      health = judged.health;
      if (judged.news === undefined) return '.';
      if (judged.news.kill) return '!';
      return judged.news.healthy ? '+' : '-';
    })
    .join('');
}

const each = (...results: ProbeResult[]): [number, ProbeResult][] =>
  results.map((result, index) => [index + 1, result]);

describe('health', () => {
  test('is told with the first success, and again only after failures', () => {
    assert.equal(told({ grace: 0, consecutiveFailures: 3 }, each(good, good, bad, good, good)), '+.-+.');
  });

  test('each failure is told, and the last of so many in a row kills', () => {
    assert.equal(told({ grace: 0, consecutiveFailures: 3 }, each(bad, bad, good, bad, gaveUp, bad)), '--+--!');
    assert.equal(told({ grace: 0, consecutiveFailures: 1 }, each(good, bad)), '+!');
    assert.equal(told({ grace: 0, consecutiveFailures: 0 }, each(bad)), '!');
  });

  test('failures in the grace period neither count nor are told, its last instant included', () => {
    const plan = { grace: 10_000, consecutiveFailures: 2 };
    const attempts: [number, ProbeResult][] = [
      [1, bad],
      [10, bad],
      [10.001, bad],
      [11, bad],
    ];
    assert.equal(told(plan, attempts), '..-!');
  });

  test('the first success ends the grace period for good', () => {
    assert.equal(told({ grace: 60_000, consecutiveFailures: 2 }, each(bad, good, bad, bad)), '.+-!');
  });

  test('a grace period of nothing forgives nothing, not even in the first instant', () => {
    assert.equal(told({ grace: 0, consecutiveFailures: 2 }, [[0, bad]]), '-');
  });

  test('what could not be tried leaves all as it was', () => {
    assert.equal(told({ grace: 0, consecutiveFailures: 2 }, each(bad, none, none, bad)), '-..!');
    assert.equal(told({ grace: 0, consecutiveFailures: 2 }, each(none, good, none, good)), '.+..');
  });

  test('whatever comes, news alternate as the table has it and a kill needs its failures in a row', () => {
    const result = fc.constantFrom(good, bad, none, gaveUp);
    const attempts = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), result), { maxLength: 40 });
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: 0, max: 5 }), attempts, (graceSeconds, consecutiveFailures, steps) => {
        let second = 0;
        const timed = steps.map(([pause, one]): [number, ProbeResult] => {
          second += pause;
          return [second, one];
        });
        const news = told({ grace: graceSeconds * 1000, consecutiveFailures }, timed);
        let counted = 0;
        let known: boolean | undefined;
        for (const [index, [at, one]] of timed.entries()) {
          const letter = news[index];
          if (one.type === 'SKIPPED') assert.equal(letter, '.');
          else if (isHealthy(one)) {
            assert.equal(letter, known === true && counted === 0 ? '.' : '+');
            [counted, known] = [0, true];
          } else if (known !== true && graceSeconds > 0 && at <= graceSeconds) assert.equal(letter, '.');
          else {
            counted++;
            assert.equal(letter, counted >= consecutiveFailures ? '!' : '-');
          }
        }
      }),
    );
  });
});

describe('healthy', () => {
  test('is a status from 200 to 399, an exit with 0, a connection', () => {
    const healthyCodes = [100, 199, 200, 204, 301, 399, 400, 404, 500].filter((statusCode) =>
      isHealthy({ type: 'HTTP', statusCode }),
    );
    assert.deepEqual(healthyCodes, [200, 204, 301, 399]);
    assert.ok(isHealthy({ type: 'TCP', succeeded: true }));
    assert.ok(!isHealthy({ type: 'TCP', succeeded: false }));
    assert.ok(!isHealthy(gaveUp));
  });
});

describe('a check', () => {
  test('is told when it says something else than before, and an attempt without answer says nothing', () => {
    const start = emptyCheckStatus('COMMAND');
    const first = judgeStatus(start, bad);
    assert.deepEqual(first, { type: 'COMMAND', command: { exit_code: 1 } });
    assert.ok(first !== undefined);
    assert.equal(judgeStatus(first, bad), undefined);
    assert.equal(judgeStatus(first, none), undefined);
    assert.deepEqual(judgeStatus(first, gaveUp), { type: 'COMMAND', command: {} });
    assert.equal(judgeStatus(start, gaveUp), undefined);
  });

  test('has a member for each type', () => {
    const http = judgeStatus(emptyCheckStatus('HTTP'), { type: 'HTTP', statusCode: 404 });
    assert.deepEqual(http, { type: 'HTTP', http: { status_code: 404 } });
    const tcp = judgeStatus(emptyCheckStatus('TCP'), { type: 'TCP', succeeded: false });
    assert.deepEqual(tcp, { type: 'TCP', tcp: { succeeded: false } });
    assert.deepEqual(emptyCheckStatus('TCP'), { type: 'TCP', tcp: {} });
  });
});

describe('what a task says of its checks', () => {
  test('has the defaults of Mesos', () => {
    const command = { value: 'true' };
    const timing = { delay: 15_000, interval: 10_000, timeout: 20_000 };
    assert.deepEqual(healthPlan({ type: 'COMMAND', command }), {
      timing,
      target: { type: 'COMMAND', command },
      grace: 10_000,
      consecutiveFailures: 3,
    });
    assert.deepEqual(statusPlan({ type: 'TCP', tcp: { port: 80 } }), {
      timing,
      target: { type: 'TCP', family: 4, port: 80 },
    });
  });

  test('has no timeout where that is 0', () => {
    assert.equal(statusPlan({ type: 'TCP', tcp: { port: 80 }, timeout_seconds: 0 })?.timing.timeout, Infinity);
  });

  test('has scheme and protocol for HTTP', () => {
    const http = { port: 443, scheme: 'https', protocol: 'IPv6', path: '/up' } as const;
    const target = { type: 'HTTP', scheme: 'https', family: 6, port: 443, path: '/up' };
    assert.deepEqual(healthPlan({ type: 'HTTP', http })?.target, target);
  });
});

test('a failure is described with the last line of what the command wrote', () => {
  const output = 'trying\ncurl: (7) refused\n';
  assert.equal(describeResult({ type: 'COMMAND', exitCode: 7, output }), 'exited with status 7: curl: (7) refused');
});
