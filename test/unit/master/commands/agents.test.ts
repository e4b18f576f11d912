import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { expire, pingAgents } from '../../../../master/commands/expire.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import { removeAgent } from '../../../../master/commands/remove-agent.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import type { FrameworkInfoCapabilityType, TaskInfo, TaskState } from '../../../../protocol/messages.ts';
import { formatResources } from '../../../../protocol/resource-text.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, frameworkInfo, reportedTask } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn, updatesIn } from '../../../support/master-world.ts';

const resources = 'cpus:4;mem:1024';
const aware: FrameworkInfoCapabilityType[] = ['PARTITION_AWARE'];

function running(capabilities: FrameworkInfoCapabilityType[] = []) {
  const world = new MasterWorld();
  const agent = world.agent(resources);
  const framework = world.framework({ capabilities, failoverTimeout: 1000 });
  const task = world.launch(framework, 't1');
  const uuid = world.update(agent, framework, 't1', 'TASK_RUNNING');
  world.acknowledge(framework, agent, 't1', uuid);
  world.take();
  return { world, agent, framework, task };
}

function silence(world: MasterWorld) {
  world.now += 75_000;
  return world.did(expire(world.state, world.now));
}

function back(
  world: MasterWorld,
  agent: AgentId,
  framework: FrameworkId,
  tasks: [TaskInfo, TaskState, string?][],
  text = resources,
) {
  world.take();
  world.agent(text, {
    id: agent,
    tasks: tasks.map(([task, state, uuid]) => reportedTask(framework, task, state, uuid)),
    frameworks: [frameworkInfo({ id: framework })],
  });
  assertInvariants(world.state, world.allocator);
  return world.take();
}

describe('an agent that is new', () => {
  test('is numbered, and told so before anything else', () => {
    const world = new MasterWorld();
    assert.deepEqual([world.agent(resources), world.agent(resources)], ['M-S0', 'M-S1']);
    const [first] = messagesIn(world.take());
    assert.deepEqual(first, { type: 'REGISTERED', agent_id: 'M-S0', master_id: 'M', ping_timeout_seconds: 75 });
  });

  test('with resources that make no sense is refused, and not numbered', () => {
    const world = new MasterWorld();
    const subscription = agentSubscription({ resources });
    subscription.agent.resources = [{ name: 'cpus', type: 'SCALAR', scalar: { value: -1 } }];
    assert.deepEqual(registerAgent(world.state, subscription, world.now), {
      refusal: "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
    });
    assert.equal(world.state.agents.size, 0);
  });

  test('with a domain is refused by a master without one', () => {
    const subscription = agentSubscription({ resources });
    const domain = { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } };
    subscription.agent.domain = domain;
    const world = new MasterWorld();
    const registration = registerAgent(world.state, subscription, world.now);
    assert.ok('refusal' in registration && registration.refusal.includes('--domain'));
    world.state.master.domain = domain;
    assert.ok('agent' in registerAgent(world.state, subscription, world.now));
    assert.deepEqual(world.offer(world.framework()).domain, domain);
  });

  test('brings tasks of a framework that the master does not know (it was restarted): the framework is kept for its return', () => {
    const { task } = running();
    const world = new MasterWorld();
    world.agent(resources, {
      id: 'old-S0',
      tasks: [reportedTask('old-0000', { ...task, agent_id: { value: 'old-S0' } }, 'TASK_RUNNING')],
      frameworks: [frameworkInfo({ id: 'old-0000', name: 'survivor' })],
    });
    const framework = [...world.state.frameworks.values()][0];
    assert.deepEqual([framework?.recovered, framework?.connected, framework?.tasks.size], [true, false, 1]);
    assertInvariants(world.state, world.allocator);
    world.now += 1e9;
    const id = world.framework({ id: 'old-0000' });
    const effects = world.call(id, { type: 'RECONCILE', reconcile: {} });
    assert.deepEqual(updatesIn(effects), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
  });

  test('brings a task of which the framework was told nothing: it is told now', () => {
    const { world, agent, framework, task } = running(aware);
    const other = 'M-S9';
    const stray = { ...task, task_id: { value: 'stray' }, agent_id: { value: other } };
    world.agent(resources, { id: other, tasks: [reportedTask(framework, stray, 'TASK_RUNNING')], frameworks: [] });
    assert.deepEqual(updatesIn(world.take(), framework), ['stray TASK_RUNNING REASON_AGENT_REREGISTERED']);
    assert.notEqual(agent, other);
  });
});

describe('an agent whose link breaks', () => {
  test('loses its offers, not its tasks, and comes back within the ping timeout as if nothing had been', () => {
    const { world, agent, framework, task } = running();
    const offer = world.offer(framework);
    const effects = disconnectAgent(world.state, agent, world.now);
    assert.deepEqual(eventsIn(effects, framework), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
    assert.deepEqual(world.offers(framework), []);
    world.now += 74_999;
    world.did(expire(world.state, world.now));
    const returned = back(world, agent, framework, [[task, 'TASK_RUNNING']]);
    assert.deepEqual(updatesIn(returned), []);
    assert.equal(world.offers(framework).length, 1);
  });

  test('and that dials again before the break was seen has its offers taken back with RESCIND', () => {
    const { world, agent, framework, task } = running();
    const offer = world.offer(framework);
    const returned = back(world, agent, framework, [[task, 'TASK_RUNNING']]);
    assert.deepEqual(eventsIn(returned, framework), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
  });

  test('is asked for the tasks that it does not name', () => {
    const { world, agent, framework } = running(aware);
    const returned = back(world, agent, framework, []);
    assert.deepEqual(
      messagesIn(returned, agent).filter(({ type }) => type === 'RECONCILE'),
      [{ type: 'RECONCILE', tasks: [{ framework_id: framework, task_id: 't1', partition_aware: true }] }],
    );
    world.update(agent, framework, 't1', 'TASK_DROPPED');
    assertInvariants(world.state, world.allocator);
    assert.deepEqual(updatesIn(world.take(), framework), ['t1 TASK_DROPPED']);
  });

  test('is not asked for a task whose end the master knows: the framework is told that end again', () => {
    const { world, agent, framework } = running();
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    const returned = back(world, agent, framework, []);
    assert.ok(!messagesIn(returned, agent).some(({ type }) => type === 'RECONCILE'));
    assert.deepEqual(updatesIn(returned, framework), ['t1 TASK_FINISHED']);
    world.acknowledge(framework, agent, 't1', uuid);
    assert.equal(world.known(framework).tasks.size, 0);
  });

  test('and that missed an acknowledgement is acknowledged again; the task does not come back to life', () => {
    const { world, agent, framework, task } = running();
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    world.acknowledge(framework, agent, 't1', uuid);
    const returned = back(world, agent, framework, [[task, 'TASK_FINISHED', uuid]]);
    assert.ok(messagesIn(returned, agent).some((message) => message.type === 'ACKNOWLEDGE' && message.uuid === uuid));
    assert.equal(world.known(framework).tasks.size, 0);
    assert.equal(world.known(framework).completedTasks.length, 1);
  });

  test('hears kills again that were said while it was away, until the task ends', () => {
    const { world, agent, framework, task } = running();
    world.did(disconnectAgent(world.state, agent, world.now));
    const kill_policy = { grace_period: { nanoseconds: 1 } };
    world.call(framework, { type: 'KILL', kill: { task_id: { value: 't1' }, kill_policy } });
    const said = { type: 'KILL_TASK', framework_id: framework, task_id: 't1', kill_policy };
    const kills = () =>
      messagesIn(back(world, agent, framework, [[task, 'TASK_RUNNING']])).filter(({ type }) => type === 'KILL_TASK');
    assert.deepEqual(kills(), [said]);
    assert.deepEqual(kills(), [said]);
    world.update(agent, framework, 't1', 'TASK_KILLED');
    assert.deepEqual(world.state.agents.get(agent)?.pendingKills.size, 0);
  });

  test('a kill of a task that has ended is not kept for a later task of the same id', () => {
    const { world, agent, framework } = running();
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    world.call(framework, { type: 'KILL', kill: { task_id: { value: 't1' } } });
    world.acknowledge(framework, agent, 't1', uuid);
    const again = world.launch(framework, 't1');
    const returned = back(world, agent, framework, [[again, 'TASK_RUNNING']]);
    assert.ok(!messagesIn(returned, agent).some(({ type }) => type === 'KILL_TASK'));
  });

  test('and that comes back smaller gives no more than it has', () => {
    const { world, agent, framework } = running(aware);
    back(world, agent, framework, [], 'cpus:0.5;mem:64');
    world.update(agent, framework, 't1', 'TASK_DROPPED');
    const [offer] = world.offers(framework);
    assert.equal(formatResources(offer?.resources ?? []), 'cpus:0.5; mem:64');
  });
});

describe('an agent that does not answer', () => {
  test('is unreachable after the ping timeout: TASK_UNREACHABLE for those who know partitions, TASK_LOST for others, FAILURE for all', () => {
    for (const [capabilities, state] of [
      [aware, 'TASK_UNREACHABLE'],
      [[], 'TASK_LOST'],
    ] as const) {
      const { world, agent, framework } = running([...capabilities]);
      const bystander = world.framework();
      const effects = silence(world);
      assert.deepEqual(updatesIn(effects, framework), [`t1 ${state} REASON_AGENT_REMOVED`]);
      const [status] = statusesIn(effects, framework);
      assert.equal(status?.uuid, undefined);
      assert.equal(status?.message, 'health check timed out');
      assert.equal(status?.unreachable_time?.nanoseconds, capabilities.length > 0 ? world.now * 1e6 : undefined);
      const failures = (id: FrameworkId) => eventsIn(effects, id).filter(({ type }) => type === 'FAILURE');
      assert.deepEqual(failures(framework), [{ type: 'FAILURE', failure: { agent_id: { value: agent } } }]);
      assert.equal(failures(bystander).length, 1);
      assert.ok(effects.some(({ kind }) => kind === 'endLink'));
      assertInvariants(world.state, world.allocator);
    }
  });

  test('and comes back: its tasks run again, whatever the framework knows of partitions', () => {
    for (const capabilities of [aware, []]) {
      const { world, agent, framework, task } = running(capabilities);
      silence(world);
      const returned = back(world, agent, framework, [[task, 'TASK_RUNNING']]);
      assert.deepEqual(updatesIn(returned, framework), ['t1 TASK_RUNNING REASON_AGENT_REREGISTERED']);
      assert.deepEqual([...world.known(framework).tasks.keys()], ['t1']);
      assert.equal(statusesIn(returned)[0]?.message, 'Unreachable agent re-reregistered');
    }
  });

  test('twice, and back twice, with one task running and one forgotten', () => {
    const { world, agent, framework, task } = running(aware);
    world.launch(framework, 't2');
    for (let times = 0; times < 2; times++) {
      silence(world);
      back(world, agent, framework, [[task, 'TASK_RUNNING']]);
    }
    assert.deepEqual([...world.known(framework).tasks.keys()], ['t1', 't2']);
    world.update(agent, framework, 't2', 'TASK_DROPPED');
    assertInvariants(world.state, world.allocator);
  });

  test('and comes back without a task: it is asked for it, so that the task ends', () => {
    const { world, agent, framework } = running(aware);
    silence(world);
    const returned = back(world, agent, framework, []);
    assert.equal(messagesIn(returned, agent).filter(({ type }) => type === 'RECONCILE').length, 1);
    assert.equal(world.known(framework).unreachableTasks.size, 0);
  });

  test('and comes back without a task that was lost for its framework: that is over', () => {
    const { world, agent, framework } = running();
    silence(world);
    const returned = back(world, agent, framework, []);
    assert.ok(!messagesIn(returned, agent).some(({ type }) => type === 'RECONCILE'));
    assert.deepEqual(
      world.known(framework).completedTasks.map(({ state }) => state),
      ['TASK_LOST'],
    );
  });

  test('remembers kills over it', () => {
    const { world, agent, framework, task } = running(aware);
    world.did(disconnectAgent(world.state, agent, world.now));
    world.call(framework, { type: 'KILL', kill: { task_id: { value: 't1' } } });
    silence(world);
    const returned = back(world, agent, framework, [[task, 'TASK_RUNNING']]);
    assert.ok(messagesIn(returned, agent).some(({ type }) => type === 'KILL_TASK'));
  });

  test('while its framework is torn down: nothing remains', () => {
    for (const capabilities of [aware, []]) {
      const { world, agent, framework, task } = running(capabilities);
      silence(world);
      world.call(framework, { type: 'TEARDOWN' });
      assertInvariants(world.state, world.allocator);
      const returned = back(world, agent, framework, [[task, 'TASK_RUNNING']]);
      assert.ok(messagesIn(returned, agent).some(({ type }) => type === 'SHUTDOWN_FRAMEWORK'));
    }
  });

  test('is only pinged while it is linked', () => {
    const { world, agent } = running();
    assert.equal(messagesIn(pingAgents(world.state), agent).length, 1);
    world.did(disconnectAgent(world.state, agent, world.now));
    assert.deepEqual(pingAgents(world.state), []);
  });
});

test('an agent that leaves for good loses its tasks at once, for all frameworks alike', () => {
  for (const capabilities of [aware, []]) {
    const { world, agent, framework } = running(capabilities);
    const effects = removeAgent(world.state, agent, world.now);
    assert.deepEqual(updatesIn(effects, framework), ['t1 TASK_LOST REASON_AGENT_REMOVED']);
    assert.equal(statusesIn(effects)[0]?.message, 'Agent host removed: the agent unregistered');
    assert.equal(world.known(framework).tasks.size + world.known(framework).unreachableTasks.size, 0);
    assertInvariants(world.state, world.allocator);
  }
});
