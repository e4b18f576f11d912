import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { shareOfMachine } from '../../../../cli/setup/share.ts';
import { parseResources } from '../../../../protocol/resource-text.ts';

const gigabyte = 2 ** 30;

it('one agent offers the machine, less a GB of memory and a tenth of the disk', () => {
  const machine = { cpus: 8, memory: 16 * gigabyte, disk: 100 * gigabyte };
  assert.equal(shareOfMachine(machine, 1), `cpus:8;mem:${15 * 1024};disk:${90 * 1024}`);
});

it('several agents share it, and each has a whole CPU at least', () => {
  const machine = { cpus: 2, memory: 7 * gigabyte, disk: 100 * gigabyte };
  assert.equal(shareOfMachine(machine, 3), 'cpus:1;mem:2048;disk:30720');
  assert.equal(shareOfMachine({ ...machine, cpus: 4 }, 3), 'cpus:1.3;mem:2048;disk:30720');
});

it('the agents together never offer more memory or disk than there is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 256 }),
      fc.integer({ min: 256, max: 2 ** 20 }),
      fc.integer({ min: 0, max: 2 ** 22 }),
      fc.integer({ min: 1, max: 100 }),
      (cpus, memory, disk, agents) => {
        const text = shareOfMachine({ cpus, memory: memory * 2 ** 20, disk: disk * 2 ** 20 }, agents);
        const [, mem, space] = /mem:(\d+);disk:(\d+)$/.exec(text) ?? [];
        assert.ok(Number(mem) * agents <= memory);
        assert.ok(Number(space) * agents <= disk);
        assert.ok(!('error' in parseResources(text, '*')), `agents do not take ${text}`);
      },
    ),
  );
});
