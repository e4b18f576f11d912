import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WriteGate } from '../../../agent/recovery/write-gate.ts';
import { silentLog } from '../../../runtime/log.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { settle, VirtualClock } from '../../support/virtual-clock.ts';

function room() {
  const clock = new VirtualClock();
  const disk = new FakeDisk();
  const gate = new WriteGate({ write: (changes) => disk.write(changes), clock, log: silentLog });
  const done: string[] = [];
  const pass = (name: string, value?: string) => {
    const changes = value === undefined ? [] : [{ table: 'now', key: name.slice(0, 1), value }];
    gate.pass(changes, () => done.push(name));
  };
  return { clock, disk, gate, done, pass };
}

describe('a write gate', () => {
  it('lets through at once what follows nothing that is held', () => {
    const { pass, done } = room();
    pass('a');
    assert.deepEqual(done, ['a']);
  });

  it('holds what is to be written, and all behind it, until it is', async () => {
    const { pass, done, disk } = room();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.until = promise;
    pass('a', '1');
    pass('b');
    await settle();
    assert.deepEqual(done, []);
    resolve();
    await settle();
    assert.deepEqual(done, ['a', 'b']);
    assert.equal(disk.table('now').get('a'), '1');
  });

  it('writes together what comes while a write is under way, the latest of each', async () => {
    const { pass, done, disk } = room();
    for (const value of ['1', '2', '3', '4']) pass(`a${value}`, value);
    await settle();
    assert.deepEqual(done, ['a1', 'a2', 'a3', 'a4']);
    assert.equal(disk.writes, 2);
    assert.equal(disk.table('now').get('a'), '4');
  });

  it('tries again each second while the disk is full, with what came since, and then lets all of it through', async () => {
    const { pass, done, disk, clock, gate } = room();
    disk.failure = new Error('full');
    pass('a', '1');
    await settle();
    pass('a', '2');
    pass('b', '1');
    clock.advance(1_000);
    await settle();
    assert.deepEqual(done, []);
    disk.failure = undefined;
    clock.advance(1_000);
    await gate.idle();
    assert.deepEqual(done, ['a', 'a', 'b']);
    assert.deepEqual(
      [...disk.table('now')],
      [
        ['a', '2'],
        ['b', '1'],
      ],
    );
  });

  it('keeps the order of what is passed while something goes through', async () => {
    const { gate, done, pass } = room();
    gate.pass([{ table: 'now', key: 'x', value: '1' }], () => {
      pass('inner');
      done.push('outer');
    });
    pass('last');
    await gate.idle();
    assert.deepEqual(done, ['outer', 'last', 'inner']);
  });

  it('does nothing any more once it is stopped', async () => {
    const { gate, done, pass, disk, clock } = room();
    disk.failure = new Error('full');
    pass('a', '1');
    await settle();
    gate.stop();
    await gate.idle();
    disk.failure = undefined;
    pass('b');
    clock.advance(5_000);
    await settle();
    assert.deepEqual(done, []);
  });

  it('acts in order, each once, after what it wrote is there, whatever fails', async () => {
    const step = fc.oneof(
      fc.record({ pass: fc.integer({ min: 0, max: 3 }), writes: fc.boolean() }),
      fc.constant('fail' as const),
      fc.constant('heal' as const),
      fc.constant('wait' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { gate, disk, clock } = room();
        const acted: number[] = [];
        let passed = 0;
        for (const one of steps) {
          if (one === 'fail') disk.failure = new Error('full');
          else if (one === 'heal') disk.failure = undefined;
          else if (one === 'wait') {
            clock.advance(1_000);
            await settle();
          } else {
            const number = passed++;
            const key = String(one.pass);
            const changes = one.writes ? [{ table: 'now', key, value: String(number) }] : [];
            gate.pass(changes, () => {
              if (one.writes) assert.ok(Number(disk.table('now').get(key)) >= number);
              acted.push(number);
            });
          }
        }
        disk.failure = undefined;
        clock.advance(1_000);
        await gate.idle();
        assert.deepEqual(acted, [...acted.keys()]);
        assert.equal(acted.length, passed);
      }),
      { numRuns: 200 },
    );
  });
});
