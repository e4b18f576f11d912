import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import { markGone } from '../../../../master/commands/remove-agent.ts';
import type { AgentSubscription } from '../../../../protocol/agent-link.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, reportedTask } from '../../../support/master-messages.ts';
import { MasterWorld, messagesIn, updatesIn } from '../../../support/master-world.ts';

const resources = 'cpus:4;mem:1024';

function subscription(number: number, given: Partial<Parameters<typeof agentSubscription>[0]> = {}): AgentSubscription {
  return { ...agentSubscription({ resources, ...given }), attempt: { process: 'p', number } };
}

describe('an agent that dials', () => {
  test('again because it never heard of the id that it was given is the same one', () => {
    const world = new MasterWorld();
    const id = world.register(subscription(1));
    disconnectAgent(world.state, id, world.now);
    assert.equal(world.register(subscription(2)), id);
    assert.equal(world.register(subscription(3, { id })), id);
    assert.equal(world.state.agents.size, 1);
    const other = { ...agentSubscription({ resources }), attempt: { process: 'q', number: 1 } };
    assert.notEqual(world.register(other), id);
    assertInvariants(world.state, world.allocator);
  });

  test('so after it was marked gone is turned away all the same', () => {
    const world = new MasterWorld();
    const id = world.register(subscription(1));
    markGone(world.state, id, world.now);
    assert.deepEqual(registerAgent(world.state, subscription(2), world.now), {
      shutdown: 'Agent has been marked gone',
    });
  });

  test('is not set back by what it had dialled earlier and comes later', () => {
    const world = new MasterWorld();
    const id = world.register(subscription(1));
    const framework = world.framework({ failoverTimeout: 60 });
    const task = world.launch(framework, 't');
    world.update(id, framework, 't', 'TASK_RUNNING');
    const stale = subscription(2, { id, tasks: [reportedTask(framework, task, 'TASK_RUNNING')] });
    world.register(subscription(3, { id, tasks: [reportedTask(framework, task, 'TASK_RUNNING')] }));
    world.acknowledge(framework, id, 't', world.update(id, framework, 't', 'TASK_FINISHED'));
    world.take();
    assert.deepEqual(registerAgent(world.state, stale, world.now), { refusal: 'The agent has dialled again since' });
    assert.deepEqual(updatesIn(world.take()), []);
    assert.equal(world.known(framework).tasks.size, 0);
    // Another process of the agent counts anew.
    const restarted = { ...subscription(1, { id }), attempt: { process: 'q', number: 1 } };
    assert.equal(world.register(restarted), id);
  });

  test('is told what frameworks said of themselves meanwhile', () => {
    const world = new MasterWorld();
    const id = world.register(subscription(1));
    const framework = world.framework({ failoverTimeout: 60 });
    const task = world.launch(framework, 't');
    const tasks = [reportedTask(framework, task, 'TASK_RUNNING')];
    const { info } = world.known(framework);
    const frameworks = [{ ...info }];
    world.take();
    world.register(subscription(2, { id, tasks, frameworks }));
    const told = () => messagesIn(world.take(), id).filter(({ type }) => type === 'UPDATE_FRAMEWORK');
    assert.deepEqual(told(), []);
    disconnectAgent(world.state, id, world.now);
    world.framework({ name: 'renamed', id: framework, failoverTimeout: 60 });
    world.take();
    world.register(subscription(3, { id, tasks, frameworks }));
    assert.deepEqual(told(), [{ type: 'UPDATE_FRAMEWORK', framework: world.known(framework).info }]);
  });
});

test('an update that its framework has acknowledged, told again, is acknowledged by the master', () => {
  const world = new MasterWorld();
  const id = world.register(subscription(1));
  const framework = world.framework({ failoverTimeout: 60 });
  world.launch(framework, 't');
  const uuid = world.update(id, framework, 't', 'TASK_FINISHED');
  world.acknowledge(framework, id, 't', uuid);
  world.take();
  world.update(id, framework, 't', 'TASK_FINISHED', uuid);
  const effects = world.take();
  assert.deepEqual(updatesIn(effects), []);
  assert.deepEqual(messagesIn(effects, id), [{ type: 'ACKNOWLEDGE', framework_id: framework, task_id: 't', uuid }]);
});
