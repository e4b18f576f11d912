import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../../../../master/commands/disconnect-framework.ts';
import { drainAgent } from '../../../../master/commands/drain.ts';
import { markGone, removeAgent } from '../../../../master/commands/remove-agent.ts';
import { updateTask } from '../../../../master/commands/update-task.ts';
import type { TaskAnswer } from '../../../../master/why/answer.ts';
import { findSubject } from '../../../../master/why/subject.ts';
import { why } from '../../../../master/why/why.ts';
import { demandLabels } from '../../../../protocol/demand-labels.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import { frameworkInfo, resourcesOf } from '../../../support/master-messages.ts';
import { MasterWorld } from '../../../support/master-world.ts';

function setting(): { world: MasterWorld; agent: AgentId; framework: FrameworkId } {
  const world = new MasterWorld();
  const framework = world.framework({ name: 'web', failoverTimeout: 60, capabilities: ['PARTITION_AWARE'] });
  const agent = world.agent('cpus:4;mem:1024', { hostname: 'n1' });
  world.launch(framework, 't', 'cpus:1;mem:64');
  return { world, agent, framework };
}

function ask(world: MasterWorld, id = 't'): TaskAnswer {
  const found = findSubject(world.state, id, ['task']);
  assert.ok('subject' in found);
  const answer = why(world.state, found.subject, undefined, world.now);
  assert.ok(answer.subject === 'task');
  return answer;
}

describe('a task waits', () => {
  test('for its agent to say anything', () => {
    const { world } = setting();
    const answer = ask(world);
    assert.deepEqual([answer.place, answer.state, answer.agent?.condition], ['ACTIVE', 'TASK_STAGING', 'ACTIVE']);
    assert.deepEqual(answer.waits, [{ kind: 'AGENT_START' }]);
    assert.deepEqual(answer.amounts, { cpus: 1, mem: 64 });
  });

  test('for nothing when it runs', () => {
    const { world, agent, framework } = setting();
    world.update(agent, framework, 't', 'TASK_RUNNING');
    assert.deepEqual(ask(world).waits, []);
  });

  test('for its agent to come back, until that is unreachable', () => {
    const { world, agent } = setting();
    disconnectAgent(world.state, agent, world.now);
    const answer = ask(world);
    assert.equal(answer.agent?.condition, 'DISCONNECTED');
    assert.deepEqual(answer.waits, [{ kind: 'AGENT_BACK', since: answer.at, until: answer.at + 75 }]);
  });

  test('for the framework to acknowledge its end', () => {
    const { world, agent, framework } = setting();
    const uuid = world.update(agent, framework, 't', 'TASK_FINISHED');
    const answer = ask(world);
    assert.deepEqual(answer.waits, [{ kind: 'ACKNOWLEDGEMENT', of: 'TASK_FINISHED', since: answer.at }]);
    world.acknowledge(framework, agent, 't', uuid);
    assert.equal(ask(world).place, 'COMPLETED');
    assert.deepEqual(ask(world).waits, []);
  });

  test('for the framework to acknowledge an update before which its end is not told', () => {
    const { world, agent, framework } = setting();
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', uuid: world.uuid() } as const;
    updateTask(world.state, agent, { framework_id: framework, status, latest_state: 'TASK_FINISHED' }, world.now);
    assert.deepEqual(
      ask(world).waits.map((wait) => ('of' in wait ? wait.of : wait.kind)),
      ['TASK_RUNNING'],
    );
  });

  test('for a framework that is away, and for how long', () => {
    const { world, agent, framework } = setting();
    world.update(agent, framework, 't', 'TASK_RUNNING');
    disconnectFramework(world.state, world.known(framework), world.now);
    const answer = ask(world);
    assert.deepEqual(answer.waits, [{ kind: 'FRAMEWORK_BACK', since: answer.at, until: answer.at + 60 }]);
  });

  test('to be killed, by a call or a drain', () => {
    const { world, agent, framework } = setting();
    world.update(agent, framework, 't', 'TASK_RUNNING');
    drainAgent(world.state, { agent_id: { value: agent } }, world.now);
    assert.deepEqual(ask(world).waits, [{ kind: 'KILL', because: 'DRAIN' }]);
    assert.equal(ask(world).agent?.condition, 'DRAINING');
    world.call(framework, { type: 'KILL', kill: { task_id: { value: 't' } } });
    assert.deepEqual(ask(world).waits, [{ kind: 'KILL', because: 'CALL' }]);
  });
});

describe('a task that is over', () => {
  test('says with what reason and message, and when', () => {
    const { world, agent } = setting();
    removeAgent(world.state, agent, world.now);
    const answer = ask(world);
    assert.equal(answer.place, 'COMPLETED');
    assert.equal(answer.agent?.condition, 'REMOVED');
    assert.deepEqual(answer.history, [
      {
        state: 'TASK_LOST',
        at: answer.at,
        reason: 'REASON_AGENT_REMOVED',
        source: 'SOURCE_MASTER',
        message: 'Agent n1 removed: the agent unregistered',
      },
    ]);
    assert.equal(answer.placement?.wish?.task_id, 't');
  });

  test('says when an operator took its agent away', () => {
    const { world, agent } = setting();
    markGone(world.state, agent, world.now);
    const answer = ask(world);
    assert.deepEqual([answer.agent?.condition, answer.agent?.since], ['GONE', answer.at]);
    assert.equal(answer.history.at(-1)?.reason, 'REASON_AGENT_REMOVED_BY_OPERATOR');
  });
});

test('a task that its framework waits to place is answered by what was declined', () => {
  const world = new MasterWorld();
  world.agent('cpus:1;mem:1024', { hostname: 'n1' });
  const info = frameworkInfo({ name: 'run sleep' });
  const subscription = world.subscription({
    ...info,
    labels: demandLabels('sleep-1', resourcesOf('cpus:2;mem:64')),
  });
  assert.ok('framework' in subscription);
  const { framework } = subscription;
  const decline = () =>
    world.call(framework, {
      type: 'DECLINE',
      decline: { offer_ids: world.offers(framework).map(({ id }) => id), filters: { refuse_seconds: 1 } },
    });
  decline();
  world.now += 1_000;
  decline();
  const answer = ask(world, 'sleep-1');
  assert.equal(answer.place, 'PENDING');
  assert.deepEqual(answer.placement?.wish, { amounts: { cpus: 2, mem: 64 }, source: 'LABEL', task_id: 'sleep-1' });
  const declined = answer.placement?.roles[0]?.declined;
  assert.deepEqual([declined?.offers, declined?.largest], [2, { cpus: 1, mem: 1024 }]);
  assert.equal(answer.placement?.advice[0]?.kind, 'ASK_FOR_LESS');
});
