import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Offer } from '../../../protocol/messages.ts';
import { formatResources } from '../../../protocol/resource-text.ts';
import { OfferRoom } from '../../../simulator/offer-room.ts';
import { MeasuredProcessor } from '../../../simulator/processor.ts';
import { Random } from '../../../simulator/random.ts';
import { draw, parseSeconds, parseSpan } from '../../../simulator/spans.ts';
import { Timeline } from '../../../simulator/timeline.ts';
import { Wire } from '../../../simulator/wire.ts';
import { resourcesOf } from '../../support/master-messages.ts';

describe('a timeline', () => {
  test('lets things happen in the order of their times, and of equal times in the order in which they were scheduled', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (times) => {
        const timeline = new Timeline();
        const happened: number[] = [];
        for (const [index, at] of times.entries()) timeline.after(at, () => happened.push(index));
        timeline.run(1);
        const sorted = [...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
        assert.deepEqual(happened, sorted);
      }),
    );
  });

  test('leaves out what was cancelled, and stops at the end', () => {
    const timeline = new Timeline();
    const happened: string[] = [];
    const cancel = timeline.after(10, () => happened.push('cancelled'));
    timeline.after(20, () => timeline.after(30, () => happened.push(`at ${timeline.elapsed}`)));
    timeline.after(1001, () => happened.push('too late'));
    cancel();
    timeline.run(1);
    assert.deepEqual(happened, ['at 0.05']);
    assert.equal(timeline.elapsed, 1);
  });
});

test('a wire that is cut loses what is under way', () => {
  const timeline = new Timeline();
  const wire = new Wire(timeline, 0.01);
  const arrived: string[] = [];
  wire.send('up', () => arrived.push('first'));
  timeline.run(0.01);
  wire.send('up', () => arrived.push('second'));
  wire.cut();
  wire.send('up', () => arrived.push('third'));
  timeline.run(1);
  assert.deepEqual(arrived, ['first']);
});

test('work that takes time keeps what comes meanwhile waiting, and what it sends leaves when it is done', () => {
  const timeline = new Timeline();
  let time = 0;
  const processor = new MeasuredProcessor(timeline, () => time);
  const seen: string[] = [];
  const work = (name: string, milliseconds: number) => () => {
    seen.push(`${name} at ${timeline.elapsed * 1000}`);
    time += milliseconds;
    processor.depart(() => seen.push(`${name} sent at ${timeline.elapsed * 1000}`));
  };
  processor.run(work('long', 30));
  timeline.after(10, () => processor.run(work('short', 5)));
  timeline.run(1);
  assert.deepEqual(seen, ['long at 0', 'long sent at 30', 'short at 30', 'short sent at 35']);
  assert.deepEqual([processor.total, processor.longest], [35, 30]);
});

describe('a time', () => {
  test('is read in short and in Mesos’ form', () => {
    assert.deepEqual(['1.5h', '90s', '15secs', '2d', '20ms', '7', 'soon', '-1s'].map(parseSeconds), [
      5400,
      90,
      15,
      172_800,
      0.02,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('that is drawn has the mean that was asked for', () => {
    for (const [text, mean] of [
      ['30s', 30],
      ['exponential 30s', 30],
      ['uniform 10s 20s', 15],
      ['normal 30s 5s', 30],
    ] as const) {
      const span = parseSpan(text);
      assert.ok('value' in span);
      const random = new Random('seed');
      const times = Array.from({ length: 20_000 }, () => draw(span.value, random));
      const found = times.reduce((sum, time) => sum + time, 0) / times.length;
      assert.ok(Math.abs(found - mean) < mean * 0.03, `${text}: ${found}`);
    }
  });
});

test('tasks are cut out of an offer, what is reserved first, until it is too small', () => {
  const id = { value: 'o' };
  const resources = resourcesOf('cpus(a):1;cpus:2;mem:256;ports:[1-2]');
  const offer: Offer = { id, framework_id: id, agent_id: id, hostname: 'h', resources };
  const room = new OfferRoom(offer);
  const wanted = resourcesOf('cpus:1.5;mem:100');
  assert.equal(formatResources(room.take(wanted) ?? []), 'cpus(reservations: [(STATIC,a)]):1; cpus:0.5; mem:100');
  assert.equal(formatResources(room.take(wanted) ?? []), 'cpus:1.5; mem:100');
  assert.equal(room.take(wanted), undefined);
});
