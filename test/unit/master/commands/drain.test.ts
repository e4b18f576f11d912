import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deactivateAgent, drainAgent, reactivateAgent } from '../../../../master/commands/drain.ts';
import { expire } from '../../../../master/commands/expire.ts';
import { updateSchedule } from '../../../../master/commands/maintenance.ts';
import { agentDocument } from '../../../../master/operator/documents.ts';
import { type AgentId, asAgentId } from '../../../../protocol/ids.ts';
import type { MasterCallDrainAgent } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, reportedTask } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

class Site extends MasterWorld {
  drain(agent: string, options: Omit<MasterCallDrainAgent, 'agent_id'> = {}): string | undefined {
    return this.#outcome(drainAgent(this.state, { agent_id: { value: agent }, ...options }, this.now));
  }

  deactivate(agent: string): string | undefined {
    return this.#outcome(deactivateAgent(this.state, asAgentId(agent), this.now));
  }

  reactivate(agent: string): string | undefined {
    return this.#outcome(reactivateAgent(this.state, asAgentId(agent)));
  }

  /** What operators see of it. */
  shown(id: AgentId) {
    const agent = this.state.agents.get(id);
    assert.ok(agent);
    const { active, deactivated, drain_info } = agentDocument(this.state, agent);
    return { active, deactivated, drain: drain_info?.state };
  }

  #outcome(outcome: ReturnType<typeof drainAgent>): string | undefined {
    if ('effects' in outcome) this.did(outcome.effects);
    assertInvariants(this.state, this.allocator);
    return 'refusal' in outcome ? outcome.refusal : undefined;
  }
}

/** One task runs, and the rest is offered. */
function busy() {
  const world = new Site();
  const agent = world.agent('cpus:4;mem:1024');
  const framework = world.framework({ capabilities: ['PARTITION_AWARE'], failoverTimeout: 1e9 });
  const task = world.launch(framework, 't1');
  world.update(agent, framework, 't1', 'TASK_RUNNING');
  world.offer(framework);
  world.take();
  return { world, agent, framework, task };
}

const config = (nanoseconds: number, mark_gone = false) => ({ max_grace_period: { nanoseconds }, mark_gone });

describe('DRAIN_AGENT', () => {
  test('rescinds the offers of the agent, makes no others, and has it kill its tasks', () => {
    const { world, agent, framework } = busy();
    assert.equal(world.drain(agent, { max_grace_period: { seconds: 2, nanos: 500_000_000 } }), undefined);
    const effects = world.take();
    assert.deepEqual(
      eventsIn(effects, framework).map(({ type }) => type),
      ['RESCIND'],
    );
    const order = { config: config(2_500_000_000), started_at: world.now };
    assert.deepEqual(messagesIn(effects, agent), [{ type: 'DRAIN', drain: order }]);
    assert.deepEqual(world.offers(), []);
    assert.deepEqual(world.shown(agent), { active: false, deactivated: true, drain: 'DRAINING' });
  });

  test('is over when the end of the last task is acknowledged', () => {
    const { world, agent, framework } = busy();
    world.drain(agent);
    const uuid = world.update(agent, framework, 't1', 'TASK_KILLED');
    world.did(expire(world.state, world.now));
    assert.equal(world.shown(agent).drain, 'DRAINING');
    world.acknowledge(framework, agent, 't1', uuid);
    assert.equal(world.shown(agent).drain, 'DRAINED');
    assert.equal(world.reactivate(agent), undefined);
    assert.deepEqual(world.shown(agent), { active: true, deactivated: false, drain: undefined });
    assert.deepEqual(messagesIn(world.take(), agent).at(-1), { type: 'DRAIN' });
    assert.equal(world.offers(framework).length, 1);
  });

  test('is over at once on an idle agent', () => {
    const world = new Site();
    const agent = world.agent('cpus:1;mem:64');
    world.drain(agent);
    assert.equal(world.shown(agent).drain, 'DRAINED');
  });

  test('marks the agent gone at its end, where that is asked for', () => {
    const { world, agent, framework } = busy();
    world.drain(agent, { mark_gone: true });
    const uuid = world.update(agent, framework, 't1', 'TASK_GONE_BY_OPERATOR');
    world.take();
    const effects = world.acknowledge(framework, agent, 't1', uuid);
    assert.deepEqual(
      eventsIn(effects).map(({ type }) => type),
      ['FAILURE'],
    );
    assert.ok(world.state.goneAgents.has(agent));
    assert.equal(world.drain(agent), 'Unknown agent');
  });

  test('goes on when the agent comes back, also when it was begun while the agent was unreachable', () => {
    const { world, agent, framework, task } = busy();
    world.now += 75_000;
    world.did(expire(world.state, world.now));
    assert.equal(world.drain(agent, { max_grace_period: { seconds: 1 } }), undefined);
    const started_at = world.now;
    world.take();
    const tasks = [reportedTask(framework, task, 'TASK_RUNNING')];
    world.register(agentSubscription({ id: agent, resources: 'cpus:4;mem:1024', tasks }));
    assertInvariants(world.state, world.allocator);
    const [registered] = messagesIn(world.take(), agent);
    assert.deepEqual(registered?.type === 'REGISTERED' && registered.drain, { config: config(1e9), started_at });
    assert.deepEqual(world.offers(), []);
    assert.equal(world.shown(agent).drain, 'DRAINING');
  });

  test('is refused for agents that nobody knows, or that are due for maintenance', () => {
    const { world, agent } = busy();
    assert.equal(world.drain('nope'), 'Unknown agent');
    const largest = 9_223_372_036_854_775_807n as unknown as number;
    for (const max_grace_period of [{ seconds: -1 }, { nanos: -1 }, { seconds: largest }]) {
      const refusal = "Expecting 'max_grace_period' to be between zero and 292 years";
      assert.equal(world.drain(agent, { max_grace_period }), refusal);
    }
    const machine = { hostname: 'host', ip: '127.0.0.1' };
    const windows = [{ machine_ids: [machine], unavailability: { start: { nanoseconds: 1 } } }];
    updateSchedule(world.state, { windows }, world.now);
    assert.equal(world.drain(agent), `Agent ${agent} is part of a maintenance schedule under Machine host (127.0.0.1)`);
  });
});

describe('DEACTIVATE_AGENT and REACTIVATE_AGENT', () => {
  test('stop and begin offers; tasks go on', () => {
    const { world, agent, framework } = busy();
    for (const _ of ['once', 'twice']) assert.equal(world.deactivate(agent), undefined);
    const effects = world.take();
    assert.deepEqual(
      eventsIn(effects).map(({ type }) => type),
      ['RESCIND'],
    );
    assert.deepEqual(messagesIn(effects), []);
    assert.deepEqual(world.offers(), []);
    assert.deepEqual(world.shown(agent), { active: false, deactivated: true, drain: undefined });
    assert.equal(world.reactivate(agent), undefined);
    assert.equal(world.offers(framework).length, 1);
    assert.equal(world.reactivate(agent), 'Agent is not deactivated');
  });

  test('hold for an agent that comes back', () => {
    const { world, agent } = busy();
    world.deactivate(agent);
    world.register(agentSubscription({ id: agent, resources: 'cpus:4;mem:1024' }));
    assert.deepEqual(world.offers(), []);
    assert.equal(world.reactivate(agent), undefined);
  });

  test('are refused for agents that nobody knows, and while one drains', () => {
    const { world, agent } = busy();
    assert.equal(world.deactivate('nope'), 'Unknown agent');
    assert.equal(world.reactivate('nope'), 'Agent is not deactivated');
    world.drain(agent);
    assert.equal(world.reactivate(agent), 'Agent is still in the DRAINING state');
  });
});
