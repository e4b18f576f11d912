import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { MesitaError } from '../../protocol/errors.ts';
import type { TaskStatus } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { procFiles } from '../../runtime/proc-files.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { resources } from '../../scheduler/index.ts';
import { eventually } from '../support/eventually.ts';
import { MasterRoom } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { OperatorClient } from '../support/operator-client.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const noDocker = '--docker_socket=/nowhere/docker.sock';

async function room(t: TestContext, ...flags: string[]) {
  const master = await MasterRoom.open();
  t.after(() => master.close());
  const workDirectory = join(master.directory, 'agent');
  const start = async () => {
    const shutdown = new Shutdown(silentLog);
    t.after(() => shutdown.stop());
    const own = ['--port=0', `--work_dir=${workDirectory}`, '--resources=cpus:4;mem:2048;disk:100;ports:[];gpus:0'];
    const link = [`--master=${master.master.address}`, '--registration_backoff_factor=10ms'];
    const values = parseFlags(agentFlags, [...own, ...link, noDocker, ...flags], {});
    const agent = await startAgent({ flags: values, log: silentLog, shutdown });
    return { agent, id: await agent.registered, stop: () => shutdown.stop() };
  };
  const schedule = async () => {
    const scheduler = await TestScheduler.start(master.master.address);
    t.after(() => scheduler.close());
    return scheduler;
  };
  return { master, workDirectory, start, schedule };
}

async function outcome(scheduler: TestScheduler, task: string): Promise<TaskStatus> {
  return eventually(`${task} is over`, () =>
    scheduler.updates.find(({ task_id, state }) => task_id.value === task && isTerminal(state)),
  );
}

const isLog = (file: string) => file.endsWith('.log');

test('commands run as processes in their sandboxes, without any container engine', async (t) => {
  const { start, schedule, workDirectory } = await room(t, '--containerizers=process');
  const { id, stop } = await start();
  const scheduler = await schedule();
  const script = 'pwd; echo "$MESOS_SANDBOX"; echo "$MESOS_DIRECTORY"; echo "$GREETING" >&2; test -z "$HOME"; exit 3';
  const environment = { variables: [{ name: 'GREETING', value: 'hello' }] };
  await scheduler.launch({ name: 'one', command: { value: script, environment } });
  const { state, message } = await outcome(scheduler, 'one');
  assert.deepEqual({ state, message }, { state: 'TASK_FAILED', message: 'Command exited with status 3' });
  const runs = join(workDirectory, 'slaves', id, 'frameworks', scheduler.id, 'executors/one/runs');
  const [container = ''] = (await readdir(runs)).filter((name) => name !== 'latest');
  const sandbox = join(runs, container);
  assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), `${sandbox}\n`.repeat(3));
  assert.equal(await readFile(join(sandbox, 'stderr'), 'utf8'), 'hello\n');
  await stop();
  const logs = async () => (await readdir(join(workDirectory, 'processes'), { recursive: true })).filter(isLog);
  await eventually('the keeper has ended', async () => (await logs()).length === 1);
  assert.match((await logs()).join(), /containers\.log$/);
});

test('a task that asks for an image fails in Mesos’ words', async (t) => {
  const { start, schedule } = await room(t, '--containerizers=process');
  await start();
  const scheduler = await schedule();
  await scheduler.launch({
    name: 'one',
    command: { value: 'true' },
    container: { type: 'DOCKER', docker: { image: 'debian' } },
  });
  const { state, reason, message } = await outcome(scheduler, 'one');
  assert.equal(state, 'TASK_FAILED');
  assert.equal(reason, 'REASON_CONTAINER_LAUNCH_FAILED');
  assert.equal(
    message,
    'None of the enabled containerizers (process) could create a container for the provided TaskInfo/ExecutorInfo message',
  );
});

test('a process that uses more memory than its task asked for is ended, with limit and peak', async (t) => {
  const { start, schedule } = await room(t, '--containerizers=process');
  await start();
  const scheduler = await schedule();
  await scheduler.launch({ name: 'one', command: { value: '(head -c 60000000 /dev/zero; exec sleep 100) | tail' } });
  const { state, reason, message } = await outcome(scheduler, 'one');
  assert.equal(state, 'TASK_FAILED');
  assert.equal(reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
  assert.match(message ?? '', /^Memory limit exceeded: limit 32 MB, peak \d+/);
});

test('a killed task ends with all that it started', async (t) => {
  const { start, schedule, workDirectory } = await room(t, '--containerizers=process');
  const { id } = await start();
  const scheduler = await schedule();
  await scheduler.launch({
    name: 'one',
    command: { value: 'setsid sh -c "echo \\$\\$ > pid; exec sleep 1000" & sleep 1000' },
  });
  const sandbox = join(workDirectory, 'slaves', id, 'frameworks', scheduler.id, 'executors/one/runs/latest');
  const pid = await eventually('the daemon runs', async () => Number(await readFile(join(sandbox, 'pid'), 'utf8')));
  await scheduler.driver.kill('one', id);
  assert.equal((await outcome(scheduler, 'one')).state, 'TASK_KILLED');
  assert.ok(procFiles.row(pid)?.zombie ?? true);
});

test('a pod runs as processes', async (t) => {
  const { start, schedule } = await room(t, '--containerizers=process');
  await start();
  const scheduler = await schedule();
  const shared = (name: string) => ({
    type: 'MESOS' as const,
    volumes: [
      {
        mode: 'RW' as const,
        container_path: name,
        source: { type: 'SANDBOX_PATH' as const, sandbox_path: { type: 'PARENT' as const, path: 'common' } },
      },
    ],
  });
  await scheduler.launchPod('pod', [
    { name: 'writer', container: shared('out'), command: { value: 'echo 42 > out/answer' } },
    {
      name: 'reader',
      container: shared('in'),
      command: { value: 'until [ -s in/answer ]; do sleep 0.1; done; exit $(($(cat in/answer) - 42))' },
    },
  ]);
  assert.equal((await outcome(scheduler, 'writer')).state, 'TASK_FINISHED');
  const { state, message } = await outcome(scheduler, 'reader');
  assert.equal(state, 'TASK_FINISHED', message);
});

test('mesita exec runs a command beside a process, with its directory and its end', async (t) => {
  const { start, schedule, master } = await room(t, '--containerizers=process');
  const { stop } = await start();
  const scheduler = await schedule();
  await scheduler.launch({ name: 'one', command: { value: 'echo here > mine; exec sleep 1000' } });
  await eventually('it runs', () => scheduler.updates.find(({ state }) => state === 'TASK_RUNNING'));
  const exec = (...words: string[]) =>
    new MesitaProcess(['exec', `--master=${master.master.address}`, ...words], process.env);
  const written = await exec('one', 'sh', '-c', 'cat mine; echo "$MESITA_CONTAINER_MARK" >&2; exit 7').outcome;
  assert.deepEqual([written.code, written.stdout], [7, 'here\n']);
  const missing = await exec('one', '/no/such/thing').outcome;
  assert.equal(missing.code, 126);
  assert.match(missing.stderr, /no such executable/);
  const terminal = await exec('-t', 'one', 'sh', '-c', 'test -t 1 && tty').outcome;
  assert.match(terminal.stdout + terminal.stderr, /\/dev\/pts\/\d+|is no terminal/);
  const killed = exec('one', 'sh', '-c', 'setsid sleep 4712 & echo $!; sleep 4713');
  const [text] = await killed.says(/\d+\n/, 'stdout');
  await killed.end('SIGINT');
  await eventually('the daemon is gone', () => ((procFiles.row(Number(text))?.zombie ?? true) ? true : undefined));
  await stop();
});

test('a container that stands alone is a process in a sandbox of its own, and ends with the agent', async (t) => {
  const { start, workDirectory } = await room(t, '--containerizers=process');
  const { agent, stop } = await start();
  const client = new OperatorClient(agent.address);
  t.after(() => client.close());
  const container_id = { value: 'alone' };
  const script = 'pwd; while [ ! -e end ]; do sleep 0.05; done; echo last; exit 5';
  assert.deepEqual(await client.call('LAUNCH_CONTAINER', { container_id, command: { value: script } }), [200, '']);
  const listening = await client.open('ATTACH_CONTAINER_OUTPUT', { container_id });
  const waiting = client.wait(container_id);
  const within = { container_id: { value: 'inside', parent: container_id }, command: { value: 'touch end' } };
  assert.deepEqual(await client.call('LAUNCH_NESTED_CONTAINER', within), [200, '']);
  assert.equal(await waiting, 5 << 8);
  await listening.ended;
  assert.match(listening.text('STDOUT'), /last\n$/);
  const sandbox = join(workDirectory, 'containers/alone');
  assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), `${sandbox}\nlast\n`);
  const image = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'x' } } } };
  const foreign = { container_id: { value: 'foreign' }, command: { value: 'true' }, container: image };
  assert.match((await client.call('LAUNCH_CONTAINER', foreign))[1], /None of the enabled containerizers/);
  const lasting = { container_id: { value: 'lasting' }, command: { value: 'echo $$ > pid; sleep 1000' } };
  assert.deepEqual(await client.call('LAUNCH_CONTAINER', lasting), [200, '']);
  const file = join(workDirectory, 'containers/lasting/pid');
  const pid = await eventually(
    'it runs',
    async () => Number(await readFile(file, 'utf8').catch(() => '')) || undefined,
  );
  await stop();
  assert.ok(procFiles.row(pid)?.zombie ?? true);
});

test('where no Docker engine answers, docker,process runs processes', async (t) => {
  const { start, schedule } = await room(t, '--containerizers=docker,process');
  await start();
  const scheduler = await schedule();
  await scheduler.launch({ name: 'one', command: { value: 'true' }, resources: resources({ cpus: 0.1, mem: 32 }) });
  assert.equal((await outcome(scheduler, 'one')).state, 'TASK_FINISHED');
});

test('an agent without a Docker engine says how to do without', async (t) => {
  const { start } = await room(t);
  await assert.rejects(start(), (error: unknown) => {
    assert.ok(error instanceof MesitaError);
    assert.equal(error.code, 'MESITA_ENGINE_UNREACHABLE');
    assert.match(error.remedy, /--containerizers=process/);
    return true;
  });
});
