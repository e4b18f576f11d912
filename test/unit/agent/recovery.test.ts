import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { checkReconfiguration, checkRoom } from '../../../agent/recovery/reconfiguration.ts';
import { restoreRuns } from '../../../agent/recovery/restore-runs.ts';
import { emptyState } from '../../../agent/state.ts';
import type { AgentInfo, TaskInfo } from '../../../protocol/messages.ts';
import { AgentRoom, dockerTask, framework, image, outcomes } from '../../support/agent-room.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { resourcesOf } from '../../support/master-messages.ts';
import { onNetwork, podInfo, podTask } from '../../support/pod-messages.ts';
import { executorInfo, executorTask, RoomExecutor } from '../../support/room-executor.ts';
import { settle, until } from '../../support/virtual-clock.ts';

/** An agent that can be killed and started again. */
async function world(t: TestContext) {
  const disk = new FakeDisk();
  const first = await AgentRoom.open({ disk });
  const rooms = [first];
  t.after(() => Promise.all(rooms.map((room) => room.close())));
  const again = async (room: AgentRoom, rebooted = false) => {
    const next = await AgentRoom.reopen(room, { disk, scope: {} }, rebooted);
    rooms.push(next);
    await settle();
    return next;
  };
  return { disk, first, again };
}

describe('an agent that is started again', () => {
  test('sends again what was not acknowledged, and nothing else', async (t) => {
    const { first, again } = await world(t);
    first.run(dockerTask('one'));
    await first.running('one');
    const [starting] = first.statuses();
    assert.equal(starting?.state, 'TASK_STARTING');
    await settle();
    await first.die();
    const second = await again(first);
    assert.deepEqual(
      second.statuses().map(({ uuid }) => uuid),
      [starting.uuid],
    );
    second.acknowledge(starting);
    await settle();
    const [running] = second.statuses();
    assert.equal(running?.state, 'TASK_RUNNING');
    second.acknowledge(running);
    await settle();
    await second.die();
    assert.deepEqual((await again(second)).statuses(), []);
  });

  test('tells nothing, and launches nothing, that is not on the disk', async (t) => {
    const { first, disk } = await world(t);
    disk.failure = new Error('full');
    first.run(dockerTask('one'));
    await settle();
    assert.deepEqual([first.engine.calls.filter((call) => call.startsWith('create')), first.sent], [[], []]);
    disk.failure = undefined;
    first.clock.advance(1_000);
    await first.running('one');
  });

  test('removes a container that was made and not started, and what was fetched, and launches again', async (t) => {
    const { first, again } = await world(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    first.fetch = async () => promise as never;
    const uris = [{ value: 'http://x/y' }];
    first.run(dockerTask('one', { command: { value: 'true', uris } }));
    await settle();
    const { sandbox, containerName } = first.task('one');
    await mkdir(sandbox, { recursive: true });
    await writeFile(join(sandbox, 'half'), '');
    await first.engine.create({ ...specFor(containerName), image });
    await first.die();
    resolve();
    const second = await again(first);
    await second.running('one');
    assert.equal(existsSync(join(sandbox, 'half')), false);
    assert.ok(second.engine.calls.includes(`remove ${containerName}`));
    assert.equal(second.task('one').containerName, containerName);
  });

  test('counts max_completion_time and the grace of a kill from their beginning', async (t) => {
    const { first, again } = await world(t);
    const limited = { max_completion_time: { nanoseconds: 10e9 } };
    first.run(dockerTask('limited', limited));
    first.run(dockerTask('killed', { kill_policy: { grace_period: { nanoseconds: 20e9 } } }));
    await first.running('limited');
    const killed = await first.running('killed');
    first.engine.failNext('stop', new Error('the engine does not hear'));
    first.kill('killed');
    await settle();
    await first.die();
    first.clock.advance(6_000);
    const second = await again(first);
    assert.ok(second.engine.calls.includes(`stop ${killed} 14`), second.engine.calls.join(', '));
    second.clock.advance(3_900);
    assert.equal(second.task('limited').ending, undefined);
    second.clock.advance(200);
    assert.equal(second.task('limited').ending?.reason, 'REASON_MAX_COMPLETION_TIME_REACHED');
  });

  test('checks the health of what runs', async (t) => {
    const { first, again } = await world(t);
    const health_check: TaskInfo['health_check'] = {
      type: 'COMMAND',
      command: { value: 'true' },
      delay_seconds: 0,
      interval_seconds: 1,
    };
    first.run(dockerTask('checked', { health_check }));
    await first.running('checked');
    await settle();
    await first.die();
    const second = await again(first);
    second.clock.advance(1_100);
    await until('it is checked', () => second.engine.calls.some((call) => call.startsWith('exec')));
  });

  for (const [rebooted, why] of [
    [false, /somebody else removed it/],
    [true, /the machine was started anew/],
  ] as const) {
    test(`says why a container is gone${rebooted ? ', also when the machine was off' : ''}`, async (t) => {
      const { first, again } = await world(t);
      first.run(dockerTask('gone'));
      const name = await first.running('gone');
      await settle();
      await first.die();
      first.engine.machine.containers.delete(name);
      const history = await (await again(first, rebooted)).history('gone');
      const last = history.at(-1);
      assert.equal(last?.state, 'TASK_LOST');
      assert.match(last.message ?? '', why);
    });
  }

  test('keeps an executor that comes back in time, and ends one that does not, with its tasks', async (t) => {
    const { first, again } = await world(t);
    const running: RoomExecutor[] = [];
    for (const id of ['back', 'away']) {
      first.run(executorTask(`of-${id}`, executorInfo(id)));
      const executor = await RoomExecutor.subscribe(first, id);
      await settle();
      executor.update(`of-${id}`, 'TASK_RUNNING');
      running.push(executor);
    }
    await settle();
    for (const status of first.statuses()) first.acknowledge(status);
    await settle();
    await first.die();
    const second = await again(first);
    RoomExecutor.again(second, second.executor('back'));
    second.clock.advance(2_100);
    await settle();
    second.clock.advance(100);
    const [lost] = await second.history('of-away');
    assert.deepEqual(outcomes(lost === undefined ? [] : [lost]), ['TASK_LOST REASON_EXECUTOR_REREGISTRATION_TIMEOUT']);
    assert.match(lost?.message ?? '', /within 2secs/);
    assert.equal(second.task('of-back').state, 'TASK_RUNNING');
    second.clock.advance(100_000);
    assert.equal(second.executor('back').stage, 'running');
  });

  test('gives an executor that has never come the rest of its time', async (t) => {
    const { first, again } = await world(t);
    first.run(executorTask('t', executorInfo('slow')));
    await until('its container runs', () => first.executor('slow').phase === 'running');
    await settle();
    await first.die();
    first.clock.advance(50_000);
    const second = await again(first);
    second.clock.advance(9_000);
    const executor = await RoomExecutor.subscribe(second, 'slow');
    await settle();
    assert.deepEqual(executor.heard(), ['SUBSCRIBED', 'LAUNCH t']);
  });

  test('goes on with a pod: its holder, its groups, and those that wait for it', async (t) => {
    const { first, again } = await world(t);
    const executor = podInfo('pod', onNetwork('net'));
    const group = (...ids: string[]) =>
      first.performer.receive({ type: 'RUN_TASK_GROUP', framework, executor, tasks: ids.map((id) => podTask(id)) });
    group('a', 'b');
    const holder = first.executor('pod').containerName;
    await until('the holder is there', () => first.engine.container(holder) !== undefined);
    first.engine.scriptAddresses(holder, [{ network: 'net', protocol: 'IPv4', address: '10.9.0.2' }]);
    await first.running('a');
    await first.running('b');
    group('c');
    await first.running('c');
    await settle();
    await first.die();
    first.engine.exit(first.task('a').containerName, 2);
    const second = await again(first);
    const history = await second.history('b');
    assert.equal(history.at(-1)?.state, 'TASK_KILLED');
    assert.equal(second.task('c').state, 'TASK_RUNNING');
    assert.equal(second.engine.container(holder)?.state, 'running');
    second.kill('c');
    await second.history('c');
    await until('the pod is over', () => second.state.executors.size === 0);
    await until('nothing is left', () => second.engine.machine.containers.size === 0);
  });

  test('leaves out what makes no sense, and says what', async (t) => {
    const { first, disk } = await world(t);
    first.run(dockerTask('one'));
    first.run(dockerTask('two'));
    await first.running('two');
    await settle();
    const [key = ''] = disk.table('now').keys();
    disk.table('now').set(key, '{"phase"');
    const state = emptyState(first.state.settings);
    const { problems } = restoreRuns(state, disk.runs);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', new RegExp(key));
    assert.deepEqual([...state.tasks.keys()], ['F/two']);
  });
});

describe('of what an agent said of itself there may differ', () => {
  const info = (resources: string, rack = 'r1'): AgentInfo => ({
    hostname: 'h',
    resources: resourcesOf(resources),
    attributes: [{ name: 'rack', type: 'TEXT', text: { value: rack } }],
  });
  const refused = { code: 'MESITA_CHECKPOINT_INCOMPATIBLE' };

  test('nothing, more may be there, or anything', () => {
    const before = info('cpus:2;mem:100');
    for (const policy of ['equal', 'additive', 'any'] as const) checkReconfiguration(policy, before, before);
    checkReconfiguration('additive', before, info('cpus:3;mem:100'));
    checkReconfiguration('any', before, info('cpus:1', 'r2'));
    checkReconfiguration('equal', undefined, before);
    assert.throws(() => checkReconfiguration('equal', before, info('cpus:3;mem:100')), refused);
    assert.throws(() => checkReconfiguration('additive', before, info('cpus:1;mem:100')), refused);
    assert.throws(() => checkReconfiguration('additive', before, info('cpus:2;mem:100', 'r2')), refused);
  });

  test('never what running tasks need', async (t) => {
    const { first } = await world(t);
    first.run(dockerTask('one', { resources: resourcesOf('cpus:1;mem:64') }));
    const { state } = first;
    state.total = resourcesOf('cpus:1;mem:64');
    checkRoom(state);
    state.total = resourcesOf('cpus:1;mem:63');
    assert.throws(() => checkRoom(state), refused);
  });
});

function specFor(name: string) {
  return {
    name,
    labels: {},
    environment: {},
    cpuShares: 2,
    pidsLimit: 0,
    network: { mode: 'host' } as const,
    mounts: [],
    privileged: false,
    parameters: [],
  };
}
