import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { removeQuota, setQuota, updateQuotas } from '../../../../master/commands/quota.ts';
import { metricsSnapshot } from '../../../../master/metrics-snapshot.ts';
import { quotaStatus } from '../../../../master/operator/quota-status.ts';
import type { QuotaQuotaConfig, Resource } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { eventsIn, MasterWorld } from '../../../support/master-world.ts';

type Outcome = ReturnType<typeof updateQuotas>;

function refusalOf(world: MasterWorld, outcome: Outcome): string | undefined {
  if ('effects' in outcome) world.did(outcome.effects);
  assertInvariants(world.state, world.allocator);
  return 'refusal' in outcome ? outcome.text : undefined;
}

function update(world: MasterWorld, force: boolean, ...quota_configs: QuotaQuotaConfig[]): string | undefined {
  return refusalOf(world, updateQuotas(world.state, { force, quota_configs }, world.now));
}

function set(world: MasterWorld, role: string, guarantee: Resource[], force = false): string | undefined {
  return refusalOf(world, setQuota(world.state, { role, guarantee, force }, world.now));
}

const cpus = (value: number) => ({ cpus: { value } });
const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value } });
const rescinded = (world: MasterWorld) => eventsIn(world.take()).filter(({ type }) => type === 'RESCIND').length;

describe('UPDATE_QUOTA', () => {
  test('shows what was set, in both forms, and tells the allocator', () => {
    const world = new MasterWorld();
    world.agent('cpus:2;mem:2048');
    assert.equal(update(world, false, { role: 'a', guarantees: cpus(0.5), limits: { cpus: { value: 1 } } }), undefined);
    assert.deepEqual(quotaStatus(world.state), {
      infos: [{ role: 'a', guarantee: [scalar('cpus', 0.5)] }],
      configs: [{ role: 'a', guarantees: cpus(0.5), limits: cpus(1) }],
    });
    world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE'] });
    assert.deepEqual(world.allocator.standing('a')?.quota, {
      guarantees: new Map([['cpus', 0.5]]),
      limits: new Map([['cpus', 1]]),
    });
    const metrics = metricsSnapshot(world.state, world.now);
    const prefix = 'allocator/mesos/quota/roles/a/resources/cpus';
    assert.deepEqual([metrics[`${prefix}/guarantee`], metrics[`${prefix}/limit`]], [0.5, 1]);
  });

  test('takes quota from a role by an empty one, which stays visible', () => {
    const world = new MasterWorld();
    update(world, true, { role: 'a', limits: cpus(1) });
    update(world, false, { role: 'a' });
    assert.deepEqual(quotaStatus(world.state), { infos: [{ role: 'a', guarantee: [] }], configs: [{ role: 'a' }] });
    world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE'] });
    assert.equal(world.allocator.standing('a')?.quota, undefined);
  });

  test('refuses what is invalid, in the words of Mesos, also when forced', () => {
    const world = new MasterWorld({ roles: ['a', 'a/b'] });
    const cases: [QuotaQuotaConfig, string][] = [
      [{ role: 'a/b', limits: cpus(1) }, "Updating quota on nested role 'a/b' is not supported yet"],
      [
        { role: 'a', guarantees: cpus(2), limits: cpus(1) },
        "Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 2 } is not contained within the 'QuotaConfig.limits' { cpus: 1 }",
      ],
      [{ role: '' }, "Invalid QuotaConfig: Invalid 'QuotaConfig.role': Role names cannot be the empty string"],
      [{ role: 'z' }, "Invalid QuotaConfig: Unknown role 'z'"],
      [
        { role: 'a', limits: cpus(-1) },
        "Invalid QuotaConfig: Invalid 'QuotaConfig.limits': 'cpus: -1' is negative, or no such amount",
      ],
      [
        { role: 'a', guarantees: cpus(Number.NaN) },
        "Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': 'cpus: NaN' is negative, or no such amount",
      ],
    ];
    for (const [config, refusal] of cases) assert.equal(update(world, true, { role: 'a' }, config), refusal);
    assert.equal(world.state.quotas.size, 0);
  });

  test('checks that all guarantees fit into the cluster, unless it is forced', () => {
    const world = new MasterWorld();
    world.agent('cpus:2;mem:2048;disk:10000');
    assert.equal(update(world, false, { role: 'a', guarantees: cpus(1.5) }), undefined);
    const refusal =
      "Invalid QuotaConfig: total quota guarantees 'cpus:2.5' exceed cluster capacity 'cpus:2; disk:10000; mem:2048' (use 'force' flag to bypass this check)";
    assert.equal(update(world, false, { role: 'b', guarantees: cpus(1) }), refusal);
    assert.equal(update(world, true, { role: 'b', guarantees: cpus(1) }), undefined);
  });

  test('checks that nobody holds more than his limit, roles below and reservations included, unless it is forced', () => {
    const world = new MasterWorld();
    world.agent('cpus:2;mem:2048;cpus(a):0.5');
    const framework = world.framework({ roles: ['a/b'], capabilities: ['MULTI_ROLE'] });
    world.launch(framework, 't', 'cpus:1;mem:64');
    const refusal =
      "Invalid QuotaConfig: Role 'a' is already consuming 'cpus:1.5; mem:64'; this is more than the requested limits 'cpus:1' (use 'force' flag to bypass this check)";
    assert.equal(update(world, false, { role: 'a', limits: cpus(1) }), refusal);
    assert.equal(update(world, true, { role: 'a', limits: cpus(1) }), undefined);
    assert.equal(update(world, false, { role: 'a', limits: cpus(1.5) }), undefined);
  });

  test('takes back offers with which a role would hold more than its limit', () => {
    const world = new MasterWorld();
    world.agent('cpus:2;mem:2048');
    world.offer(world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE'] }));
    world.take();
    update(world, false, { role: 'a', limits: cpus(2) });
    assert.equal(rescinded(world), 0);
    update(world, false, { role: 'a', limits: cpus(1) });
    assert.equal(rescinded(world), 1);
  });

  test('takes back as many offers of others as a role lacks of its guarantee', () => {
    const world = new MasterWorld();
    for (const _ of [1, 2, 3]) world.agent('cpus:2;mem:2048');
    world.offers(world.framework({ roles: ['b'], capabilities: ['MULTI_ROLE'] }));
    world.take();
    update(world, false, { role: 'a', guarantees: cpus(3) });
    assert.equal(rescinded(world), 2);
  });
});

describe('SET_QUOTA and REMOVE_QUOTA', () => {
  test('set guarantees that are limits too, and remove them', () => {
    const world = new MasterWorld();
    world.agent('cpus:2;mem:2048');
    assert.equal(set(world, 'a', [scalar('cpus', 0.5)]), undefined);
    assert.deepEqual(quotaStatus(world.state).configs, [{ role: 'a', guarantees: cpus(0.5), limits: cpus(0.5) }]);
    assert.equal(
      set(world, 'a', [scalar('cpus', 0.5)]),
      "Failed to validate set quota request: Cannot set quota for role 'a' which already has quota",
    );
    assert.equal(refusalOf(world, removeQuota(world.state, 'a')), undefined);
    assert.deepEqual(quotaStatus(world.state), {});
    assert.equal(refusalOf(world, removeQuota(world.state, 'a')), "Failed to remove quota: Role 'a' has no quota set");
  });

  test('refuse more than the cluster has, as a conflict', () => {
    const world = new MasterWorld();
    const outcome = setQuota(world.state, { role: 'a', guarantee: [scalar('cpus', 1)] }, world.now);
    assert.equal('refusal' in outcome && outcome.refusal, 'conflict');
    assert.equal(set(world, 'a', [scalar('cpus', 1)], true), undefined);
  });

  test('refuse what is no guarantee', () => {
    const world = new MasterWorld();
    const cases: [string, Resource[], string][] = [
      ['a', [], "QuotaInfo with empty 'guarantee'"],
      ['*', [scalar('cpus', 1)], "QuotaInfo must not specify the default '*' role"],
      ['a/b', [scalar('cpus', 1)], "Setting quota on nested role 'a/b' is not supported yet"],
      ['a', [scalar('cpus', 1), scalar('cpus', 2)], "QuotaInfo contains duplicate resource name 'cpus'"],
      ['a', [{ ...scalar('cpus', 1), role: 'a' }], 'QuotaInfo must not contain any ReservationInfo'],
      ['a', [{ ...scalar('cpus', 1), revocable: {} }], 'QuotaInfo must not contain RevocableInfo'],
      [
        'a',
        [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 1, end: 2 }] } }],
        'QuotaInfo must not include non-scalar resources',
      ],
    ];
    for (const [role, guarantee, text] of cases)
      assert.equal(set(world, role, guarantee, true), `Failed to validate set quota request: ${text}`);
    assert.equal(world.state.quotas.size, 0);
  });
});
