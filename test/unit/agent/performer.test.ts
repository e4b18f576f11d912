import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { MesitaError } from '../../../protocol/errors.ts';
import { AgentRoom, dockerTask, framework, image, outcomes } from '../../support/agent-room.ts';
import type { FakeEngineOptions } from '../../support/fake-engine.ts';
import { resourcesOf } from '../../support/master-messages.ts';
import { settle, until } from '../../support/virtual-clock.ts';

async function open(t: TestContext, options: FakeEngineOptions = {}): Promise<AgentRoom> {
  const room = await AgentRoom.open(options);
  t.after(() => room.close());
  return room;
}

const exits = (exitCode: number): FakeEngineOptions => ({
  program: () => ({ stdout: 'out', stderr: 'err', exit: { exitCode } }),
});

describe('the life of a task', () => {
  test('that ends by itself: STARTING, RUNNING, then FINISHED or FAILED, also when it is over before start answers', async (t) => {
    for (const [code, end, message] of [
      [0, 'TASK_FINISHED', 'Container exited with status 0'],
      [3, 'TASK_FAILED', 'Container exited with status 3'],
    ] as const) {
      const room = await open(t, exits(code));
      room.run(dockerTask('t1'));
      const statuses = await room.history('t1');
      assert.deepEqual(outcomes(statuses), ['TASK_STARTING', 'TASK_RUNNING', end]);
      assert.equal(statuses.at(-1)?.message, message);
      assert.equal(new Set(statuses.map(({ uuid }) => uuid)).size, 3);
      assert.ok(
        statuses.every(({ executor_id, source }) => executor_id?.value === 't1' && source === 'SOURCE_EXECUTOR'),
      );
      assert.equal(room.engine.machine.containers.size, 0, 'its container is removed');
    }
  });

  test('a command task says signals by their names', async (t) => {
    const room = await open(t, exits(137));
    const { container: _, ...plain } = dockerTask('t1');
    room.run(plain);
    assert.equal((await room.history('t1')).at(-1)?.message, 'Command terminated with signal Killed');
  });

  test('its output is in the sandbox when its end is told, and latest points there', async (t) => {
    const room = await open(t, exits(0));
    room.run(dockerTask('t1'));
    const { sandbox } = room.task('t1');
    await until('it has ended', () => room.task('t1').state === 'TASK_FINISHED');
    assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), 'out');
    assert.equal(await readFile(join(dirname(sandbox), 'latest', 'stderr'), 'utf8'), 'err');
  });

  test('one that its engine ended has not finished, whatever its exit status', async (t) => {
    const room = await open(t, { program: () => ({ exit: { exitCode: 0, because: 'the engine was restarted' } }) });
    room.run(dockerTask('t1'));
    const { state, reason, source, message } = (await room.history('t1')).at(-1) ?? {};
    assert.deepEqual([state, reason, source], ['TASK_FAILED', 'REASON_EXECUTOR_TERMINATED', 'SOURCE_AGENT']);
    assert.equal(message, 'Container exited with status 0: the engine was restarted');
  });

  test('out of memory is named with limit and peak', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    room.engine.oom(await room.running('t1'), 63.97);
    const last = (await room.history('t1')).at(-1);
    assert.deepEqual(outcomes(last === undefined ? [] : [last]), ['TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY']);
    assert.match(last?.message ?? '', /limit 64 MB, peak 64 MB\. Ask for more mem/);
    assert.equal(last?.limitation?.resources?.[0]?.scalar?.value, 64);
  });

  test('out of memory in a child that the task survives is no end', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    const name = await room.running('t1');
    room.engine.oom(name, 64, { exit: false });
    assert.equal(room.task('t1').state, 'TASK_RUNNING');
    room.engine.exit(name, 0);
    assert.equal((await room.history('t1')).at(-1)?.state, 'TASK_FINISHED');
  });

  test('beyond its max_completion_time it is killed at once and has failed', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1', { max_completion_time: { nanoseconds: 2e9 } }));
    const name = await room.running('t1');
    room.clock.advance(1_999);
    assert.ok(!room.engine.calls.some((call) => call.startsWith('stop')));
    room.clock.advance(1);
    const last = (await room.history('t1')).at(-1);
    assert.deepEqual(outcomes(last === undefined ? [] : [last]), ['TASK_FAILED REASON_MAX_COMPLETION_TIME_REACHED']);
    assert.ok(room.engine.calls.includes(`stop ${name} 0`));
  });

  test('that ended in time is not touched when the time is over', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1', { max_completion_time: { nanoseconds: 2e9 } }));
    room.engine.exit(await room.running('t1'), 0);
    const statuses = await room.history('t1');
    room.clock.advance(10_000);
    assert.equal(statuses.at(-1)?.state, 'TASK_FINISHED');
    assert.deepEqual(room.statuses(), []);
  });

  test('said twice by the master it runs once', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    room.run(dockerTask('t1'));
    await room.running('t1');
    assert.equal(room.engine.calls.filter((call) => call.startsWith('create')).length, 1);
  });
});

describe('a kill', () => {
  const killing = { ...framework, capabilities: [{ type: 'TASK_KILLING_STATE' as const }] };

  test('stops with the grace of the call, else of the task, else of the agent', async (t) => {
    const policy = { kill_policy: { grace_period: { nanoseconds: 7e9 } } };
    for (const [change, said, grace] of [
      [{}, undefined, 5],
      [policy, undefined, 7],
      [policy, 0.5, 0.5],
    ] as const) {
      const room = await open(t);
      room.run(dockerTask('t1', change));
      const name = await room.running('t1');
      room.kill('t1', said);
      assert.ok(room.engine.calls.includes(`stop ${name} ${grace}`));
      assert.equal((await room.history('t1')).at(-1)?.state, 'TASK_KILLED');
    }
  });

  test('announces TASK_KILLING to those who know it, once', async (t) => {
    const room = await open(t, { program: () => ({ ignoresTerm: true }) });
    room.run(dockerTask('t1'), killing);
    await room.running('t1');
    room.kill('t1');
    const statuses = await room.history('t1');
    assert.deepEqual(outcomes(statuses), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
  });

  test('while the image is pulled gives the launch up', async (t) => {
    const room = await open(t);
    room.engine.scriptPull('slow:1', { until: new Promise(() => undefined) });
    room.run(dockerTask('t1', { container: { type: 'DOCKER', docker: { image: 'slow:1' } } }));
    await until('it is pulled', () => room.engine.calls.includes('ensureImage slow:1'));
    room.kill('t1');
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH']);
    assert.equal(room.engine.machine.containers.size, 0);
  });

  test('while URIs are fetched too', async (t) => {
    const room = await open(t);
    room.fetch = (_uris, _target, { signal }) =>
      new Promise((_, reject) => {
        // The kill may come before the fetch has begun.
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    room.run(dockerTask('t1', { command: { value: 'true', uris: [{ value: 'http://x/y' }] } }));
    await until('the sandbox is there', () => existsSync(room.task('t1').sandbox));
    room.kill('t1');
    room.kill('t1');
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH']);
  });

  test('before start answers ends the container as soon as it does', async (t) => {
    const room = await open(t);
    const start = room.engine.start.bind(room.engine);
    room.engine.start = async (name) => {
      room.kill('t1');
      await start(name);
    };
    room.run(dockerTask('t1'));
    assert.equal((await room.history('t1')).at(-1)?.state, 'TASK_KILLED');
    assert.equal(room.engine.machine.containers.size, 0);
  });

  test('a second one may shorten the grace', async (t) => {
    const room = await open(t);
    const stops: number[] = [];
    room.engine.stop = async (_name, grace) => void stops.push(grace);
    room.run(dockerTask('t1'));
    const name = await room.running('t1');
    room.kill('t1', 60);
    room.kill('t1', 0);
    assert.deepEqual(stops, [60, 0]);
    room.engine.exit(name, 0);
    assert.deepEqual(outcomes(await room.history('t1')).at(-1), 'TASK_KILLED', 'whatever its exit code');
  });

  test('that the engine fails to carry out is tried again', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    await room.running('t1');
    room.engine.failNext('stop', new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: 'away' }));
    room.kill('t1');
    await settle();
    assert.equal((await room.history('t1')).at(-1)?.state, 'TASK_KILLED');
  });

  test('of a task that the agent does not have, or that has ended, does nothing', async (t) => {
    const room = await open(t, exits(0));
    room.kill('nope');
    room.run(dockerTask('t1'));
    await until('it has ended', () => room.task('t1').state === 'TASK_FINISHED');
    room.kill('t1');
    assert.deepEqual(outcomes(await room.history('t1')).at(-1), 'TASK_FINISHED');
  });
});

describe('a launch that fails gives exactly one terminal update, and leaves no container', () => {
  const failure = new MesitaError('MESITA_ENGINE_FAILED', { message: 'no luck' });
  const cases: [string, (room: AgentRoom) => Parameters<typeof dockerTask>[1], RegExp][] = [
    [
      'in the plan',
      () => ({ container: { type: 'DOCKER', docker: { image, network: 'USER' } } }),
      /^Failed to create docker run options: Expecting exactly one/,
    ],
    [
      'in the fetcher',
      (room) => {
        room.fetch = async () =>
          Promise.reject(new MesitaError('MESITA_FETCH_FAILED', { message: 'http://x/y answers 404' }));
        return { command: { value: 'true', uris: [{ value: 'http://x/y' }] } };
      },
      /^Failed to launch container: http:\/\/x\/y answers 404\. Check that the URI/,
    ],
    [
      'in the pull',
      (room) => {
        room.engine.scriptPull('nope:1', {
          error: new MesitaError('MESITA_IMAGE_UNAVAILABLE', { message: 'nope:1 is nowhere' }),
        });
        return { container: { type: 'DOCKER', docker: { image: 'nope:1' } } };
      },
      /nope:1 is nowhere\. Check the image/,
    ],
    [
      'in create',
      (room) => {
        room.engine.failNext('create', failure);
        return {};
      },
      /no luck/,
    ],
    [
      'in start',
      (room) => {
        room.engine.failNext('start', failure);
        return {};
      },
      /no luck/,
    ],
    ['in the sandbox', () => ({ name: 'sandbox' }), /The sandbox .* cannot be made/],
  ];
  for (const [where, prepare, text] of cases) {
    test(where, async (t) => {
      const room = await open(t);
      const change = prepare(room);
      if (change?.name === 'sandbox') {
        await mkdir(join(room.directory, 'slaves'), { recursive: true });
        await writeFile(join(room.directory, 'slaves/S'), 'a file where a directory should be');
      }
      room.run(dockerTask('t1', change));
      const statuses = await room.history('t1');
      const terminal = statuses.filter(({ state }) => state === 'TASK_FAILED');
      assert.equal(terminal.length, 1);
      assert.match(terminal[0]?.message ?? '', text);
      assert.ok(!statuses.some(({ state }) => state === 'TASK_RUNNING'));
      assert.equal(room.engine.machine.containers.size, 0);
      assert.deepEqual(room.statuses(), []);
    });
  }

  test('a bad plan has no reason, as a docker executor says it; all else is a launch failure of the agent', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1', { container: { type: 'DOCKER', docker: { image, network: 'USER' } } }));
    assert.deepEqual(outcomes(await room.history('t1')), ['TASK_FAILED']);
    room.run(dockerTask('t2', { container: { type: 'DOCKER', docker: { image: 'unscripted:1' } } }));
    assert.deepEqual(outcomes(await room.history('t2')), ['TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED']);
  });
});

describe('the end of a framework or of the agent', () => {
  test('SHUTDOWN_FRAMEWORK ends its tasks without a word, and leaves those of others alone', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    room.run(dockerTask('other'), { ...framework, id: { value: 'G' } });
    await room.running('t1');
    await until('the other runs', () => [...room.state.tasks.values()].every(({ phase }) => phase === 'running'));
    room.statuses();
    room.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'F' });
    await until('it is gone', () => room.state.tasks.size === 1);
    assert.deepEqual(
      room.statuses().filter(({ task_id }) => task_id.value === 't1'),
      [],
    );
    assert.equal(room.engine.machine.containers.size, 1);
  });

  test('SHUTDOWN_FRAMEWORK reaches tasks that are being launched or wait for an acknowledgement', async (t) => {
    const room = await open(t, exits(0));
    room.engine.scriptPull('slow:1', { until: new Promise(() => undefined) });
    room.run(dockerTask('pulling', { container: { type: 'DOCKER', docker: { image: 'slow:1' } } }));
    room.run(dockerTask('ended'));
    await until('it has ended', () => room.task('ended').released);
    room.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'F' });
    await until('both are gone', () => room.state.tasks.size === 0);
  });

  test('an engine that is gone does not keep the agent from stopping', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    await room.running('t1');
    room.engine.stop = async () => Promise.reject(new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: 'away' }));
    let stopped = false;
    const done = room.performer.shutdownTasks().then(() => {
      stopped = true;
    });
    await until('it gives up', () => {
      room.clock.advance(10_000);
      return stopped;
    });
    await done;
  });

  test('shutdownTasks resolves when no container is left', async (t) => {
    const room = await open(t);
    room.run(dockerTask('t1'));
    await room.running('t1');
    await room.performer.shutdownTasks();
    assert.equal(room.engine.machine.containers.size, 0);
  });
});

test('a container that cannot be removed at first is removed later', async (t) => {
  const room = await open(t, exits(0));
  room.engine.failNext('remove', new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: 'away' }));
  room.run(dockerTask('t1', { resources: resourcesOf('cpus:1;mem:64') }));
  await room.history('t1');
  assert.equal(room.engine.machine.containers.size, 0);
});

test('what is meant for executors that are not there is dropped, and messages are counted', async (t) => {
  const room = await AgentRoom.open();
  t.after(() => room.close());
  const names = { framework_id: 'f', executor_id: 'ex' };
  room.performer.receive({ type: 'FRAMEWORK_MESSAGE', ...names, data: 'aGVsbG8=' });
  room.performer.receive({ type: 'SHUTDOWN_EXECUTOR', ...names });
  assert.deepEqual(room.sent, []);
  assert.equal(room.performer.state.counters.get('invalid_framework_messages'), 1);
});
