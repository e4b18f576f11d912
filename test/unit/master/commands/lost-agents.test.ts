import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expire } from '../../../../master/commands/expire.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import { forgetLostAgents, markGone } from '../../../../master/commands/remove-agent.ts';
import { updateTask } from '../../../../master/commands/update-task.ts';
import type { MasterSettings } from '../../../../master/state.ts';
import { type AgentId, asAgentId, type FrameworkId } from '../../../../protocol/ids.ts';
import type { FrameworkInfoCapabilityType } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, reportedTask } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn, updatesIn } from '../../../support/master-world.ts';

const resources = 'cpus:4;mem:1024';

function running(capabilities: FrameworkInfoCapabilityType[] = [], settings: Partial<MasterSettings> = {}) {
  const world = new MasterWorld(settings);
  const agent = world.agent(resources);
  const framework = world.framework({ capabilities, failoverTimeout: 1e9 });
  const task = world.launch(framework, 't1');
  world.update(agent, framework, 't1', 'TASK_RUNNING');
  world.take();
  return { world, agent, framework, task };
}

function gone(world: MasterWorld, agent: AgentId) {
  const effects = markGone(world.state, agent, world.now);
  assert.ok(effects !== undefined);
  world.did(effects);
  assertInvariants(world.state, world.allocator);
  return effects;
}

function silence(world: MasterWorld) {
  world.now += 75_000;
  const effects = world.did(expire(world.state, world.now));
  world.did(forgetLostAgents(world.state, world.now));
  return effects;
}

const asked = (world: MasterWorld, framework: FrameworkId, task: string, agent: string) =>
  statusesIn(
    world.call(framework, {
      type: 'RECONCILE',
      reconcile: { tasks: [{ task_id: { value: task }, agent_id: { value: agent } }] },
    }),
  ).map(({ state, message }) => [state, message]);

describe('an agent that is marked gone', () => {
  test('is told to end; its tasks are gone for those who know partitions, lost for others; everybody hears FAILURE', () => {
    for (const [capabilities, update, completed] of [
      [['PARTITION_AWARE'], 't1 TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR', 1],
      [[], 't1 TASK_LOST REASON_AGENT_REMOVED', 0],
    ] as const) {
      const { world, agent, framework } = running([...capabilities]);
      const bystander = world.framework({ role: 'other' });
      const effects = gone(world, agent);
      assert.deepEqual(messagesIn(effects, agent), [{ type: 'SHUTDOWN', message: 'Agent has been marked gone' }]);
      assert.deepEqual(updatesIn(effects, framework), [update]);
      assert.equal(statusesIn(effects)[0]?.message, 'Agent has been marked gone');
      assert.ok(eventsIn(effects, bystander).some(({ failure }) => failure?.agent_id?.value === agent));
      // Who was told TASK_LOST is shown the task as unreachable (recorded).
      const { completedTasks, unreachableTasks } = world.known(framework);
      assert.deepEqual([completedTasks.length, unreachableTasks.size], [completed, 1 - completed]);
    }
  });

  test('stays so, and may never come back', () => {
    const { world, agent } = running();
    gone(world, agent);
    assert.deepEqual(gone(world, agent), []);
    const subscription = agentSubscription({ id: agent, resources });
    assert.deepEqual(registerAgent(world.state, subscription, world.now), { shutdown: 'Agent has been marked gone' });
    assert.equal(world.state.agents.size, 0);
  });

  test('that was never there is none', () => {
    assert.equal(markGone(new MasterWorld().state, asAgentId('nobody'), 0), undefined);
  });

  test('answers for its tasks: gone, whether it ever had them or not', () => {
    for (const [capabilities, state] of [
      [['PARTITION_AWARE'], 'TASK_GONE_BY_OPERATOR'],
      [[], 'TASK_LOST'],
    ] as const) {
      const { world, agent, framework } = running([...capabilities]);
      gone(world, agent);
      for (const task of ['t1', 'never']) {
        assert.deepEqual(asked(world, framework, task, agent), [[state, 'Reconciliation: Task is gone']]);
      }
    }
  });

  test('while it is unreachable ends the tasks that were not given up yet', () => {
    const { world, agent, framework } = running(['PARTITION_AWARE']);
    const other = world.framework({ failoverTimeout: 1000 });
    world.launch(other, 't2');
    silence(world);
    world.take();
    const effects = gone(world, agent);
    assert.deepEqual(updatesIn(effects, framework), ['t1 TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR']);
    assert.deepEqual(updatesIn(effects, other), []);
    assert.equal(world.state.unreachableAgents.size, 0);
  });
});

describe('what is remembered of lost agents is bounded', () => {
  test('the oldest unreachable agents are forgotten beyond a number, with their tasks', () => {
    const { world, agent, framework } = running(['PARTITION_AWARE'], { maxLostAgents: 2 });
    for (let index = 0; index < 2; index++) {
      silence(world);
      world.agent('cpus:1');
    }
    assert.deepEqual([world.state.unreachableAgents.has(agent), world.state.unreachableAgents.size], [true, 2]);
    silence(world);
    assert.deepEqual([world.state.unreachableAgents.has(agent), world.state.unreachableAgents.size], [false, 2]);
    assert.equal(world.known(framework).unreachableTasks.size, 0);
    assert.deepEqual(asked(world, framework, 't1', agent), [['TASK_UNKNOWN', 'Reconciliation: Task is unknown']]);
    assertInvariants(world.state, world.allocator);
  });

  test('one that was forgotten is taken with its tasks when it comes back after all', () => {
    const { world, agent, framework, task } = running(['PARTITION_AWARE'], { maxLostAgents: 0 });
    silence(world);
    world.take();
    world.agent(resources, { id: agent, tasks: [reportedTask(framework, task, 'TASK_RUNNING')] });
    assert.deepEqual(updatesIn(world.take(), framework), ['t1 TASK_RUNNING REASON_AGENT_REREGISTERED']);
    assertInvariants(world.state, world.allocator);
  });

  test('and so are unreachable and gone ones after a time', () => {
    const { world, agent, framework } = running(['PARTITION_AWARE'], { maxLostAgentAge: 1000 });
    const other = world.agent('cpus:1');
    gone(world, other);
    silence(world);
    assert.deepEqual([world.state.unreachableAgents.has(agent), world.state.goneAgents.has(other)], [true, true]);
    world.now += 1_000_000;
    world.did(forgetLostAgents(world.state, world.now));
    assert.deepEqual([world.state.unreachableAgents.size, world.state.goneAgents.size], [0, 0]);
    assert.equal(world.known(framework).unreachableTasks.size, 0);
  });

  test('a framework has only so many unreachable tasks, the oldest go first', () => {
    const world = new MasterWorld({ maxUnreachableTasksPerFramework: 2 });
    const agent = world.agent('cpus:4;mem:1024');
    const framework = world.framework({ capabilities: ['PARTITION_AWARE'], failoverTimeout: 1000 });
    for (const id of ['t1', 't2', 't3']) world.launch(framework, id, 'cpus:1;mem:32');
    silence(world);
    assert.deepEqual([...world.known(framework).unreachableTasks.keys()], ['t2', 't3']);
    assert.deepEqual(asked(world, framework, 't1', agent), [
      ['TASK_UNREACHABLE', 'Reconciliation: Task is unreachable'],
    ]);
  });
});

test('updates of an agent that the master has removed are dropped and counted', () => {
  const { world, agent, framework } = running();
  gone(world, agent);
  world.take();
  world.update(agent, framework, 't1', 'TASK_FINISHED');
  assert.deepEqual(updatesIn(world.take()), []);
  assert.equal(world.state.metrics.counters.get('master/invalid_status_updates'), 1);
});

test('an agent that comes back tells the end of a task again that its framework has not acknowledged', () => {
  const { world, agent, framework, task } = running();
  const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
  silence(world);
  world.take();
  const tasks = [reportedTask(framework, task, 'TASK_FINISHED', uuid)];
  world.register(agentSubscription({ id: agent, resources, tasks }));
  const acknowledged = messagesIn(world.take(), agent).filter(({ type }) => type === 'ACKNOWLEDGE');
  assert.deepEqual(acknowledged, []);
  assert.deepEqual(
    world.known(framework).completedTasks.map(({ task_id }) => task_id.value),
    [],
  );
  world.update(agent, framework, 't1', 'TASK_FINISHED', uuid);
  assert.deepEqual(updatesIn(world.take(), framework), ['t1 TASK_FINISHED']);
  world.acknowledge(framework, agent, 't1', uuid);
  assert.equal(world.known(framework).completedTasks.length, 1);
  assertInvariants(world.state, world.allocator);
});

test('an agent that has forgotten a task is asked for its end where the framework was only told of earlier states', () => {
  const { world, agent, framework } = running();
  const status = {
    task_id: { value: 't1' },
    state: 'TASK_RUNNING',
    agent_id: { value: agent },
    uuid: world.uuid(),
  } as const;
  const update = { framework_id: framework, status, latest_state: 'TASK_FINISHED' } as const;
  world.did(updateTask(world.state, agent, update, world.now));
  world.take();
  world.register(agentSubscription({ id: agent, resources }));
  const asked = messagesIn(world.take(), agent).find(({ type }) => type === 'RECONCILE');
  const tasks = [{ framework_id: framework, task_id: 't1', partition_aware: false }];
  assert.deepEqual(asked, { type: 'RECONCILE', tasks });
  assertInvariants(world.state, world.allocator);
  const uuid = world.update(agent, framework, 't1', 'TASK_LOST');
  assert.deepEqual(updatesIn(world.take(), framework), ['t1 TASK_LOST']);
  world.acknowledge(framework, agent, 't1', uuid);
  assert.equal(world.known(framework).completedTasks.length, 1);
});
