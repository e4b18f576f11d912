import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { masterFlags } from '../../../../master/flags.ts';
import { parseRateLimits } from '../../../../master/rate-limits/rate-limit-table.ts';
import { RateLimits } from '../../../../master/rate-limits/rate-limits.ts';
import { Throttle } from '../../../../master/rate-limits/throttle.ts';
import { parseFlags } from '../../../../runtime/flags.ts';
import { MasterWorld } from '../../../support/master-world.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

function calls(throttle: Pick<Throttle, 'pass'>) {
  const heard: string[] = [];
  const make = (name: string, bytes = 10) => {
    const drop = (reason: string) => void heard.push(`${name} dropped: ${reason}`);
    throttle.pass({ bytes, takeUp: () => void heard.push(name), drop });
  };
  return { heard, make };
}

describe('a throttle', () => {
  test('lets a call through at once, and those behind it at its pace, in their order', () => {
    const clock = new VirtualClock();
    const { heard, make } = calls(new Throttle({ qps: 2, capacity: undefined }, clock));
    for (const name of ['a', 'b', 'c']) make(name);
    assert.deepEqual(heard, ['a']);
    clock.advance(499);
    assert.deepEqual(heard, ['a']);
    clock.advance(1);
    assert.deepEqual(heard, ['a', 'b']);
    make('d');
    clock.advance(10_000);
    assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
    make('e');
    assert.equal(heard.at(-1), 'e', 'who comes seldom does not wait');
  });

  test('drops what comes when as many wait as may, in number or in bytes', () => {
    const clock = new VirtualClock();
    const few = calls(new Throttle({ qps: 1, capacity: 1 }, clock));
    for (const name of ['a', 'b', 'c']) few.make(name);
    assert.deepEqual(few.heard, ['a', 'c dropped: capacity(1) exceeded']);
    const large = calls(new Throttle({ qps: 1, capacity: undefined }, clock));
    for (const name of ['a', 'b', 'c']) large.make(name, 40 * 1024 * 1024);
    assert.deepEqual(large.heard, ['a', 'c dropped: calls of more than 67108864 bytes wait']);
    clock.advance(1000);
    large.make('d', 40 * 1024 * 1024);
    assert.deepEqual(large.heard.slice(2), ['b'], 'there is room again');
  });

  test('drops what waits when the master stops', () => {
    const clock = new VirtualClock();
    const throttle = new Throttle({ qps: 1, capacity: undefined }, clock);
    const { heard, make } = calls(throttle);
    for (const name of ['a', 'b']) make(name);
    throttle.stop();
    clock.advance(10_000);
    assert.deepEqual([heard, clock.pending], [['a', 'b dropped: the master stops'], 0]);
  });

  test('takes up each call once, in order, and never more in a time than its pace allows', () => {
    const history = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 3000, noNaN: true }), history, (qps, pauses) => {
        const clock = new VirtualClock();
        const throttle = new Throttle({ qps, capacity: undefined }, clock);
        const taken: { index: number; at: number }[] = [];
        for (const [index, pause] of pauses.entries()) {
          throttle.pass({ bytes: 1, takeUp: () => void taken.push({ index, at: clock.now() }), drop: assert.fail });
          clock.advance(pause);
        }
        clock.advance((pauses.length / qps) * 1000 + 10);
        assert.deepEqual(
          taken.map(({ index }) => index),
          [...pauses.keys()],
        );
        for (const [from, first] of taken.entries()) {
          const last = taken.at(-1) ?? first;
          const allowed = ((last.at - first.at + 1) / 1000) * qps + 1;
          assert.ok(taken.length - from <= Math.ceil(allowed), `${taken.length - from} in ${last.at - first.at} ms`);
        }
      }),
    );
  });
});

describe('--rate_limits', () => {
  const table = JSON.stringify({
    limits: [
      { principal: 'slow', qps: 1, capacity: 1 },
      { principal: 'free', capacity: 3 },
    ],
    aggregate_default_qps: 2,
    aggregate_default_capacity: 0,
  });

  function limits(clock = new VirtualClock()) {
    const world = new MasterWorld();
    const parsed = parseRateLimits(table);
    assert.ok('value' in parsed);
    return { world, clock, limits: new RateLimits(parsed.value, world.state, clock) };
  }

  const of = (all: RateLimits, principal: string | undefined) => calls({ pass: (call) => all.pass(principal, call) });

  test('gives each principal a pace of its own, all others one together, and leaves alone who has none', () => {
    const { limits: all } = limits();
    const [slow, free] = [of(all, 'slow'), of(all, 'free')];
    for (const name of ['a', 'b', 'c']) slow.make(name);
    for (const name of ['a', 'b', 'c']) free.make(name);
    const [stranger, nameless] = [of(all, 'stranger'), of(all, undefined)];
    stranger.make('a');
    nameless.make('b');
    assert.deepEqual(slow.heard, ['a', 'c dropped: capacity(1) exceeded']);
    assert.deepEqual(free.heard, ['a', 'b', 'c']);
    assert.deepEqual([stranger.heard, nameless.heard], [['a'], ['b dropped: capacity(0) exceeded']]);
  });

  test('counts what each principal says, and forgets it with its last framework', () => {
    const { world, limits: all, clock } = limits();
    const counters = () =>
      Object.fromEntries([...world.state.metrics.counters].filter(([name]) => name.startsWith('frameworks/')));
    const slow = of(all, 'slow');
    for (const name of ['a', 'b', 'c']) slow.make(name);
    of(all, undefined).make('nobody');
    assert.deepEqual(counters(), {
      'frameworks/slow/messages_received': 3,
      'frameworks/slow/messages_processed': 1,
    });
    clock.advance(1000);
    assert.equal(counters()['frameworks/slow/messages_processed'], 2);
    of(all, 'stranger').make('a');
    assert.deepEqual(Object.keys(counters()), [
      'frameworks/stranger/messages_received',
      'frameworks/stranger/messages_processed',
    ]);
  });

  test('that cannot be meant are refused, with what is wrong', () => {
    for (const [text, problem] of [
      ['nonsense', /syntax error at line 1/],
      ['[]', /JSON object/],
      ['{"limits": [{"qps": 1}]}', /Missing required fields: .*principal/],
      ['{"limits": [{"principal": "a", "qps": 0}]}', /qps of principal 'a' is not a positive number/],
      ['{"limits": [{"principal": "a", "qps": -1}]}', /qps of principal 'a' is not a positive number/],
      ['{"limits": [{"principal": "a"}, {"principal": "a", "qps": 1}]}', /principal 'a' is named twice/],
      ['{"aggregate_default_qps": 0}', /aggregate_default_qps is not a positive number/],
    ] as const) {
      assert.throws(() => parseFlags(masterFlags, [`--rate_limits=${text}`], {}), {
        code: 'MESITA_FLAG_INVALID',
        message: problem,
      });
    }
    assert.equal(parseFlags(masterFlags, [`--rate_limits=${table}`], {}).rate_limits, table);
  });
});
