import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { preempt } from '../../../../master/commands/preempt.ts';
import { updateQuotas } from '../../../../master/commands/quota.ts';
import type { Effect } from '../../../../master/effects.ts';
import { asAgentId, asFrameworkId, asTaskId, type FrameworkId } from '../../../../protocol/ids.ts';
import type { Offer } from '../../../../protocol/messages.ts';
import { scalarOf } from '../../../../protocol/resources.ts';
import { taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

const delay = 30;

/** Two agents, full of tasks of `batch`; `prod` is guaranteed half of it and waits. */
function setting(settings: { preemptionDelay?: number } = { preemptionDelay: delay }) {
  const world = new MasterWorld(settings);
  const agents = [world.agent('cpus:2;mem:128'), world.agent('cpus:2;mem:128')];
  const batch = world.framework({ role: 'batch' });
  for (const id of ['b1', 'b2', 'b3', 'b4']) {
    const offers = world.offers(batch);
    const offer = offers.find(({ resources }) => resources?.some(({ name }) => name === 'cpus'));
    assert.ok(offer);
    const offer_ids = offers.filter((other) => other !== offer).map((other) => other.id);
    world.call(batch, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: 0 } } });
    launch(world, batch, offer, id);
    world.now += 1000;
  }
  const prod = world.framework({ role: 'prod' });
  setGuarantee(world, 'prod', { cpus: 2, mem: 128 });
  world.take();
  return { world, agents, batch, prod };
}

function launch(world: MasterWorld, framework: FrameworkId, offer: Offer, id: string): void {
  world.accept(framework, [offer], [taskOf(offer, id)], 0);
  world.update(agentOf(offer), framework, id, 'TASK_RUNNING');
}

function setGuarantee(world: MasterWorld, role: string, amounts: Record<string, number>): void {
  const guarantees = Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }]));
  const outcome = updateQuotas(world.state, { quota_configs: [{ role, guarantees }] }, world.now);
  assert.ok('effects' in outcome, JSON.stringify(outcome));
}

/** What an allocation interval does, after so many seconds. */
function later(world: MasterWorld, seconds: number): readonly Effect[] {
  world.now += seconds * 1000;
  return world.did(preempt(world.state, world.now));
}

const killed = (effects: readonly Effect[]) =>
  messagesIn(effects).flatMap((message) => (message.type === 'KILL_TASK' ? message.task_id : []));

const taskOf = (offer: Offer, id: string) => taskFor(offer, id, 'cpus:1;mem:64');
const agentOf = (offer: Offer) => asAgentId(offer.agent_id.value);

describe('a role below its guarantee', () => {
  test('gets back, after the delay, what others hold beyond theirs: the newest task first', () => {
    const { world } = setting();
    assert.deepEqual(killed(later(world, 0)), []);
    assert.deepEqual(killed(later(world, delay - 1)), []);
    const effects = later(world, 1);
    assert.deepEqual(killed(effects), ['b4']);
    const [kill] = messagesIn(effects);
    assert.ok(kill?.type === 'KILL_TASK');
    assert.deepEqual(kill.cause, {
      reason: 'REASON_CONTAINER_PREEMPTED',
      message: "Preempted for role 'prod', which lacks 'cpus:2; mem:128' of its quota guarantee",
    });
    assert.equal(kill.kill_policy, undefined);
  });

  test('has one plan at a time, is offered what came free, and waits anew for more', () => {
    const { world, agents, batch, prod } = setting();
    later(world, 0);
    later(world, delay);
    assert.deepEqual(killed(later(world, delay)), []);
    const on = agents.find((agent) => world.state.agents.get(agent)?.pendingKills.size === 1);
    assert.ok(on);
    world.update(on, batch, 'b4', 'TASK_KILLED');
    const offer = world.offer(prod);
    assert.deepEqual(offer.agent_id.value, on);
    launch(world, prod, offer, 'p1');
    assert.deepEqual(killed(later(world, delay)), []);
    assert.deepEqual(killed(later(world, delay)), ['b3']);
  });

  test('remains the cause of a kill that its framework asks for, too', () => {
    const { world, agents, batch } = setting();
    later(world, 0);
    later(world, delay);
    world.call(batch, { type: 'KILL', kill: { task_id: { value: 'b4' } } });
    const kills = agents.flatMap((agent) => [...(world.state.agents.get(agent)?.pendingKills.values() ?? [])]);
    assert.deepEqual(
      kills.map(({ cause }) => cause?.reason),
      ['REASON_CONTAINER_PREEMPTED'],
    );
  });

  test('gets nothing without --preemption', () => {
    const { world } = setting({});
    for (let round = 0; round < 3; round++) assert.deepEqual(later(world, delay), []);
    assert.equal(world.state.shortages.size, 0);
  });

  test('gets nothing of those who need it for their own guarantee', () => {
    const { world } = setting();
    const quota_configs = [{ role: 'batch', guarantees: { cpus: { value: 4 } } }];
    updateQuotas(world.state, { force: true, quota_configs }, world.now);
    later(world, 0);
    assert.deepEqual(killed(later(world, delay)), []);
  });

  test('gets nothing while nobody in it would take an offer', () => {
    const { world, prod } = setting();
    world.call(prod, { type: 'SUPPRESS', suppress: {} });
    later(world, 0);
    assert.deepEqual(killed(later(world, delay)), []);
  });

  test('whose framework says what it waits for gets as much of one agent, or nothing', () => {
    for (const [resources, count] of [
      ['cpus:2;mem:128', 2],
      ['cpus:3;mem:128', 0],
    ] as const) {
      const { world, prod } = setting();
      world.known(prod).info = {
        ...world.known(prod).info,
        labels: { labels: [{ key: 'mesita.resources', value: resources }] },
      };
      later(world, 0);
      assert.equal(killed(later(world, delay)).length, count, resources);
    }
  });

  test('is given the offers of others before their tasks', () => {
    const world = new MasterWorld({ preemptionDelay: delay });
    world.agent('cpus:2;mem:256');
    const batch = world.framework({ role: 'batch' });
    const offer = world.offer(batch);
    const prod = world.framework({ role: 'prod' });
    // As if the quota had been there before the offer: it is not rescinded.
    world.state.quotas.set('prod', { guarantees: new Map([['cpus', 1]]), limits: new Map() });
    world.allocator.setQuota('prod', { guarantees: new Map([['cpus', 1]]), limits: new Map() });
    later(world, 0);
    const effects = later(world, delay);
    assert.deepEqual(killed(effects), []);
    assert.deepEqual(
      eventsIn(effects, batch).map(({ rescind }) => rescind?.offer_id),
      [offer.id],
    );
    assert.equal(world.offer(prod).agent_id.value, offer.agent_id.value);
  });
});

const held = fc.record({
  role: fc.constantFrom('a', 'b', 'c'),
  cpus: fc.integer({ min: 1, max: 4 }),
  late: fc.boolean(),
});
const guarantee = fc.integer({ min: 0, max: 10 });
const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 100);

/** What tasks of a role hold that are not being killed. */
function cpusLeft(world: MasterWorld, role: string): number {
  const agents = [...world.state.agents.values()];
  const left = agents.flatMap((agent) => [...agent.tasks].filter(([key]) => !agent.pendingKills.has(key)));
  const own = left.filter(([, task]) => world.known(asFrameworkId(task.framework_id.value)).info.role === role);
  return own.reduce((sum, [, task]) => sum + scalarOf(task.resources ?? [], 'cpus'), 0);
}

test('whatever runs, nobody is left with less than his guarantee, and who lacked something is offered more of it', () => {
  fc.assert(
    fc.property(
      fc.array(held, { maxLength: 12 }),
      fc.record({ a: guarantee, b: guarantee, prod: guarantee }),
      (tasks, given) => {
        const world = new MasterWorld({ preemptionDelay: delay });
        for (let count = 0; count < 3; count++) world.agent('cpus:8;mem:1024');
        const frameworks = new Map(['a', 'b', 'c'].map((role) => [role, world.framework({ role })]));
        for (const [index, { role, cpus, late }] of tasks.entries()) {
          if (late) world.now += 1000;
          const framework = frameworks.get(role);
          assert.ok(framework);
          for (const other of frameworks.values())
            world.call(other, { type: other === framework ? 'REVIVE' : 'SUPPRESS' });
          const offers = world.offers(framework);
          const offer = offers.find(({ resources = [] }) => scalarOf(resources, 'cpus') >= cpus);
          if (offer !== undefined) {
            world.accept(framework, [offer], [taskFor(offer, `t${index}`, `cpus:${cpus};mem:32`)], 0);
            world.update(agentOf(offer), framework, `t${index}`, 'TASK_RUNNING');
          }
          const offer_ids = offers.filter((other) => other !== offer).map(({ id }) => id);
          world.call(framework, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: 0 } } });
          world.call(framework, { type: 'SUPPRESS' });
        }
        const prod = world.framework({ role: 'prod' });
        const before = new Map(['a', 'b'].map((role) => [role, cpusLeft(world, role)]));
        const quota_configs = Object.entries(given).map(([role, value]) => ({ role, guarantees: { cpus: { value } } }));
        updateQuotas(world.state, { force: true, quota_configs }, world.now);
        const offered = world.offers(prod).length;
        later(world, 0);
        const effects = later(world, delay);
        for (const role of ['a', 'b'] as const)
          assert.ok(cpusLeft(world, role) >= Math.min(before.get(role) ?? 0, given[role]));
        if (killed(effects).length === 0) return;
        assert.equal(offered, 0);
        for (const message of messagesIn(effects)) {
          if (message.type !== 'KILL_TASK') continue;
          const task = world.known(asFrameworkId(message.framework_id)).tasks.get(asTaskId(message.task_id));
          assert.ok(task);
          world.update(asAgentId(task.agent_id.value), message.framework_id, message.task_id, 'TASK_KILLED');
        }
        assert.ok(world.offers(prod).some(({ resources = [] }) => scalarOf(resources, 'cpus') > 0));
      },
    ),
    { numRuns },
  );
});
