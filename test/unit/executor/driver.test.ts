import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskState } from '../../../protocol/messages.ts';
import { runDriver, subscribedDriver, taskInfo } from '../../support/executor-room.ts';
import { ScriptedAgent } from '../../support/scripted-agent.ts';
import { settle, until, VirtualClock } from '../../support/virtual-clock.ts';

const minutes = 60_000;

for (const mediaType of ['application/json', 'application/x-protobuf'] as const) {
  test(`it subscribes, launches, and has updates acknowledged (${mediaType})`, async (t) => {
    const agent = await ScriptedAgent.open(t);
    agent.greeting = [{ type: 'LAUNCH', launch: { task: taskInfo('t') } }];
    const told: TaskState[] = [];
    const { driver, end } = runDriver(
      t,
      agent,
      {
        launch: async (task) => {
          await driver.update(task, 'TASK_RUNNING', { data: 'aGVsbG8=' });
          await driver.update(task, 'TASK_FINISHED', { message: 'done' });
          driver.stop();
        },
        acknowledged: ({ state }) => void told.push(state),
      },
      { mediaType },
    );
    assert.equal(await end, undefined);
    assert.deepEqual(told, ['TASK_RUNNING', 'TASK_FINISHED']);
    const [running, finished] = agent.statuses('t');
    assert.equal(running?.source, 'SOURCE_EXECUTOR');
    assert.equal(running?.executor_id?.value, 'E');
    assert.equal(running?.agent_id?.value, 'A');
    assert.equal(running?.data, 'aGVsbG8=');
    assert.equal(Buffer.from(running?.uuid ?? '', 'base64').length, 16);
    assert.ok((running?.timestamp ?? 0) > 1e9);
    assert.equal(finished?.message, 'done');
    assert.deepEqual(driver.tasks, []);
  });
}

test('each event reaches its handler, with what belongs to it', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const seen: unknown[] = [];
  const { end } = await subscribedDriver(t, agent, {
    subscribed: ({ agent_info }) => void seen.push(['subscribed', agent_info.id?.value]),
    launch: ({ task_id }) => void seen.push(['launch', task_id.value]),
    launchGroup: ({ tasks = [] }) => void seen.push(['group', tasks.map(({ task_id }) => task_id.value)]),
    kill: (id, policy) => void seen.push(['kill', id, policy?.grace_period?.nanoseconds]),
    message: (data) => void seen.push(['message', data.toString()]),
    error: (message) => void seen.push(['error', message]),
    shutdown: (grace) => void seen.push(['shutdown', grace]),
  });
  agent.launch(taskInfo('a'));
  agent.send({ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks: [taskInfo('b'), taskInfo('c')] } } });
  const kill_policy = { grace_period: { nanoseconds: 7e9 } };
  agent.send({ type: 'KILL', kill: { task_id: { value: 'a' }, kill_policy } });
  agent.send({ type: 'HEARTBEAT' });
  agent.send({ type: 'MESSAGE', message: { data: 'aGk=' } });
  agent.send({ type: 'ERROR', error: { message: 'odd' } });
  agent.send({ type: 'SHUTDOWN' });
  assert.equal(await end, undefined);
  assert.deepEqual(seen, [
    ['subscribed', 'A'],
    ['launch', 'a'],
    ['group', ['b', 'c']],
    ['kill', 'a', 7e9],
    ['message', 'hi'],
    ['error', 'odd'],
    ['shutdown', 5],
  ]);
});

test('a launch that throws fails its task with the words of the error', async (t) => {
  const agent = await ScriptedAgent.open(t);
  await subscribedDriver(t, agent, {
    launch: () => Promise.reject(new Error('no such model')),
  });
  agent.launch(taskInfo('t'));
  assert.equal((await agent.hears('t', 'TASK_FAILED')).message, 'no such model');
});

test('a kill reaches a launch that lasts as long as its task, and nothing follows the terminal update', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver } = await subscribedDriver(t, agent, {
    launch: async (task, killed) => {
      await new Promise((resolve) => killed.addEventListener('abort', resolve));
      await driver.update(task, 'TASK_KILLED');
      await driver.update(task, 'TASK_FINISHED');
    },
  });
  agent.launch(taskInfo('t'), taskInfo('other'));
  agent.send({ type: 'KILL', kill: { task_id: { value: 't' } } });
  await agent.hears('t', 'TASK_KILLED');
  await settle();
  assert.deepEqual(
    [...agent.updates.values()].map(({ state }) => state),
    ['TASK_KILLED'],
  );
  assert.deepEqual(
    driver.tasks.map(({ name }) => name),
    ['other'],
  );
});

test('SHUTDOWN ends every launch; run waits for what they say and for its acknowledgement', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver, end } = await subscribedDriver(t, agent, {
    launch: async (task, killed) => {
      await new Promise((resolve) => killed.addEventListener('abort', resolve));
      await settle();
      void driver.update(task, 'TASK_KILLED');
    },
  });
  agent.launch(taskInfo('a'), taskInfo('b'));
  agent.send({ type: 'SHUTDOWN' });
  assert.equal(await end, undefined);
  assert.deepEqual([agent.statuses('a')[0]?.state, agent.statuses('b')[0]?.state], ['TASK_KILLED', 'TASK_KILLED']);
});

test('the grace period bounds the shutdown', async (t) => {
  const clock = new VirtualClock();
  const agent = await ScriptedAgent.open(t);
  const { end, over } = await subscribedDriver(
    t,
    agent,
    { shutdown: () => new Promise(() => undefined) },
    { clock, at: { shutdownGrace: 30 } },
  );
  agent.send({ type: 'MESSAGE', message: { data: '' } });
  agent.send({ type: 'SHUTDOWN' });
  await until('the shutdown has begun', () => clock.pending >= 3);
  clock.advance(29_000);
  await settle();
  assert.ok(!over());
  clock.advance(1_000);
  assert.equal(await end, undefined);
});

test('a second subscription carries unacknowledged tasks and updates, and the agent forgets nothing', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver } = await subscribedDriver(t, agent, { launch: () => undefined });
  agent.launch(taskInfo('silent'), taskInfo('talks'), taskInfo('heard'));
  await until('they are launched', () => driver.tasks.length === 3);
  await driver.update('heard', 'TASK_RUNNING');
  agent.fault = ({ type }) => (type === 'SUBSCRIBE' ? undefined : 'lost');
  void driver.update('talks', 'TASK_STARTING');
  void driver.update('talks', 'TASK_RUNNING');
  await until('the first was tried', () => agent.calls('UPDATE').length >= 2);
  agent.cut();
  await until('it is subscribed again', () => agent.calls('SUBSCRIBE').length === 2);
  const { unacknowledged_tasks = [], unacknowledged_updates = [] } = agent.calls('SUBSCRIBE')[1]?.subscribe ?? {};
  assert.deepEqual(
    unacknowledged_tasks.map(({ name }) => name),
    ['silent', 'talks'],
  );
  assert.deepEqual(
    unacknowledged_updates.map(({ status }) => status.state),
    ['TASK_STARTING', 'TASK_RUNNING'],
  );
  assert.deepEqual(agent.forgotten, []);
});

test('an update that does not arrive is sent again while the subscription stands', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver } = await subscribedDriver(t, agent, { launch: () => undefined });
  agent.launch(taskInfo('t'));
  await until('it is launched', () => driver.tasks.length === 1);
  const faults = ['lost', 'busy', 'unanswered'] as const;
  agent.fault = () => faults[agent.calls('UPDATE').length - 1];
  await driver.update('t', 'TASK_RUNNING');
  assert.equal(agent.calls('SUBSCRIBE').length, 1);
  assert.equal(agent.updates.size, 1);
});

test('an agent that knows of no subscription gets another one', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver } = await subscribedDriver(t, agent, { launch: () => undefined });
  agent.launch(taskInfo('t'));
  await until('it is launched', () => driver.tasks.length === 1);
  const unknown = { status: 403, text: 'Executor is not subscribed' };
  agent.fault = ({ type }) => (type === 'UPDATE' ? unknown : undefined);
  await driver.update('t', 'TASK_RUNNING');
  assert.equal(agent.calls('SUBSCRIBE').length, 2);
});

test('an update that the agent objects to is told to whoever made it, and to failed', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const { driver } = await subscribedDriver(t, agent, { launch: () => undefined, failed });
  agent.launch(taskInfo('t'));
  await until('it is launched', () => driver.tasks.length === 1);
  agent.fault = () => ({ status: 400, text: 'Failed to validate' });
  await assert.rejects(driver.update('t', 'TASK_RUNNING'), {
    code: 'MESITA_AGENT_REFUSED',
    message: 'UPDATE: 400 Failed to validate',
  });
  assert.equal(failures.length, 1);
});

test('a handler that throws ends run after the shutdown, unless there is a failed handler', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const ended: string[] = [];
  const { end } = await subscribedDriver(t, agent, {
    message: () => Promise.reject(new Error('cannot read it')),
    shutdown: () => void ended.push('shutdown'),
  });
  agent.send({ type: 'MESSAGE', message: { data: '' } });
  assert.equal((await end)?.message, 'cannot read it');
  assert.deepEqual(ended, ['shutdown']);
});

test('without checkpointing a break is the end, after the shutdown', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const order: string[] = [];
  const { end } = await subscribedDriver(
    t,
    agent,
    { shutdown: () => void order.push('shutdown'), disconnected: () => void order.push('disconnected') },
    { at: { recovery: undefined } },
  );
  agent.cut();
  assert.equal((await end)?.code, 'MESITA_AGENT_UNREACHABLE');
  assert.deepEqual(order, ['disconnected', 'shutdown']);
  assert.equal(agent.calls('SUBSCRIBE').length, 1);
});

test('with checkpointing it looks for the agent until the recovery timeout is over, at random within the backoff', async (t) => {
  const clock = new VirtualClock();
  const agent = await ScriptedAgent.open(t);
  const attempts: number[] = [];
  const { end } = await subscribedDriver(
    t,
    agent,
    {},
    { clock, random: () => 0.5, at: { recovery: { timeout: 60, backoffMax: 4 } } },
  );
  const start = clock.now();
  agent.fault = () => {
    attempts.push(clock.now() - start);
    return 'busy';
  };
  agent.cut();
  let over = false;
  void end.finally(() => {
    over = true;
  });
  while (!over) {
    const before = attempts.length;
    await settle();
    clock.advance(500);
    await settle();
    if (attempts.length > before) await settle();
  }
  assert.equal((await end)?.code, 'MESITA_AGENT_UNREACHABLE');
  assert.ok(attempts.length >= 10, String(attempts));
  assert.ok((attempts.at(-1) ?? 0) <= 60_000);
});

test('an agent that does not know the executor ends it', async (t) => {
  const agent = await ScriptedAgent.open(t);
  agent.fault = () => ({ status: 400, text: 'Executor cannot be found' });
  const { end } = runDriver(t, agent);
  const error = await end;
  assert.equal(error?.code, 'MESITA_AGENT_REFUSED');
  assert.match(error?.message ?? '', /Executor cannot be found/);
});

test('it waits for an agent that is not ready the first time', async (t) => {
  const agent = await ScriptedAgent.open(t);
  agent.fault = () => (agent.requests.length < 3 ? 'busy' : undefined);
  await subscribedDriver(t, agent, {}, { at: { recovery: undefined } });
  assert.equal(agent.requests.length, 3);
});

test('it sends heartbeats half an hour apart, and its token with every call', async (t) => {
  const clock = new VirtualClock();
  const agent = await ScriptedAgent.open(t);
  await subscribedDriver(t, agent, {}, { clock, at: { token: 'secret' } });
  agent.send({ type: 'HEARTBEAT' });
  for (let beats = 1; beats <= 3; beats++) {
    await settle();
    clock.advance(30 * minutes);
    agent.send({ type: 'HEARTBEAT' });
    await until('a heartbeat', () => agent.calls('HEARTBEAT').length === beats);
  }
  assert.ok(agent.requests.every(({ headers }) => headers.authorization === 'Bearer secret'));
  assert.equal(agent.calls('SUBSCRIBE').length, 1);
});

test('a message needs a subscription', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver } = await subscribedDriver(t, agent);
  await driver.message(Buffer.from('hello'));
  assert.equal(agent.calls('MESSAGE')[0]?.message?.data, 'aGVsbG8=');
  agent.fault = () => 'busy';
  agent.cut();
  await until('the break is noticed', () => agent.calls('SUBSCRIBE').length > 1);
  await assert.rejects(driver.message(Buffer.from('hello')), { code: 'MESITA_AGENT_UNREACHABLE' });
});

test('what is not acknowledged when run ends is rejected', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { driver, end } = await subscribedDriver(
    t,
    agent,
    { launch: () => undefined },
    { at: { recovery: undefined, shutdownGrace: 0 } },
  );
  agent.launch(taskInfo('t'));
  await until('it is launched', () => driver.tasks.length === 1);
  agent.fault = () => 'lost';
  const update = driver.update('t', 'TASK_RUNNING');
  agent.cut();
  await end;
  await assert.rejects(update, { code: 'MESITA_AGENT_UNREACHABLE' });
});
