import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { getExecutors, getTasks } from '../../../agent/operator/reads.ts';
import { MesitaError } from '../../../protocol/errors.ts';
import type { TaskStatus } from '../../../protocol/messages.ts';
import { AgentRoom, dockerTask, framework, outcomes } from '../../support/agent-room.ts';
import type { FakeEngineOptions } from '../../support/fake-engine.ts';
import { executorInfo, executorTask, RoomExecutor } from '../../support/room-executor.ts';
import { settle, until } from '../../support/virtual-clock.ts';

async function open(t: TestContext, options: FakeEngineOptions = {}): Promise<AgentRoom> {
  const room = await AgentRoom.open(options);
  t.after(() => room.close());
  return room;
}

const ex = executorInfo('ex');

/** An executor with one task that runs, nothing of which is news any more. */
async function withRunningTask(t: TestContext, info = ex): Promise<{ room: AgentRoom; executor: RoomExecutor }> {
  const room = await open(t);
  room.run(executorTask('t1', info));
  const executor = await RoomExecutor.subscribe(room, 'ex');
  executor.update('t1', 'TASK_RUNNING');
  for (const status of room.statuses()) room.acknowledge(status);
  executor.heard();
  return { room, executor };
}

const ids = (statuses: readonly TaskStatus[]) => statuses.map(({ task_id, state }) => `${task_id.value} ${state}`);

describe('an executor', () => {
  test('is launched for the first task that names it, and told of all that wait when it subscribes, in order', async (t) => {
    const room = await open(t);
    for (const id of ['t1', 't2']) room.run(executorTask(id, ex));
    const tasks = [executorTask('g1', ex), executorTask('g2', ex)];
    room.performer.receive({ type: 'RUN_TASK_GROUP', framework, executor: ex, tasks });
    const executor = await RoomExecutor.subscribe(room, 'ex');
    assert.equal(room.engine.machine.containers.size, 1);
    assert.deepEqual(executor.heard(), ['SUBSCRIBED', 'LAUNCH t1', 'LAUNCH t2', 'LAUNCH_GROUP g1 g2']);
    room.run(executorTask('t3', ex));
    assert.deepEqual(executor.heard(), ['LAUNCH t3']);
    assert.deepEqual(room.sent, []);
  });

  test('is told who it is', async (t) => {
    const room = await open(t);
    room.run(executorTask('t1', ex));
    const { events, record } = await RoomExecutor.subscribe(room, 'ex');
    assert.deepEqual(events[0]?.subscribed, {
      executor_info: JSON.parse(JSON.stringify(ex)),
      framework_info: JSON.parse(JSON.stringify(framework)),
      agent_info: { hostname: 'localhost', id: { value: 'S' } },
      container_id: { value: record.containerId },
    });
  });

  test('is as large as itself and its tasks; memory that was granted stays, reservation and CPU do not', async (t) => {
    const room = await open(t);
    room.run(executorTask('t1', ex));
    const executor = await RoomExecutor.subscribe(room, 'ex');
    const limits = () => {
      const spec = room.engine.container(executor.record.containerName)?.spec;
      return [spec?.cpuShares, spec?.cpuLimit, spec?.memoryLimit, spec?.memoryReservation];
    };
    await settle();
    assert.deepEqual(limits(), [1.5, 1.5, 96, 96]);
    room.run(executorTask('t2', ex));
    await settle();
    assert.deepEqual(limits(), [2.5, 2.5, 160, 160]);
    executor.update('t1', 'TASK_FINISHED');
    executor.update('t2', 'TASK_FINISHED');
    await settle();
    assert.deepEqual(limits(), [0.5, 0.5, 160, 32]);
  });

  test('whose tasks come and go quickly has its limits changed a few times only', async (t) => {
    const { room, executor } = await withRunningTask(t);
    await settle();
    room.engine.calls.length = 0;
    for (let n = 0; n < 100; n++) {
      room.run(executorTask(`s${n}`, ex));
      executor.update(`s${n}`, 'TASK_FINISHED');
    }
    await settle();
    const updates = room.engine.calls.filter((call) => call.startsWith('update')).length;
    assert.ok(updates <= 2, `${updates} updates`);
  });

  test('whose limits the engine refuses to change ends, and its tasks are gone', async (t) => {
    const { room, executor } = await withRunningTask(t);
    await settle();
    room.engine.failNext('update', new Error('no such limit'));
    room.run(executorTask('t2', ex));
    await until('the end', () => room.state.executors.size === 0);
    const statuses = room.statuses();
    assert.deepEqual(outcomes(statuses), [
      'TASK_LOST REASON_CONTAINER_UPDATE_FAILED',
      'TASK_LOST REASON_CONTAINER_UPDATE_FAILED',
    ]);
    assert.equal(executor.ended, true);
  });

  for (const code of ['MESITA_ENGINE_UNREACHABLE', 'MESITA_DISK_FULL'] as const) {
    test(`goes on where its limits cannot be changed for now: ${code}`, async (t) => {
      const { room } = await withRunningTask(t);
      await settle();
      room.engine.failNext('update', new MesitaError(code, { message: 'not now' }));
      room.run(executorTask('t2', ex));
      await settle();
      room.engine.calls.length = 0;
      room.clock.advance(1_000);
      await until('the second try', () => room.engine.calls.some((call) => call.startsWith('update')));
      assert.equal(room.state.executors.size, 1);
      assert.deepEqual(outcomes(room.statuses()), []);
    });
  }

  test('hears a heartbeat after thirty minutes, and each thirty from then on', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.clock.advance(30 * 60_000 - 1);
    assert.deepEqual(executor.heard(), []);
    room.clock.advance(1);
    assert.deepEqual(executor.heard(), ['HEARTBEAT']);
    room.clock.advance(60 * 60_000);
    assert.deepEqual(executor.heard(), ['HEARTBEAT', 'HEARTBEAT']);
  });

  test('speaks with its framework, and is spoken to while it listens', async (t) => {
    const { room, executor } = await withRunningTask(t);
    executor.message('hello');
    const data = Buffer.from('hello').toString('base64');
    assert.deepEqual(room.sent, [{ type: 'EXECUTOR_MESSAGE', framework_id: 'F', executor_id: 'ex', data }]);
    const message = { type: 'FRAMEWORK_MESSAGE', framework_id: 'F', executor_id: 'ex', data: 'AAAA' } as const;
    room.performer.receive(message);
    assert.deepEqual(executor.events, [{ type: 'MESSAGE', message: { data: 'AAAA' } }]);
    executor.leave();
    room.performer.receive(message);
    assert.equal(room.state.counters.get('invalid_framework_messages'), 1);
  });
});

describe('an update', () => {
  test('is completed, lined up, and acknowledged to the executor at once', async (t) => {
    const room = await open(t);
    room.run(executorTask('t1', ex));
    const executor = await RoomExecutor.subscribe(room, 'ex');
    executor.heard();
    const starting = executor.update('t1', 'TASK_STARTING');
    const running = executor.update('t1', 'TASK_RUNNING', { timestamp: 7, data: 'AAAA', healthy: true });
    assert.deepEqual(executor.events[0], {
      type: 'ACKNOWLEDGED',
      acknowledged: { task_id: { value: 't1' }, uuid: starting.uuid },
    });
    assert.deepEqual(executor.heard(), ['ACKNOWLEDGED t1', 'ACKNOWLEDGED t1']);
    const [sent, ...rest] = room.statuses();
    assert.deepEqual(rest, []);
    const container_status = {
      container_id: { value: executor.record.containerId },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.0.1' }] }],
    };
    const timestamp = room.clock.now() / 1000;
    assert.deepEqual(sent, { ...starting, agent_id: { value: 'S' }, timestamp, container_status });
    room.acknowledge(starting);
    assert.deepEqual(room.statuses(), [{ ...running, agent_id: { value: 'S' }, container_status }]);
  });

  test('that is repeated, or comes after the end, is acknowledged and goes no further', async (t) => {
    const { room, executor } = await withRunningTask(t);
    const finished = executor.update('t1', 'TASK_FINISHED');
    executor.update('t1', 'TASK_FINISHED', finished);
    executor.update('t1', 'TASK_FAILED');
    assert.deepEqual(executor.heard(), ['ACKNOWLEDGED t1', 'ACKNOWLEDGED t1', 'ACKNOWLEDGED t1']);
    assert.deepEqual(ids(room.statuses()), ['t1 TASK_FINISHED']);
    room.acknowledge(finished);
    executor.update('t1', 'TASK_FINISHED', finished);
    assert.deepEqual(executor.heard(), ['ACKNOWLEDGED t1']);
    assert.deepEqual(room.statuses(), []);
  });

  test('of another agent, or of a task that the executor was not told of, is dropped', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.run(dockerTask('other'));
    room.statuses();
    executor.update('t1', 'TASK_RUNNING', { agent_id: { value: 'zzz' } });
    executor.update('other', 'TASK_FINISHED');
    assert.deepEqual(executor.heard(), []);
    assert.deepEqual(
      ids(room.statuses()).filter((one) => one.endsWith('FINISHED')),
      [],
    );
    assert.equal(room.state.counters.get('invalid_status_updates'), 2);
  });

  test('of a task that nobody launched is forwarded as it is, and once', async (t) => {
    const { room, executor } = await withRunningTask(t);
    executor.update('nosuchtask', 'TASK_RUNNING');
    const [status] = room.statuses();
    assert.equal(status?.task_id.value, 'nosuchtask');
    assert.equal(status?.container_status, undefined);
    room.clock.advance(60_000);
    assert.deepEqual(room.statuses(), []);
    assert.equal(room.state.tasks.size, 1);
  });
});

describe('an executor that comes back', () => {
  test('ends its earlier stream, whose end says nothing of the new one', async (t) => {
    const { room, executor } = await withRunningTask(t);
    const again = RoomExecutor.again(room, executor.record);
    assert.equal(executor.ended, true);
    executor.leave();
    room.run(executorTask('t2', ex));
    assert.deepEqual(again.heard(), ['SUBSCRIBED', 'LAUNCH t2']);
  });

  test('is told what came meanwhile, and of kills that nobody heard', async (t) => {
    const { room, executor } = await withRunningTask(t);
    executor.leave();
    room.run(executorTask('t2', ex));
    room.kill('t1');
    const again = RoomExecutor.again(room, executor.record);
    assert.deepEqual(again.heard(), ['SUBSCRIBED', 'KILL t1', 'LAUNCH t2']);
  });

  test('brings updates that nobody heard, and those that were heard are not sent again', async (t) => {
    const { room, executor } = await withRunningTask(t);
    const failed = executor.update('t1', 'TASK_FAILED');
    room.run(executorTask('t2', ex));
    executor.leave();
    const running = {
      ...failed,
      task_id: { value: 't2' },
      state: 'TASK_RUNNING',
      uuid: 'iiiiiiiiSIiIiIiIiIiIiA==',
    } as const;
    const unacknowledged_tasks = [executorTask('t2', ex)];
    const unacknowledged_updates = [{ status: failed }, { status: running }];
    const again = RoomExecutor.again(room, executor.record, { unacknowledged_tasks, unacknowledged_updates });
    assert.deepEqual(again.heard(), ['SUBSCRIBED', 'ACKNOWLEDGED t1', 'ACKNOWLEDGED t2']);
    assert.deepEqual(ids(room.statuses()), ['t1 TASK_FAILED', 't2 TASK_RUNNING']);
  });

  test('and never heard of a task that was said into the broken stream loses it', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.run(executorTask('t2', ex));
    room.run(executorTask('t3', ex));
    executor.leave();
    const again = RoomExecutor.again(room, executor.record, { unacknowledged_tasks: [executorTask('t3', ex)] });
    assert.deepEqual(again.heard(), ['SUBSCRIBED']);
    const [lost, ...rest] = room.statuses();
    assert.deepEqual(rest, []);
    assert.equal(lost?.task_id.value, 't2');
    assert.deepEqual(outcomes(lost === undefined ? [] : [lost]), ['TASK_LOST REASON_AGENT_RESTARTED']);
  });
});

describe('a kill', () => {
  test('of a task that the executor knows is the executor’s', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.kill('t1', 7);
    assert.deepEqual(executor.events, [
      {
        type: 'KILL',
        kill: { task_id: { value: 't1' }, kill_policy: { grace_period: { nanoseconds: 7e9 } } },
      },
    ]);
    assert.deepEqual(room.statuses(), []);
  });

  test('of one that waits ends it with its group, and an executor that has nothing to do is told to end', async (t) => {
    const room = await open(t);
    const tasks = [executorTask('g1', ex), executorTask('g2', ex)];
    room.performer.receive({ type: 'RUN_TASK_GROUP', framework, executor: ex, tasks });
    room.kill('g2');
    const statuses = room.statuses();
    assert.deepEqual(ids(statuses), ['g1 TASK_KILLED', 'g2 TASK_KILLED']);
    assert.deepEqual(outcomes(statuses)[0], 'TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH');
    for (const status of statuses) room.acknowledge(status);
    const executor = await RoomExecutor.subscribe(room, 'ex');
    assert.deepEqual(executor.heard(), ['SUBSCRIBED', 'SHUTDOWN']);
  });
});

describe('the end of an executor', () => {
  test('is told to the master, then each task that is not over fails', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.run(executorTask('t2', ex));
    executor.update('t2', 'TASK_FINISHED');
    room.sent.length = 0;
    room.engine.exit(executor.record.containerName, 3);
    await until('the end', () => room.state.executors.size === 0);
    const [exited] = room.sent;
    assert.deepEqual(exited, { type: 'EXECUTOR_EXITED', framework_id: 'F', executor_id: 'ex', status: 768 });
    const [failed, ...rest] = room.statuses();
    assert.deepEqual(rest, []);
    const { timestamp, uuid, ...told } = failed ?? {};
    assert.ok(timestamp !== undefined && uuid !== undefined);
    assert.deepEqual(told, {
      task_id: { value: 't1' },
      state: 'TASK_FAILED',
      message: 'Executor terminated',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_TERMINATED',
      agent_id: { value: 'S' },
      executor_id: { value: 'ex' },
    });
    assert.equal(executor.ended, true);
    await until('the container is gone', () => room.engine.machine.containers.size === 0);
  });

  test('by want of memory is said, with the limit', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.engine.oom(executor.record.containerName, 96);
    await until('the end', () => room.state.executors.size === 0);
    const [status] = room.statuses();
    assert.equal(status?.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    assert.match(status?.message ?? '', /limit 96 MB, peak 96 MB/);
    assert.equal(status?.limitation?.resources?.[0]?.scalar?.value, 96);
  });

  test('makes room for a new run of the same name, also before the ends of its tasks are acknowledged', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.engine.exit(executor.record.containerName, 0);
    await until('the end', () => room.state.executors.size === 0);
    const [failed] = room.statuses();
    room.run(executorTask('t2', ex));
    const next = await RoomExecutor.subscribe(room, 'ex');
    assert.deepEqual(next.heard(), ['SUBSCRIBED', 'LAUNCH t2']);
    if (failed !== undefined) room.acknowledge(failed);
    assert.deepEqual(
      executor.record.completed.map(({ info, state }) => `${info.task_id.value} ${state}`),
      ['t1 TASK_FAILED'],
    );
  });

  test('that the master does not know of yet loses tasks which it was to run: nothing is set aside for another', async (t) => {
    const room = await open(t);
    room.performer.receive({ type: 'RUN_TASK', framework, task: executorTask('t1', ex), launch_executor: false });
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_LOST REASON_EXECUTOR_TERMINATED']);
    assert.equal(room.state.executors.size, 0);
  });

  test('comes when its launch fails, and the tasks that waited say why', async (t) => {
    const room = await open(t);
    room.fetch = async () => {
      throw new Error('http://x/ex.tar.gz answers 404');
    };
    room.run(
      executorTask('t1', executorInfo('ex', { command: { value: 'x', uris: [{ value: 'http://x/ex.tar.gz' }] } })),
    );
    const exited = () => room.sent.find(({ type }) => type === 'EXECUTOR_EXITED');
    await until('the end', () => exited() !== undefined);
    const [status] = await room.history('t1');
    assert.equal(status?.reason, 'REASON_CONTAINER_LAUNCH_FAILED');
    assert.match(status?.message ?? '', /^Failed to launch container: http:\/\/x\/ex.tar.gz answers 404/);
  });

  test('comes when it does not register in time', async (t) => {
    const room = await open(t);
    room.run(executorTask('t1', ex));
    await until('it runs', () => room.executor('ex').phase === 'running');
    room.clock.advance(59_999);
    assert.equal(room.executor('ex').stage, 'registering');
    room.clock.advance(1);
    await until('the end', () => room.state.executors.size === 0);
    const [status] = await room.history('t1');
    assert.equal(status?.reason, 'REASON_EXECUTOR_REGISTRATION_TIMEOUT');
    assert.equal(status?.message, 'Executor did not register within 1mins');
  });

  test('does not come so to one that registered', async (t) => {
    const { room } = await withRunningTask(t);
    room.clock.advance(3_600_000);
    await settle();
    assert.equal(room.executor('ex').stage, 'running');
  });
});

describe('SHUTDOWN', () => {
  const shutdown = { type: 'SHUTDOWN_EXECUTOR', framework_id: 'F', executor_id: 'ex' } as const;

  test('is told, and enforced when the executor’s own grace period is over', async (t) => {
    const info = executorInfo('ex', { shutdown_grace_period: { nanoseconds: 2e9 } });
    const { room, executor } = await withRunningTask(t, info);
    room.performer.receive(shutdown);
    assert.deepEqual(executor.heard(), ['SHUTDOWN']);
    room.clock.advance(1_999);
    await settle();
    assert.equal(room.state.executors.size, 1);
    room.clock.advance(1);
    await until('the end', () => room.state.executors.size === 0);
    assert.deepEqual(outcomes(room.statuses()), ['TASK_FAILED REASON_EXECUTOR_TERMINATED']);
  });

  test('keeps new tasks from it, and is said again to one that comes back', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.performer.receive(shutdown);
    room.run(executorTask('t2', ex));
    const [status] = room.statuses();
    assert.deepEqual([status?.state, status?.message], ['TASK_LOST', 'Executor terminating']);
    const again = RoomExecutor.again(room, executor.record);
    assert.deepEqual(again.heard(), ['SHUTDOWN']);
    assert.equal(again.ended, true);
  });

  test('gives up one that is not there yet', async (t) => {
    const room = await open(t);
    let fetching = false;
    room.fetch = (_uris, _target, { signal }) => {
      fetching = true;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const info = executorInfo('ex', { command: { value: 'x', uris: [{ value: 'http://x/y' }] } });
    room.run(executorTask('t1', info));
    await until('it is fetched', () => fetching);
    room.performer.receive(shutdown);
    await until('the end', () => room.state.executors.size === 0);
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_FAILED REASON_EXECUTOR_TERMINATED']);
  });

  test('of a task that has no executor of its own kills the task', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    await room.running('t1');
    room.performer.receive({ ...shutdown, executor_id: 't1' });
    assert.deepEqual(outcomes(await room.history('t1')).at(-1), 'TASK_KILLED');
  });

  test('of the framework leaves no updates, and the executor its time', async (t) => {
    const { room, executor } = await withRunningTask(t);
    room.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'F' });
    assert.deepEqual(executor.heard(), ['SHUTDOWN']);
    executor.update('t1', 'TASK_KILLED');
    room.engine.exit(executor.record.containerName, 0);
    await until('the end', () => room.state.executors.size === 0 && room.state.tasks.size === 0);
    assert.deepEqual(room.statuses(), []);
  });

  test('of the agent ends executors like tasks', async (t) => {
    const { room, executor } = await withRunningTask(t);
    const over = room.performer.shutdownTasks();
    assert.deepEqual(executor.heard(), ['SHUTDOWN']);
    room.clock.advance(5_000);
    await until('the end', () => room.state.executors.size === 0);
    room.clock.advance(1_000);
    await over;
  });
});

test('executors and their tasks are in the documents: queued, launched, terminated, completed', async (t) => {
  const room = await open(t);
  for (const id of ['t1', 't2', 't3']) room.run(executorTask(id, ex));
  const names = () => {
    const { queued_tasks, launched_tasks, terminated_tasks, completed_tasks } = getTasks(room.state);
    return [queued_tasks, launched_tasks, terminated_tasks, completed_tasks].map((tasks) =>
      (tasks ?? []).map(({ task_id }) => task_id.value).join(' '),
    );
  };
  assert.deepEqual(names(), ['t1 t2 t3', '', '', '']);
  const executor = await RoomExecutor.subscribe(room, 'ex');
  const finished = executor.update('t1', 'TASK_FINISHED');
  assert.deepEqual(names(), ['', 't2 t3', 't1', '']);
  room.acknowledge(finished);
  assert.deepEqual(names(), ['', 't2 t3', '', 't1']);
  const listed = () => {
    const { executors = [], completed_executors = [] } = getExecutors(room.state);
    return [executors.length, completed_executors.length];
  };
  assert.deepEqual(listed(), [1, 0]);
  room.engine.exit(executor.record.containerName, 0);
  await until('the end', () => room.state.executors.size === 0);
  assert.deepEqual(listed(), [0, 1]);
});
