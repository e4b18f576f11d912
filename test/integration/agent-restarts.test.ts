import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutorInfo, TaskInfo } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { resources } from '../../scheduler/index.ts';
import { eventually } from '../support/eventually.ts';
import { MasterRoom } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const program = join(import.meta.dirname, '../../executor/main.ts');

/** An agent of host processes in a process of its own, to be killed, and a scheduler. */
async function room(t: TestContext, ...flags: string[]) {
  const master = await MasterRoom.open();
  t.after(() => master.close());
  const workDirectory = join(master.directory, 'agent');
  let agent: MesitaProcess | undefined;
  const start = async () => {
    const own = ['--port=0', `--work_dir=${workDirectory}`, '--resources=cpus:4;mem:2048;disk:1000;ports:[];gpus:0'];
    const link = [`--master=${master.master.address}`, '--registration_backoff_factor=10ms', '--log_format=json'];
    agent = new MesitaProcess(['agent', ...own, ...link, '--containerizers=process', ...flags], process.env);
    const [, id = ''] = await agent.says(/"id":"([^"]+)".*"msg":"registered with the master"/);
    return id;
  };
  const kill = () => agent?.end('SIGKILL');
  // It ends its tasks.
  t.after(() => agent?.end('SIGUSR1'));
  const id = await start();
  const scheduler = await TestScheduler.start(master.master.address, {
    capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
  });
  t.after(() => scheduler.close());
  const sandboxOf = (executor: string) =>
    join(workDirectory, 'slaves', id, 'frameworks', scheduler.id, 'executors', executor, 'runs/latest');
  return { start, kill, scheduler, sandboxOf };
}

function executor(id: string): ExecutorInfo {
  return {
    type: 'CUSTOM',
    executor_id: { value: id },
    command: { shell: false, value: process.execPath, arguments: ['node', program] },
    resources: resources({ cpus: 0.1, mem: 128 }),
  };
}

const task = (name: string, info: ExecutorInfo, line: string): Partial<TaskInfo> & { name: string } => ({
  name,
  executor: info,
  data: Buffer.from(line).toString('base64'),
});

test('what host processes write is there once and in order, however often their agent is killed', async (t) => {
  const { start, kill, scheduler, sandboxOf } = await room(t, '--max_log_size=4KB', '--log_files=500');
  const value = 'n=0; while [ ! -e enough ]; do n=$((n + 1)); echo "line $n"; [ $((n % 20)) != 0 ] || sleep 0.02; done';
  await scheduler.launch({ name: 'writer', command: { value } });
  await scheduler.update('writer', 'TASK_RUNNING');
  for (const away of [0, 300, 1_000]) {
    await pause(1_500);
    await kill();
    await pause(away);
    await start();
  }
  const sandbox = sandboxOf('writer');
  await writeFile(join(sandbox, 'enough'), '');
  await scheduler.update('writer', 'TASK_FINISHED');
  const names = (await readdir(sandbox)).filter((name) => name.startsWith('stdout'));
  const paths = names.map((_, age) => join(sandbox, age === 0 ? 'stdout' : `stdout.${age}`)).reverse();
  const text = (await Promise.all(paths.map((path) => readFile(path, 'utf8')))).join('');
  const last = Number(/line (\d+)\n$/.exec(text)?.[1]);
  assert.ok(names.length > 3 && last > 500, `${names.length} files, ${last} lines`);
  assert.equal(text, Array.from({ length: last }, (_, index) => `line ${index + 1}\n`).join(''));
});

test('mesita-executor and its tasks live on when their agent is killed and started again', async (t) => {
  const { start, kill, scheduler, sandboxOf } = await room(t);
  const info = executor('workers');
  const go = join(sandboxOf('workers'), 'go');
  await scheduler.launch(task('stays', info, 'exec sleep 1000'));
  await scheduler.launch(task('ends', info, `while [ ! -e ${go} ]; do sleep 0.1; done; exit 3`));
  for (const name of ['stays', 'ends']) await scheduler.update(name, 'TASK_RUNNING');
  await kill();
  await writeFile(go, '');
  await pause(1_000);
  await start();
  const { message } = await scheduler.update('ends', 'TASK_FAILED');
  assert.equal(message, 'Command exited with status 3');
  await scheduler.launch(task('new', info, 'true'));
  await scheduler.update('new', 'TASK_FINISHED');
  assert.deepEqual(scheduler.statesOf('stays'), ['TASK_RUNNING']);
  await kill();
  await start();
  await scheduler.driver.kill('stays');
  await scheduler.update('stays', 'TASK_KILLED');
  assert.deepEqual(scheduler.statesOf('stays'), ['TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
  for (const name of ['stays', 'ends', 'new']) {
    const ends = scheduler.updates.filter(({ task_id, state }) => task_id.value === name && isTerminal(state));
    assert.equal(new Set(ends.map(({ uuid }) => uuid)).size, 1, name);
  }
});

test('an executor whose agent does not come back in time ends its tasks and itself, and the next agent says so', async (t) => {
  const { start, kill, scheduler, sandboxOf } = await room(t, '--recovery_timeout=2secs');
  const info = executor('workers');
  const mark = join(sandboxOf('workers'), 'alive');
  await scheduler.launch(task('alone', info, `while :; do echo >>${mark}; sleep 0.1; done`));
  await scheduler.update('alone', 'TASK_RUNNING');
  await kill();
  const beat = async () => (await readFile(mark)).length;
  await eventually('it is at rest', async () => {
    const before = await beat();
    await pause(500);
    return (await beat()) === before;
  });
  await start();
  const { state, reason } = await eventually('it is told', () =>
    scheduler.updates.find(({ task_id, state }) => task_id.value === 'alone' && isTerminal(state)),
  );
  assert.deepEqual({ state, reason }, { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' });
});
