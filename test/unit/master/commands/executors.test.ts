import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { endExecutor, messageFramework } from '../../../../master/commands/executors.ts';
import { asAgentId } from '../../../../protocol/ids.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

function room() {
  const world = new MasterWorld();
  const agent = world.agent('cpus:4;mem:1024');
  const framework = world.framework({ failoverTimeout: 60 });
  world.take();
  return { world, agent, framework };
}

const executor_id = { value: 'ex' };
const data = 'aGVsbG8=';

describe('SHUTDOWN', () => {
  test('goes to the agent of the executor', () => {
    const { world, agent, framework } = room();
    const shutdown = { executor_id, agent_id: { value: agent } };
    const effects = world.call(framework, { type: 'SHUTDOWN', shutdown });
    assert.deepEqual(messagesIn(effects, agent), [
      { type: 'SHUTDOWN_EXECUTOR', framework_id: framework, executor_id: 'ex' },
    ]);
  });

  test('is dropped when there is no such agent', () => {
    const { world, framework } = room();
    const shutdown = { executor_id, agent_id: { value: 'nobody' } };
    const effects = world.call(framework, { type: 'SHUTDOWN', shutdown });
    assert.deepEqual([messagesIn(effects), eventsIn(effects)], [[], []]);
  });
});

describe('MESSAGE', () => {
  const call = (agent: string) =>
    ({ type: 'MESSAGE', message: { agent_id: { value: agent }, executor_id, data } }) as const;

  test('goes to the agent as it is', () => {
    const { world, agent, framework } = room();
    assert.deepEqual(messagesIn(world.call(framework, call(agent)), agent), [
      { type: 'FRAMEWORK_MESSAGE', framework_id: framework, executor_id: 'ex', data },
    ]);
  });

  test('is dropped and counted when the agent is unknown or away', () => {
    const { world, agent, framework } = room();
    assert.deepEqual(messagesIn(world.call(framework, call('nobody'))), []);
    world.did(disconnectAgent(world.state, agent, world.now));
    assert.deepEqual(messagesIn(world.call(framework, call(agent))), []);
    assert.equal(world.state.metrics.counters.get('master/invalid_framework_to_executor_messages'), 2);
  });
});

describe('a message of an executor', () => {
  test('goes to its framework as it is', () => {
    const { world, agent, framework } = room();
    const effects = messageFramework(world.state, agent, { framework_id: framework, executor_id: 'ex', data });
    assert.deepEqual(eventsIn(effects, framework), [
      { type: 'MESSAGE', message: { agent_id: { value: agent }, executor_id, data } },
    ]);
  });

  test('to a framework that nobody knows is dropped', () => {
    const { world, agent } = room();
    const effects = messageFramework(world.state, agent, { framework_id: 'nobody', executor_id: 'ex', data });
    assert.deepEqual(eventsIn(effects), []);
  });
});

describe('the end of an executor', () => {
  test('that the master knows is told to its framework, with the status as wait(2) has it', () => {
    const { world, agent, framework } = room();
    const executor = { executor_id, framework_id: { value: framework }, type: 'CUSTOM' } as const;
    world.state.agents.get(agent)?.executors.set(`${framework}/ex`, executor);
    const ended = { framework_id: framework, executor_id: 'ex', status: 256 };
    assert.deepEqual(eventsIn(endExecutor(world.state, agent, ended, world.now), framework), [
      { type: 'FAILURE', failure: { agent_id: { value: agent }, executor_id, status: 256 } },
    ]);
    assert.deepEqual(endExecutor(world.state, agent, ended, world.now), []);
  });

  test('of an agent or a name that nobody knows is nothing', () => {
    const { world, agent, framework } = room();
    const ended = { framework_id: framework, executor_id: 'ex', status: 0 };
    assert.deepEqual(endExecutor(world.state, agent, ended, world.now), []);
    assert.deepEqual(endExecutor(world.state, asAgentId('nobody'), ended, world.now), []);
  });
});

test('REQUEST is taken, and changes nothing', () => {
  const { world, framework } = room();
  const effects = world.call(framework, { type: 'REQUEST', request: { requests: [] } });
  assert.deepEqual([messagesIn(effects), eventsIn(effects)], [[], []]);
});
