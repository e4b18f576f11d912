import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tasksOf } from '../../cli/cluster-state.ts';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { pack } from '../support/program-bundle.ts';
import { serveFiles } from '../support/serve-files.ts';
import { TestScheduler } from '../support/test-scheduler.ts';
import { testExecutor } from './executor-journeys.ts';
import { ForeignProcess } from './foreign-process.ts';
import { testOperator } from './operator-journeys.ts';
import { testScheduler } from './scheduler-journeys.ts';
import { prepareGo } from './toolchains.ts';

// mesos-go v0.0.11 (api/v1): protobuf and JSON, decoded into structs by code of its own.

const toolchain = await prepareGo();
const reads = [
  'GET_HEALTH',
  'GET_FLAGS',
  'GET_VERSION',
  'GET_METRICS',
  'GET_LOGGING_LEVEL',
  'GET_STATE',
  'GET_FRAMEWORKS',
  'GET_EXECUTORS',
  'GET_OPERATIONS',
  'GET_TASKS',
];
const readsOfMaster = [
  'GET_AGENTS',
  'GET_ROLES',
  'GET_MASTER',
  'GET_MAINTENANCE_STATUS',
  'GET_MAINTENANCE_SCHEDULE',
  'GET_WEIGHTS',
  'GET_QUOTA',
];

for (const codec of ['protobuf', 'json']) {
  testScheduler({
    title: `a scheduler on mesos-go, in ${codec}`,
    toolchain,
    command: (directory, options) => ({
      file: join(directory, 'interop'),
      args: ['scheduler', JSON.stringify({ ...options, codec })],
      directory: options.directory,
    }),
    calls: ['suppress', 'request', 'reserve'],
    together: 3,
    unknown: 'TASK_GONE',
    reconnects: true,
    // It uses the address of a redirect for SUBSCRIBE alone.
    followsLeader: false,
  });

  testOperator({
    title: `an operator on mesos-go, in ${codec}`,
    toolchain,
    command: (library, directory, options) => ({
      file: join(library, 'interop'),
      args: ['operator', JSON.stringify({ ...options, codec })],
      directory,
    }),
    reads: { master: [...reads, ...readsOfMaster], agent: [...reads, 'GET_AGENT', 'GET_CONTAINERS'] },
    tearsDown: true,
  });

  testExecutor({
    title: `an executor on mesos-go, in ${codec}`,
    toolchain,
    bundle: (library, archive) => pack(archive, library, ['interop']),
    command: `./interop executor ${codec}`,
  });
}

const skip = 'missing' in toolchain ? `they cannot be had here. ${toolchain.missing}` : false;

describe('the programs that come with mesos-go', { timeout: 120_000, skip }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster?.close());

  /** Starts one of them. */
  function run(program: string, ...args: string[]): ForeignProcess {
    assert.ok('directory' in toolchain);
    return new ForeignProcess({ file: join(toolchain.directory, program), args, directory: cluster.directory });
  }

  it('run a command and watch it', async () => {
    const [host = '', port = ''] = cluster.address.split(':');
    const watcher = run('mwatch', '-master', host, '-port', port);
    try {
      await eventually('the watcher is subscribed', async () => {
        const metrics = (await (await cluster.get('/metrics/snapshot')).json()) as Record<string, number>;
        return metrics['master/operator_event_stream_subscribers'] === 1;
      });
      const shell = run('msh', '-master', cluster.address, '-task_name', 'shell', '--', 'echo', 'hello');
      await shell.ended();
      assert.match(shell.log, /TASK_FINISHED/);
      assert.equal(await readFile(join(await cluster.sandboxOf('shell'), 'stdout'), 'utf8'), 'hello\n');
      await eventually('the watcher has seen it', () => /TASK_UPDATED .*TASK_FINISHED/.test(watcher.log));
      assert.match(watcher.log, /FRAMEWORK_ADDED.*msh/);
      assert.match(watcher.log, /TASK_ADDED .*TASK_STAGING .*cpus:0.01;mem:64/);
      await eventually('the watcher has seen it leave', () => /FRAMEWORK_REMOVED.*msh/.test(watcher.log));
    } finally {
      await watcher.kill();
    }
  });

  it('tell that a command failed', async () => {
    const shell = run('msh', '-master', cluster.address, '--', 'false');
    await shell.ended();
    assert.match(shell.log, /TASK_FAILED/);
  });

  it('run a command in a pod', async () => {
    const shell = run('msh', '-master', cluster.address, '-pod', '-task_name', 'in a pod', '--', 'echo', 'hello');
    await shell.ended();
    assert.match(shell.log, /TASK_FINISHED/);
    const [task, ...others] = tasksOf(await cluster.state(), true).filter(({ name }) => name === 'in a pod');
    assert.ok(task !== undefined && others.length === 0);
    const { workDirectory, id } = cluster.agent;
    const executor = join(workDirectory, 'slaves', id, 'frameworks', task.framework_id, 'executors', `msh_${task.id}`);
    assert.equal(await readFile(join(executor, 'runs/latest/tasks', task.id, 'stdout'), 'utf8'), 'hello\n');
    await cluster.settled();
  });

  it('execute: each task of the example’s runs and finishes', async () => {
    assert.ok('directory' in toolchain);
    const archive = join(cluster.directory, 'example.tar.gz');
    await pack(archive, toolchain.directory, ['example-executor']);
    const server = await serveFiles([archive]);
    const scheduler = await TestScheduler.start(cluster.address, { checkpoint: true });
    try {
      const executor = {
        executor_id: { value: 'example' },
        command: { value: './example-executor', uris: [{ value: server.urlOf(archive) }] },
      };
      for (const name of ['a', 'b', 'c']) await scheduler.launch({ name, executor });
      for (const name of ['a', 'b', 'c']) {
        await scheduler.update(name, 'TASK_FINISHED');
        assert.deepEqual(scheduler.statesOf(name), ['TASK_RUNNING', 'TASK_FINISHED']);
      }
    } finally {
      await scheduler.close();
      await server.close();
    }
  });
});
