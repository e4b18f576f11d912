import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../../../../master/commands/disconnect-framework.ts';
import { expire } from '../../../../master/commands/expire.ts';
import { invalidCall } from '../../../../master/commands/scheduler-call.ts';
import type { FrameworkId } from '../../../../protocol/ids.ts';
import type { FrameworkInfoCapabilityType, SchedulerCallType } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { MasterWorld, messagesIn, statusesIn, updatesIn } from '../../../support/master-world.ts';

const aware: FrameworkInfoCapabilityType[] = ['PARTITION_AWARE'];

function launched(capabilities: FrameworkInfoCapabilityType[] = []) {
  const world = new MasterWorld();
  const agent = world.agent('cpus:4;mem:1024');
  const framework = world.framework({ capabilities, failoverTimeout: 1000 });
  world.launch(framework, 't1');
  world.take();
  return { world, agent, framework };
}

const stateOf = (world: MasterWorld, framework: FrameworkId) =>
  [...world.known(framework).tasks.values()].map(({ state }) => state);

describe('status updates', () => {
  test('are forwarded as they are, and give resources back with the first terminal one', () => {
    const { world, agent, framework } = launched();
    const uuid = world.update(agent, framework, 't1', 'TASK_RUNNING');
    assert.equal(statusesIn(world.take(), framework)[0]?.uuid, uuid);
    assert.equal(world.allocator.allocated(agent).length, 2);
    world.update(agent, framework, 't1', 'TASK_FINISHED');
    assert.deepEqual(world.allocator.allocated(agent), []);
    assert.deepEqual(stateOf(world, framework), ['TASK_FINISHED']);
  });

  test('that are repeated are forwarded again, and give nothing back twice', () => {
    const { world, agent, framework } = launched();
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    world.update(agent, framework, 't1', 'TASK_FINISHED', uuid);
    assert.equal(statusesIn(world.take(), framework).length, 2);
    assertInvariants(world.state, world.allocator);
  });

  test('after the end move nothing any more', () => {
    const { world, agent, framework } = launched();
    world.update(agent, framework, 't1', 'TASK_FINISHED');
    world.update(agent, framework, 't1', 'TASK_RUNNING');
    assert.deepEqual(stateOf(world, framework), ['TASK_FINISHED']);
    assertInvariants(world.state, world.allocator);
  });

  test('are recorded, and not forwarded, while the framework is away', () => {
    const { world, agent, framework } = launched();
    world.did(disconnectFramework(world.state, world.known(framework), world.now));
    world.take();
    world.update(agent, framework, 't1', 'TASK_RUNNING');
    assert.deepEqual(statusesIn(world.take()), []);
    assert.deepEqual(stateOf(world, framework), ['TASK_RUNNING']);
  });

  test('keep the last of each run of equal states, without data', () => {
    const { world, agent, framework } = launched();
    for (const state of ['TASK_STARTING', 'TASK_STARTING', 'TASK_RUNNING'] as const)
      world.update(agent, framework, 't1', state);
    const [task] = world.known(framework).tasks.values();
    assert.deepEqual(
      task?.statuses?.map(({ state }) => state),
      ['TASK_STARTING', 'TASK_RUNNING'],
    );
  });

  test('of frameworks that nobody knows are dropped', () => {
    const { world, agent } = launched();
    world.update(agent, 'nobody', 't1', 'TASK_RUNNING');
    assert.deepEqual(statusesIn(world.take()), []);
  });

  test('of an agent on which the task is not: acknowledged to it, and kept from the framework', () => {
    const { world, framework } = launched();
    const other = world.agent('cpus:1;mem:64');
    world.take();
    const uuid = world.update(other, framework, 't1', 'TASK_FINISHED');
    const effects = world.take();
    assert.deepEqual(statusesIn(effects), []);
    assert.ok(messagesIn(effects, other).some((message) => message.type === 'ACKNOWLEDGE' && message.uuid === uuid));
    assert.deepEqual(stateOf(world, framework), ['TASK_STAGING']);
  });
});

describe('ACKNOWLEDGE', () => {
  test('goes to the agent; that of the terminal update ends the life of the task', () => {
    const { world, agent, framework } = launched();
    const running = world.update(agent, framework, 't1', 'TASK_RUNNING');
    const effects = world.acknowledge(framework, agent, 't1', running);
    assert.deepEqual(messagesIn(effects, agent), [
      { type: 'ACKNOWLEDGE', framework_id: framework, task_id: 't1', uuid: running },
    ]);
    const finished = world.update(agent, framework, 't1', 'TASK_FINISHED');
    world.acknowledge(framework, agent, 't1', running);
    assert.deepEqual(stateOf(world, framework), ['TASK_FINISHED'], 'an old acknowledgement ends nothing');
    world.acknowledge(framework, agent, 't1', finished);
    assert.deepEqual(stateOf(world, framework), []);
    assert.equal(world.known(framework).completedTasks.length, 1);
  });

  test('is dropped when nothing was forwarded, and when the agent is away or unknown', () => {
    const { world, agent, framework } = launched();
    assert.deepEqual(messagesIn(world.acknowledge(framework, agent, 't1', world.uuid())), []);
    const uuid = world.update(agent, framework, 't1', 'TASK_FINISHED');
    assert.deepEqual(messagesIn(world.acknowledge(framework, 'nobody', 't1', uuid)), []);
    world.did(disconnectAgent(world.state, agent, world.now));
    assert.deepEqual(messagesIn(world.acknowledge(framework, agent, 't1', uuid)), []);
    assert.deepEqual(stateOf(world, framework), ['TASK_FINISHED'], 'the agent will say it again');
  });

  test('only so many completed tasks are remembered, the oldest go first', () => {
    const world = new MasterWorld({ maxCompletedTasksPerFramework: 2 });
    const agent = world.agent('cpus:4;mem:1024');
    const framework = world.framework();
    for (const id of ['t1', 't2', 't3']) {
      world.launch(framework, id);
      world.acknowledge(framework, agent, id, world.update(agent, framework, id, 'TASK_FINISHED'));
    }
    assert.deepEqual(
      world.known(framework).completedTasks.map(({ name }) => name),
      ['t2', 't3'],
    );
  });
});

describe('KILL', () => {
  const kill = (world: MasterWorld, framework: FrameworkId, task: string, agent?: string) =>
    world.call(framework, {
      type: 'KILL',
      kill: { task_id: { value: task }, ...(agent === undefined ? {} : { agent_id: { value: agent } }) },
    });

  test('goes to the agent of the task', () => {
    const { world, agent, framework } = launched();
    const expected = [{ type: 'KILL_TASK', framework_id: framework, task_id: 't1' }];
    assert.deepEqual(messagesIn(kill(world, framework, 't1'), agent), expected);
    assert.deepEqual(messagesIn(kill(world, framework, 't1', agent), agent), expected);
  });

  test('naming another agent is dropped', () => {
    const { world, framework } = launched();
    assert.deepEqual(messagesIn(kill(world, framework, 't1', 'other')), []);
  });

  test('of a task that nobody knows is answered as a reconciliation', () => {
    const plain = launched();
    assert.deepEqual(updatesIn(kill(plain.world, plain.framework, 'nope')), ['nope TASK_LOST REASON_RECONCILIATION']);
    const knowing = launched(aware);
    assert.deepEqual(updatesIn(kill(knowing.world, knowing.framework, 'nope')), [
      'nope TASK_UNKNOWN REASON_RECONCILIATION',
    ]);
    assert.deepEqual(updatesIn(kill(knowing.world, knowing.framework, 'nope', knowing.agent)), [
      'nope TASK_GONE REASON_RECONCILIATION',
    ]);
  });
});

describe('RECONCILE', () => {
  const ask = (world: MasterWorld, framework: FrameworkId, ...tasks: [task: string, agent?: string][]) =>
    statusesIn(
      world.call(framework, {
        type: 'RECONCILE',
        reconcile: {
          tasks: tasks.map(([task, agent]) => ({
            task_id: { value: task },
            ...(agent === undefined ? {} : { agent_id: { value: agent } }),
          })),
        },
      }),
    );

  test('without tasks tells the state of every active one, ended and not acknowledged ones included', () => {
    const { world, agent, framework } = launched();
    world.launch(framework, 't2');
    world.update(agent, framework, 't2', 'TASK_FAILED');
    const statuses = ask(world, framework);
    assert.deepEqual(
      statuses.map(({ task_id, state }) => `${task_id.value} ${state}`),
      ['t1 TASK_STAGING', 't2 TASK_FAILED'],
    );
    for (const status of statuses) {
      assert.equal(status.uuid, undefined);
      assert.equal(status.source, 'SOURCE_MASTER');
      assert.equal(status.reason, 'REASON_RECONCILIATION');
      assert.match(status.message ?? '', /^Reconciliation: /);
    }
  });

  test('tells the last state that was forwarded', () => {
    const { world, agent, framework } = launched();
    world.update(agent, framework, 't1', 'TASK_RUNNING');
    assert.deepEqual(
      ask(world, framework, ['t1']).map(({ state }) => state),
      ['TASK_RUNNING'],
    );
  });

  test('tells of unknown tasks what it knows of their agents', () => {
    for (const [capabilities, gone, unreachable, unknown] of [
      [aware, 'TASK_GONE', 'TASK_UNREACHABLE', 'TASK_UNKNOWN'],
      [[], 'TASK_LOST', 'TASK_LOST', 'TASK_LOST'],
    ] as const) {
      const { world, agent, framework } = launched([...capabilities]);
      world.now += 1_000;
      const quiet = world.agent('cpus:1;mem:64');
      const heard = world.state.agents.get(agent);
      world.now += 74_500;
      if (heard !== undefined) heard.heardAt = world.now;
      world.now += 500;
      world.did(expire(world.state, world.now));
      assert.deepEqual([...world.state.unreachableAgents.keys()], [quiet]);
      const statuses = ask(world, framework, ['a', agent], ['b', quiet], ['c', 'never seen'], ['d']);
      assert.deepEqual(
        statuses.map(({ state }) => state),
        [gone, unreachable, unknown, unknown],
      );
      const [, cutOff] = statuses;
      assert.equal(cutOff?.unreachable_time?.nanoseconds, world.now * 1e6);
    }
  });
});

test('a call without the member of its type is invalid, but for REVIVE, SUPPRESS and TEARDOWN', () => {
  const framework_id = { value: 'f' };
  const bare = (type: SchedulerCallType) => invalidCall({ type, framework_id });
  for (const type of [
    'ACCEPT',
    'DECLINE',
    'KILL',
    'ACKNOWLEDGE',
    'RECONCILE',
    'MESSAGE',
    'SHUTDOWN',
    'REQUEST',
  ] as const) {
    assert.equal(bare(type), `Expecting '${type.toLowerCase()}' to be present`);
    assert.equal(invalidCall({ type }), "Expecting 'framework_id' to be present");
  }
  for (const type of ['REVIVE', 'SUPPRESS', 'TEARDOWN'] as const) assert.equal(bare(type), undefined);
});

test('a call is judged by the member of its type, whatever else it carries', () => {
  const framework_id = { value: 'f' };
  const uuid = new MasterWorld().uuid();
  const operation_id = { value: 'o' };
  const other = { acknowledge: { agent_id: { value: 'S' }, task_id: { value: 't' }, uuid: 'AAAA' } };
  assert.equal(invalidCall({ type: 'REVIVE', framework_id, ...other }), undefined);
  assert.equal(invalidCall({ type: 'ACKNOWLEDGE', framework_id, ...other }), 'Not a valid UUID');
  const acknowledgement = (member: object) =>
    invalidCall({
      type: 'ACKNOWLEDGE_OPERATION_STATUS',
      framework_id,
      acknowledge_operation_status: { operation_id, uuid, ...member },
    });
  assert.equal(acknowledgement({ uuid: 'AAAA' }), 'Not a valid UUID');
  assert.equal(acknowledgement({}), undefined, 'mesos-go acknowledges without an agent_id');
  assert.equal(acknowledgement({ agent_id: { value: 'S' } }), undefined);
});
