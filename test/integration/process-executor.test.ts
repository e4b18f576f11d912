import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CommandInfo } from '../../protocol/messages.ts';
import { commandTask, taskInfo } from '../support/executor-room.ts';
import { isAlive, TaskRoom } from '../support/task-room.ts';
import { until } from '../support/virtual-clock.ts';

const mem = (value: number) => ({ resources: [{ name: 'mem', type: 'SCALAR' as const, scalar: { value } }] });
const seconds = (count: number) => ({ nanoseconds: count * 1e9 });

test('a task goes by way of RUNNING to its end, which says how the command ended', async (t) => {
  const room = await TaskRoom.open(t);
  const cases: [string, string, string][] = [
    ['true', 'TASK_FINISHED', 'Command exited with status 0'],
    ['exit 7', 'TASK_FAILED', 'Command exited with status 7'],
    ['kill -TERM $$', 'TASK_FAILED', 'Command terminated with signal Terminated'],
    ['kill -KILL $$', 'TASK_FAILED', 'Command terminated with signal Killed'],
    ['kill -SEGV $$', 'TASK_FAILED', 'Command terminated with signal Segmentation fault'],
    ['nosuchprogram', 'TASK_FAILED', 'Command exited with status 127'],
  ];
  for (const [index, [command, state, message]] of cases.entries()) {
    const status = await room.outcome(`t${index}`, command);
    assert.deepEqual([status.state, status.message], [state, message]);
    const states = room.agent.statuses(`t${index}`).map((update) => update.state);
    assert.deepEqual(states, ['TASK_RUNNING', state]);
  }
});

for (const shell of ['bash', 'sh'] as const) {
  test(`a program gets its arguments as they are (marked by ${shell})`, async (t) => {
    const room = await TaskRoom.open(t, { shell });
    const show = 'printf "%s\\n" "$0" "$@"; exec sh -c "tr \'\\0\' \'\\n\' </proc/\\$\\$/cmdline | head -1"';
    const cases: [CommandInfo, string[]][] = [
      [
        { shell: false, value: '/bin/sh', arguments: ['own name', '-c', show, 'a b', '', '$c'] },
        ['a b', '', '$c', 'sh'],
      ],
      [{ shell: false, value: '/bin/echo', arguments: ['/bin/echo', '-n', 'x  y'] }, ['x  y']],
      [{ shell: false, value: 'echo', arguments: ['echo', '*'] }, ['*']],
      [{ shell: false, value: 'true' }, ['']],
      [{ value: 'echo "$0" "a  b"' }, ['/bin/sh a  b']],
    ];
    for (const [index, [command, lines]] of cases.entries()) {
      const status = await room.outcome(`t${index}`, command);
      assert.equal(status.state, 'TASK_FINISHED', room.output(`t${index}`, 'stderr'));
      assert.deepEqual(room.output(`t${index}`).trimEnd().split('\n'), lines);
    }
    await room.outcome('name', { shell: false, value: '/bin/cat', arguments: ['my cat', '/proc/self/cmdline'] });
    assert.equal(room.output('name').split('\0')[0], 'my cat');
  });
}

test('a task has the environment of the executor and its own, and a directory with its output', async (t) => {
  const room = await TaskRoom.open(t);
  const variables = [
    { name: 'OWN', value: 'x y' },
    { name: 'INHERITED', value: 'changed' },
    { name: 'SECRET', type: 'SECRET' as const, secret: { value: { data: Buffer.from('s3').toString('base64') } } },
  ];
  const command =
    'echo "$OWN|$INHERITED|$SECRET|$MESOS_TASK_ID|$MESOS_EXECUTOR_AUTHENTICATION_TOKEN"; pwd; echo "$MESOS_SANDBOX"; echo oops >&2';
  await room.outcome('t', { value: command, environment: { variables } });
  const directory = join(room.directory, 'tasks/t');
  assert.deepEqual(room.output('t').split('\n'), ['x y|changed|s3|t|', directory, directory, '']);
  assert.equal(room.output('t', 'stderr'), 'oops\n');
});

test('a task runs as its user, whom its directory belongs to', { skip: process.getuid?.() !== 0 }, async (t) => {
  const room = await TaskRoom.open(t);
  const { chmodSync } = await import('node:fs');
  chmodSync(room.directory, 0o755);
  const status = await room.outcome('t', { value: 'id -u; id -G; touch here; sleep 100 & ', user: 'nobody' });
  assert.equal(status.state, 'TASK_FINISHED', `${status.message}: ${room.output('t', 'stderr')}`);
  assert.deepEqual(room.output('t').split('\n'), ['65534', '65534', '']);
  assert.equal(statSync(join(room.directory, 'tasks/t')).uid, 65534);
  const unknown = await room.outcome('u', { value: 'true', user: 'nosuchuser' });
  assert.match(unknown.message ?? '', /No user nosuchuser/);
});

test('the command may be in the data: as JSON, or as a line for the shell', async (t) => {
  const room = await TaskRoom.open(t);
  const data = (text: string) => ({ data: Buffer.from(text).toString('base64') });
  const variables = [{ name: 'WHO', value: 'json' }];
  const command = { shell: false, value: 'printenv', arguments: ['printenv', 'WHO'], environment: { variables } };
  room.agent.launch(taskInfo('json', data(JSON.stringify(command))), taskInfo('line', data('{ echo line; }')));
  assert.equal((await room.last('json')).state, 'TASK_FINISHED');
  assert.equal((await room.last('line')).state, 'TASK_FINISHED');
  assert.deepEqual([room.output('json'), room.output('line')], ['json\n', 'line\n']);
});

test('what the executor cannot do for a task is said, not left out', async (t) => {
  const room = await TaskRoom.open(t);
  room.run('image', 'true', { container: { type: 'DOCKER', docker: { image: 'busybox' } } });
  room.run('empty', {});
  assert.match((await room.last('image')).message ?? '', /processes in its own container/);
  assert.match((await room.last('empty')).message ?? '', /command.value is missing/);
});

test('a killed task is told SIGTERM, and is TASK_KILLED also if it then exits with 0', async (t) => {
  const room = await TaskRoom.open(t, { capabilities: ['TASK_KILLING_STATE'] });
  room.run('t', "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  await room.lines('t', 1);
  room.kill('t', 60);
  const status = await room.last('t');
  assert.deepEqual([status.state, status.message], ['TASK_KILLED', 'Command exited with status 0']);
  assert.deepEqual(await room.lines('t', 2), ['ready', 'bye']);
  assert.deepEqual(
    room.agent.statuses('t').map(({ state }) => state),
    ['TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED'],
  );
});

test('one that ignores SIGTERM is killed when its grace period is over; a second kill may shorten that', async (t) => {
  const room = await TaskRoom.open(t);
  const stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
  room.run('policy', stubborn, { kill_policy: { grace_period: seconds(0.2) } });
  room.run('shortened', stubborn, { kill_policy: { grace_period: seconds(1000) } });
  await room.lines('policy', 1);
  await room.lines('shortened', 1);
  room.kill('policy');
  room.kill('shortened');
  assert.equal((await room.last('policy')).message, 'Command terminated with signal Killed');
  assert.ok(room.agent.statuses('policy').every(({ state }) => state !== 'TASK_KILLING'));
  room.kill('shortened', 0);
  assert.equal((await room.last('shortened')).state, 'TASK_KILLED');
});

test('when a shell dies of SIGTERM, what it has started keeps its grace period', async (t) => {
  const room = await TaskRoom.open(t);
  const server = "trap 'sleep 0.3; echo drained; exit' TERM; echo ready; while :; do sleep 0.05; done";
  room.run('t', `sh -c "${server.replaceAll('"', '\\"')}"; echo never`);
  await room.lines('t', 1);
  room.kill('t', 60);
  const status = await room.last('t');
  assert.deepEqual([status.state, status.message], ['TASK_KILLED', 'Command terminated with signal Terminated']);
  assert.deepEqual(await room.lines('t', 2), ['ready', 'drained']);
});

/** Leaves the session, the parents, the environment, the directory and the output: what a thorough daemon does. */
const daemon = (file: string) =>
  `env -i /usr/bin/setsid /bin/sh -c 'cd /; exec </dev/null >/dev/null 2>&1; trap "" TERM HUP; (while :; do sleep 0.05; done) & echo $! >>${file}; exit 0'`;

for (const shell of ['bash', 'sh'] as const) {
  for (const how of ['killed', 'ended', 'shut down'] as const) {
    test(`of a task that is ${how} nothing survives, not even its daemons (marked by ${shell})`, async (t) => {
      const room = await TaskRoom.open(t, { shell, shutdownGrace: 3 });
      const pids = join(room.directory, 'pids');
      const children = `sleep 1000 & setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & (sleep 1000 | cat) & ${daemon(pids)}; ${daemon(pids)}`;
      const script = `${children}; echo ready; ${how === 'ended' ? 'exit 0' : 'wait'}`;
      // A program with a name of its own needs bash.
      const program = { shell: false, value: '/bin/sh', arguments: ['my task', '-c', script] };
      room.run('t', shell === 'bash' ? program : script);
      room.run('other', 'sleep 1000 & wait');
      await room.agent.hears('other', 'TASK_RUNNING');
      await room.lines('t', 1);
      const daemons = () => (existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : []);
      await until('the daemons have said who they are', () => daemons().length === 2);
      t.after(() => {
        for (const pid of daemons().filter(isAlive)) process.kill(pid, 'SIGKILL');
      });
      if (how === 'killed') room.kill('t', 0.1);
      if (how === 'shut down') room.agent.send({ type: 'SHUTDOWN' });
      assert.equal((await room.last('t')).state, how === 'ended' ? 'TASK_FINISHED' : 'TASK_KILLED');
      assert.deepEqual(daemons().filter(isAlive), []);
      if (how === 'shut down') {
        assert.equal(await room.end, undefined);
        assert.deepEqual(room.survivors(), []);
      } else {
        assert.equal(room.survivors().length, 2);
        assert.equal(room.agent.statuses('other').at(-1)?.state, 'TASK_RUNNING');
      }
    });
  }
}

test('a task that forks without end is killed all the same', async (t) => {
  const room = await TaskRoom.open(t);
  room.run(
    't',
    'echo ready; i=0; while [ $i -lt 2000 ]; do setsid sleep 1000 & i=$((i+1)); [ $i -gt 150 ] && sleep 0.02; done',
  );
  await room.lines('t', 1);
  await until('it has forked some', () => room.survivors().length > 40);
  room.kill('t', 0);
  assert.equal((await room.last('t')).state, 'TASK_KILLED');
  assert.deepEqual(room.survivors(), []);
});

test('when the agent is gone for good, the tasks end with the executor', async (t) => {
  const room = await TaskRoom.open(t, { shutdownGrace: 2 });
  room.run('t', "trap '' TERM; echo ready; while :; do sleep 0.05; done");
  await room.lines('t', 1);
  room.agent.cut();
  assert.match((await room.end)?.message ?? '', /The agent is gone/);
  assert.deepEqual(room.survivors(), []);
});

test('a task that takes more memory than it asked for is ended, with its limit and its peak', async (t) => {
  const room = await TaskRoom.open(t);
  // Half of it in a child: the whole tree counts.
  const half = "x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 1000; :";
  room.run('modest', 'sleep 1000', mem(40));
  room.run('unlimited', half);
  const status = await room.outcome('hog', `(${half}) & ${half}`, mem(40));
  assert.deepEqual([status.state, status.reason], ['TASK_FAILED', 'REASON_CONTAINER_LIMITATION_MEMORY']);
  const peak = Number(/^Memory limit exceeded: limit 40 MB, peak ([0-9.]+) MB/.exec(status.message ?? '')?.[1]);
  assert.ok(peak > 40 && peak < 250, status.message);
  assert.equal(status.limitation?.resources?.[0]?.scalar?.value, 40);
  const burst = await room.outcome('burst', `${half.replace('sleep 1000', 'sleep 0.5')}`, {
    ...mem(10),
    limits: { mem: { value: Number.POSITIVE_INFINITY } },
  });
  assert.equal(burst.state, 'TASK_FINISHED');
  for (const id of ['modest', 'unlimited']) assert.equal(room.agent.statuses(id).at(-1)?.state, 'TASK_RUNNING');
});

test('a task is ended when its time is over', async (t) => {
  const room = await TaskRoom.open(t, { capabilities: ['TASK_KILLING_STATE'] });
  const status = await room.outcome('t', 'sleep 1000', { max_completion_time: seconds(0.2) });
  assert.deepEqual(
    [status.state, status.reason, status.message],
    ['TASK_FAILED', 'REASON_MAX_COMPLETION_TIME_REACHED', 'Command terminated with signal Terminated'],
  );
  assert.equal(room.agent.statuses('t').length, 2);
  const quick = await room.outcome('quick', 'true', { max_completion_time: seconds(1000) });
  assert.equal(quick.state, 'TASK_FINISHED');
});

test('a hundred short tasks at once all finish, each with its own output', async (t) => {
  const room = await TaskRoom.open(t);
  const ids = Array.from({ length: 100 }, (_, index) => `t${index}`);
  room.agent.launch(...ids.map((id) => commandTask(id, `echo ${id}`)));
  for (const id of ids) {
    assert.equal((await room.last(id)).state, 'TASK_FINISHED');
    assert.equal(room.output(id), `${id}\n`);
  }
  assert.deepEqual(room.survivors(), []);
});

test('tasks of a group end with the one that fails, not with the one that finishes', async (t) => {
  const room = await TaskRoom.open(t);
  const tasks = [
    commandTask('ends', 'true'),
    commandTask('stays', 'sleep 1000'),
    commandTask('fails', 'sleep 0.3; exit 3'),
  ];
  room.agent.send({ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks } } });
  assert.equal((await room.last('stays')).state, 'TASK_KILLED');
  assert.equal((await room.last('ends')).state, 'TASK_FINISHED');
  assert.equal((await room.last('fails')).message, 'Command exited with status 3');
});

test('usage.json tells what each task uses and has used', async (t) => {
  const room = await TaskRoom.open(t);
  const read = () => {
    const path = join(room.directory, 'usage.json');
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { tasks: {}, ended: {} };
  };
  room.run('busy', 'sh -c "while :; do :; done"; true', mem(64));
  // A rate needs two looks at a process.
  await until('it has used some time', () => read().tasks.busy?.cpus_time_secs > 0.2 && read().tasks.busy.cpus > 0);
  const { busy } = read().tasks;
  assert.equal(busy.processes, 2);
  assert.equal(busy.mem_limit_bytes, 64 * 2 ** 20);
  assert.ok(
    busy.cpus > 0 && busy.mem_rss_bytes > 100_000 && busy.mem_peak_bytes >= busy.mem_rss_bytes,
    JSON.stringify(busy),
  );
  room.kill('busy');
  await room.last('busy');
  await until('it is written down', () => read().ended.busy !== undefined);
  assert.deepEqual(read().tasks, {});
  assert.equal(read().ended.busy.state, 'TASK_KILLED');
  assert.ok(read().ended.busy.cpus_time_secs > 0.2);
});

test('it ends by itself when it has had nothing to do for long enough', async (t) => {
  const room = await TaskRoom.open(t, { idleTimeout: 0.2 });
  assert.equal((await room.outcome('t', 'sleep 0.4')).state, 'TASK_FINISHED');
  assert.equal(await room.end, undefined);
});
