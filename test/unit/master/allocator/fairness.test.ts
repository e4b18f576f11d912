import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HierarchicalAllocator } from '../../../../master/allocator/hierarchical-allocator.ts';
import { asAgentId, asFrameworkId } from '../../../../protocol/ids.ts';
import { seeded } from '../../../support/allocator-history.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf } from '../../../support/master-messages.ts';
import { type Bundle, TaskMarket } from '../../../support/task-market.ts';

const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 40);

test("the DRF paper's example: of 9 CPUs and 18 GB, user A runs three tasks of <1, 4> and user B two of <3, 1>", () => {
  const market = new TaskMarket({ cpus: 9, mem: 18 }, { A: { cpus: 1, mem: 4 }, B: { cpus: 3, mem: 1 } });
  assert.deepEqual(market.run(), { A: 3, B: 2 });
  assert.equal(market.shareOf('A'), 12 / 18);
  assert.equal(market.shareOf('B'), 6 / 9);
  assert.deepEqual(market.used(), { cpus: 9, mem: 14 });
});

describe('with static demand of small tasks', () => {
  const total: Bundle = { cpus: 1000, mem: 1000 };
  /** At most a hundredth of the cluster: shares may differ by a task. */
  const task = fc.record({ cpus: fc.integer({ min: 1, max: 10 }), mem: fc.integer({ min: 1, max: 10 }) });
  const dominant = (demand: Bundle) => Math.max(demand.cpus, demand.mem);

  test('nobody would rather have what another has', () => {
    fc.assert(
      fc.property(fc.array(task, { minLength: 2, maxLength: 5 }), (demands) => {
        const counts = new TaskMarket(total, named(demands)).run(true);
        for (const [i, own] of demands.entries()) {
          for (const [j, other] of demands.entries()) {
            const count = counts[`u${j}`] ?? 0;
            const instead = Math.min((count * other.cpus) / own.cpus, (count * other.mem) / own.mem);
            const slack = 1 + dominant(other) / dominant(own);
            assert.ok(
              instead <= (counts[`u${i}`] ?? 0) + slack,
              `u${i} envies u${j}: ${instead} for ${counts[`u${i}`]}`,
            );
          }
        }
      }),
      { numRuns },
    );
  });

  test('everybody has at least what a division into equal parts would give', () => {
    fc.assert(
      fc.property(fc.array(task, { minLength: 1, maxLength: 5 }), (demands) => {
        const counts = new TaskMarket(total, named(demands)).run(true);
        for (const [index, { cpus, mem }] of demands.entries()) {
          const alone = Math.floor(Math.min(total.cpus / demands.length / cpus, total.mem / demands.length / mem));
          const steps = Math.max(...demands.map(dominant)) / dominant({ cpus, mem });
          assert.ok(
            (counts[`u${index}`] ?? 0) >= alone - 1 - steps,
            `u${index} has ${counts[`u${index}`]} of ${alone}`,
          );
        }
      }),
      { numRuns },
    );
  });

  test('nobody gains by asking for something else than he needs', () => {
    fc.assert(
      fc.property(fc.array(task, { minLength: 2, maxLength: 4 }), task, (demands, lie) => {
        const [truth] = demands;
        if (truth === undefined) return;
        const honest = new TaskMarket(total, named(demands)).run(true).u0 ?? 0;
        const lied = new TaskMarket(total, named([lie, ...demands.slice(1)])).run(true).u0 ?? 0;
        const useful = Math.min((lied * lie.cpus) / truth.cpus, (lied * lie.mem) / truth.mem);
        const step = Math.max(dominant(lie), ...demands.map(dominant));
        assert.ok(
          useful <= honest + 2 + (2 * step) / dominant(truth),
          `${useful} tasks by lying, ${honest} by the truth`,
        );
      }),
      { numRuns },
    );
  });

  test('with weights, shares are in their proportion', () => {
    const demand = { cpus: 1, mem: 1 };
    const market = new TaskMarket(total, { light: demand, heavy: demand }, (user) => user);
    market.setWeight('heavy', 3);
    assert.deepEqual(market.run(), { light: 250, heavy: 750 });
  });
});

test('no framework starves, whatever the others do with their offers', () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.array(fc.constantFrom('declines', 'keeps for a while', 'gives back'), { minLength: 2, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('drf' as const, 'round_robin' as const, 'random' as const),
      (seed, habits, agents, sorting) => {
        const options = { roleSorter: sorting, frameworkSorter: sorting };
        const allocator = new AuditedAllocator(new HierarchicalAllocator(options));
        const random = seeded(seed);
        for (let index = 0; index < agents; index++) {
          allocator.addAgent(asAgentId(`S${index}`), resourcesOf('cpus:4;mem:4096'), factsOf());
        }
        for (const index of habits.keys()) {
          allocator.addFramework(asFrameworkId(`F${index}`), demandOf({ role: `r${index % 3}` }));
          allocator.activateFramework(asFrameworkId(`F${index}`));
        }
        const served = new Set<string>();
        const ends: (() => void)[] = [];
        // Enough for chance: the random sorter leaves one of eight out for 300 turns once in 10^17 times.
        for (let second = 0; second < 300; second++) {
          for (const end of ends.splice(0)) end();
          for (const offer of allocator.allocate(second * 1000, random)) {
            served.add(offer.framework);
            const habit = habits[Number(offer.framework.slice(1))];
            if (habit === 'declines') allocator.recover(offer, { refuseSeconds: 3 }, second * 1000);
            else if (habit === 'gives back') allocator.recover(offer, undefined, second * 1000);
            else ends.push(() => allocator.recover(offer, undefined, second * 1000));
          }
        }
        assert.equal(served.size, habits.length);
      },
    ),
    { numRuns },
  );
});

function named(demands: readonly Bundle[]): Record<string, Bundle> {
  return Object.fromEntries(demands.map((demand, index) => [`u${index}`, demand]));
}
