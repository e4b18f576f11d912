import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drainAgent, reactivateAgent } from '../../../../master/commands/drain.ts';
import { expire } from '../../../../master/commands/expire.ts';
import { startMaintenance, updateSchedule } from '../../../../master/commands/maintenance.ts';
import { updateQuotas } from '../../../../master/commands/quota.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import { markGone } from '../../../../master/commands/remove-agent.ts';
import { agentsDocument } from '../../../../master/documents/agents.ts';
import type { Effect } from '../../../../master/effects.ts';
import { getAgents } from '../../../../master/operator/documents.ts';
import type { MasterSettings } from '../../../../master/state.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import { decodeJson, encodeJson } from '../../../../protocol/json-codec.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, frameworkInfo, reportedTask } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn, updatesIn } from '../../../support/master-world.ts';
import { RegistryCopy } from '../../../support/registry-copy.ts';

const resources = 'cpus:2;mem:512';

/** A world whose masters follow each other. */
class Succession extends MasterWorld {
  readonly registry = new RegistryCopy();

  override did(effects: readonly Effect[]): readonly Effect[] {
    for (const effect of effects) if (effect.kind === 'record') this.registry.write(effect.entries);
    return super.did(effects);
  }

  /** The master is killed, and another begins. */
  next(): void {
    this.succeed(this.registry.records);
  }

  wait(seconds: number): readonly Effect[] {
    this.now += seconds * 1000;
    for (const agent of this.state.agents.values()) agent.heardAt = this.now;
    return this.did(expire(this.state, this.now));
  }

  back(id: FrameworkId, failoverTimeout = 0): void {
    this.framework({ id, capabilities: ['PARTITION_AWARE'], failoverTimeout });
  }

  asked(framework: FrameworkId, task: string, agent?: string): string[] {
    const tasks = [{ task_id: { value: task }, ...(agent === undefined ? {} : { agent_id: { value: agent } }) }];
    return statusesIn(this.call(framework, { type: 'RECONCILE', reconcile: { tasks } })).map(({ state }) => state);
  }
}

function world(agents: number, settings: Partial<MasterSettings> = {}) {
  const masters = new Succession(settings);
  const ids = Array.from({ length: agents }, (_, index) => masters.agent(resources, { hostname: `h${index}` }));
  const framework = masters.framework({ capabilities: ['PARTITION_AWARE'] });
  return { masters, ids, framework, agent: ids[0] as AgentId };
}

describe('agents that a new master takes over', () => {
  test('are shown as recovered until they come back', () => {
    const { masters, ids } = world(2);
    masters.next();
    const { state } = masters;
    assert.deepEqual(agentsDocument(state, ids[0]), {
      slaves: [],
      recovered_slaves: [{ id: ids[0], hostname: 'h0', port: 5051, attributes: {}, domain: undefined }],
    });
    assert.deepEqual(
      getAgents(state)
        .recovered_agents?.map(({ id, hostname, checkpoint }) => [id?.value, hostname, checkpoint])
        .sort(),
      ids.map((id, index) => [id, `h${index}`, true]),
    );
    for (const [index, id] of ids.entries()) masters.agent(resources, { id, hostname: `h${index}` });
    assert.deepEqual([state.agents.size, state.recovery.agents.size], [2, 0]);
    assert.deepEqual(agentsDocument(state, 'nobody'), { slaves: [], recovered_slaves: [] });
  });

  test('write nothing when they come back as they were, and what is new when they do not', () => {
    const { masters, ids } = world(2);
    masters.next();
    masters.take();
    masters.agent(resources, { id: ids[0] as string, hostname: 'h0' });
    assert.deepEqual(kept(masters.take()), []);
    masters.agent('cpus:8;mem:512', { id: ids[1] as string, hostname: 'h1' });
    assert.deepEqual(kept(masters.take()), [`agents/${ids[1]}`]);
  });

  test('bring their tasks back without a word to their frameworks, who were not told that these are lost', () => {
    const { masters, agent, framework } = world(1);
    const task = masters.launch(framework, 't1');
    masters.next();
    masters.back(framework);
    masters.take();
    masters.agent(resources, {
      id: agent,
      hostname: 'h0',
      tasks: [reportedTask(framework, task, 'TASK_RUNNING')],
      frameworks: [{ ...frameworkInfo({ id: framework }) }],
    });
    assert.deepEqual(updatesIn(masters.take()), []);
    assert.deepEqual(masters.asked(framework, 't1', agent), ['TASK_RUNNING']);
    assertInvariants(masters.state, masters.allocator);
  });

  test('keep reconciliation silent of what may be on them', () => {
    const { masters, ids, framework } = world(2);
    masters.next();
    masters.back(framework);
    const [first = '', second = ''] = ids;
    masters.agent(resources, { id: first, hostname: 'h0' });
    assert.deepEqual(masters.asked(framework, 'x', second), []);
    assert.deepEqual(masters.asked(framework, 'x'), []);
    assert.deepEqual(masters.asked(framework, 'x', first), ['TASK_GONE']);
    assert.deepEqual(masters.asked(framework, 'x', 'another'), ['TASK_UNKNOWN']);
    const operations = [{ operation_id: { value: 'o' }, agent_id: { value: second } }];
    const told = masters.call(framework, { type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations } });
    assert.deepEqual(
      eventsIn(told).map(({ update_operation_status }) => update_operation_status?.status.state),
      ['OPERATION_RECOVERING'],
    );
    masters.agent(resources, { id: second, hostname: 'h1' });
    assert.deepEqual(masters.asked(framework, 'x'), ['TASK_UNKNOWN']);
  });

  test('are unreachable when they do not come back in time, and may still come back then', () => {
    const { masters, agent, framework } = world(1);
    const task = masters.launch(framework, 't1');
    masters.next();
    masters.back(framework);
    assert.deepEqual(failures(masters.wait(599)), []);
    assert.deepEqual(failures(masters.wait(1)), [agent]);
    assert.equal(masters.state.metrics.counters.get('master/recovery_slave_removals'), 1);
    assert.deepEqual(masters.asked(framework, 't1', agent), ['TASK_UNREACHABLE']);
    masters.next();
    masters.back(framework);
    assert.deepEqual(masters.asked(framework, 't1', agent), ['TASK_UNREACHABLE']);
    masters.take();
    masters.agent(resources, {
      id: agent,
      hostname: 'h0',
      tasks: [reportedTask(framework, task, 'TASK_RUNNING')],
    });
    assert.deepEqual(updatesIn(masters.take(), framework), ['t1 TASK_RUNNING REASON_AGENT_REREGISTERED']);
    masters.next();
    assert.deepEqual([...masters.state.recovery.agents.keys()], [agent]);
  });

  test('are given up no faster than the rate allows', () => {
    const { masters } = world(3, { agentRemovalRate: { agents: 1, seconds: 60 } });
    masters.next();
    masters.wait(600);
    assert.equal(masters.state.recovery.agents.size, 2);
    masters.wait(60);
    assert.equal(masters.state.recovery.agents.size, 1);
  });

  test('end the master where more are missing than it may give up', () => {
    const { masters, ids } = world(4, { recoveryRemovalLimit: 0.5 });
    masters.next();
    masters.agent(resources, { id: ids[0] as string, hostname: 'h0' });
    const effect = masters.wait(600).find(({ kind }) => kind === 'giveUp');
    assert.ok(effect?.kind === 'giveUp' && effect.code === 'MESITA_AGENTS_MISSING');
    assert.match(effect.message, /^3 of 4 agents did not come back, and at most 50 %/);
    assert.equal(masters.state.recovery.agents.size, 3);
    masters.next();
    for (const [index, id] of ids.slice(0, 2).entries()) masters.agent(resources, { id, hostname: `h${index}` });
    masters.wait(600);
    assert.equal(masters.state.unreachableAgents.size, 2);
  });

  test('may be marked gone, drained and reactivated while they are away', () => {
    const { masters, ids, framework } = world(2);
    const [first, second] = ids as [AgentId, AgentId];
    masters.next();
    masters.back(framework);
    assert.deepEqual(failures(masters.did(markGone(masters.state, first, masters.now) ?? [])), [first]);
    const outcome = drainAgent(masters.state, { agent_id: { value: second } }, masters.now);
    assert.ok('effects' in outcome);
    masters.did(outcome.effects);
    masters.next();
    const refused = registerAgent(masters.state, agentSubscription({ id: first, resources }), masters.now);
    assert.deepEqual(refused, { shutdown: 'Agent has been marked gone' });
    masters.agent(resources, { id: second, hostname: 'h1' });
    const [registered] = messagesIn(masters.take(), second);
    assert.ok(registered?.type === 'REGISTERED' && registered.drain !== undefined);
    masters.wait(0);
    assert.deepEqual(masters.state.agents.get(second)?.drain?.state, 'DRAINED');
    masters.next();
    const back = reactivateAgent(masters.state, second);
    assert.ok('effects' in back);
    masters.did(back.effects);
    masters.next();
    masters.agent(resources, { id: second, hostname: 'h1' });
    assert.deepEqual(masters.state.agents.get(second)?.deactivated, false);
  });
});

describe('frameworks that a new master takes over', () => {
  test('have the time of the agents to come back, or their own where that is longer; then they are over', () => {
    const masters = new Succession();
    const short = masters.framework({ failoverTimeout: 0 });
    const long = masters.framework({ failoverTimeout: 1000 });
    masters.next();
    const known = () => [...masters.state.frameworks.keys()].sort();
    masters.wait(599);
    assert.deepEqual(known(), [short, long]);
    masters.wait(1);
    assert.deepEqual(known(), [long]);
    masters.wait(400);
    assert.deepEqual([known(), [...masters.state.completedFrameworks.keys()]], [[], [short, long]]);
    masters.next();
    assert.deepEqual(masters.subscription(frameworkInfo({ id: short })), { refusal: 'Framework has been removed' });
  });

  test('write nothing when they subscribe as they were', () => {
    const masters = new Succession();
    const id = masters.framework({ role: 'a' });
    masters.next();
    masters.take();
    masters.framework({ id, role: 'a' });
    assert.deepEqual(kept(masters.take()), []);
    masters.framework({ id, role: 'b' });
    assert.deepEqual(kept(masters.take()), [`frameworks/${id}`]);
  });
});

test('where there are quotas, offers wait for most of the agents, but not for ever', () => {
  const { masters, ids, framework } = world(5);
  const quota_configs = [{ role: 'a', guarantees: { cpus: { value: 1 } }, limits: {} }];
  const outcome = updateQuotas(masters.state, { quota_configs }, masters.now);
  assert.ok('effects' in outcome);
  masters.did(outcome.effects);
  for (const round of [0, 1]) {
    masters.next();
    masters.back(framework);
    for (const id of ids.slice(0, 3)) masters.agent(resources, { id, hostname: `h${ids.indexOf(id)}` });
    assert.deepEqual(masters.offers(), []);
    if (round === 0) masters.agent(resources, { id: ids[3] as string, hostname: 'h3' });
    else masters.wait(600);
    assert.ok(masters.offers().length > 0);
  }
});

test('a schedule keeps its times to the nanosecond, and machines that are down stay so', () => {
  const masters = new Succession();
  const agent = masters.agent(resources, { hostname: 'h0' });
  const machine = { hostname: 'h0', ip: masters.state.agents.get(agent)?.address.ip ?? '' };
  const text = `{"windows":[{"machine_ids":[${JSON.stringify(machine)}],"unavailability":{"start":{"nanoseconds":1795212008610606123}}}]}`;
  const schedule = decodeJson('MaintenanceSchedule', Buffer.from(text));
  assert.ok(schedule.ok);
  for (const outcome of [
    updateSchedule(masters.state, schedule.value, masters.now),
    startMaintenance(masters.state, [machine], masters.now),
  ]) {
    assert.ok('effects' in outcome);
    masters.did(outcome.effects);
  }
  masters.next();
  assert.equal(encodeJson('MaintenanceSchedule', masters.state.maintenance.schedule), text);
  const refused = registerAgent(masters.state, agentSubscription({ resources, hostname: 'h0' }), masters.now);
  assert.deepEqual(refused, { shutdown: 'Machine is `DOWN`' });
});

test('a registry that cannot be read is refused, with the entry', () => {
  const masters = new Succession();
  assert.throws(() => masters.succeed([{ table: 'weights', key: 'a', value: '{' }]), {
    code: 'MESITA_REGISTRY_INVALID',
    message: /The entry a of weights/,
  });
});

function kept(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'record' ? effect.entries.map(({ table, key }) => `${table}/${key}`) : [],
  );
}

function failures(effects: readonly Effect[]): string[] {
  return eventsIn(effects).flatMap(({ failure }) => failure?.agent_id?.value ?? []);
}
