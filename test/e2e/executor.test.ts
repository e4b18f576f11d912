import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeExecutorBundle } from '../../images/executor-bundle.ts';
import type { ExecutorInfo, TaskInfo } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 120_000;
/** Any image with Node does; this one has been built for the tests. */
const imageWithNode = 'mesita/agent';

describe('mesita-executor, shipped as a bundle', { timeout: patience }, () => {
  let cluster: Cluster;
  let server: Server;
  let scheduler: TestScheduler;
  let executor: ExecutorInfo;

  before(async () => {
    cluster = await Cluster.start();
    const bundle = join(cluster.directory, 'mesita-executor.tar.gz');
    await writeExecutorBundle(resolve(import.meta.dirname, '../..'), bundle);
    server = createServer((_request, response) => void createReadStream(bundle).pipe(response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'TASK_KILLING_STATE' }] });
    const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mesita-executor.tar.gz`;
    executor = {
      type: 'CUSTOM',
      executor_id: { value: 'workers' },
      framework_id: { value: scheduler.id },
      command: {
        value: 'cd "$MESOS_SANDBOX" && exec node executor/main.ts --usage_interval=100ms',
        uris: [{ value: uri }],
      },
      container: { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: imageWithNode } } } },
      resources: resources({ cpus: 0.5, mem: 256 }),
    };
  });
  after(async () => {
    await scheduler?.close();
    server?.close();
    await cluster?.close();
  });

  const task = (name: string, command: string, changes: Partial<TaskInfo> = {}) => ({
    name,
    executor,
    data: Buffer.from(command).toString('base64'),
    ...changes,
  });
  const container = async () => {
    const [name = ''] = await cluster.containersOf('workers');
    return (await docker('inspect', '--format', '{{.Name}}', name)).slice(1);
  };
  const sandbox = () => {
    const run = ['frameworks', scheduler.id, 'executors', 'workers', 'runs', 'latest'];
    return join(cluster.agent.workDirectory, 'slaves', cluster.agent.id, ...run);
  };
  const read = (...path: string[]) => readFile(join(sandbox(), ...path), 'utf8');

  it('runs tasks in one container, and says how each ends', async () => {
    await scheduler.launch(task('good', 'echo hello; echo oops >&2'));
    await scheduler.launch(task('bad', 'exit 3'));
    assert.equal((await scheduler.update('good', 'TASK_FINISHED')).message, 'Command exited with status 0');
    assert.equal((await scheduler.update('bad', 'TASK_FAILED')).message, 'Command exited with status 3');
    assert.deepEqual(scheduler.statesOf('good'), ['TASK_RUNNING', 'TASK_FINISHED']);
    assert.equal(await read('tasks/good/stdout'), 'hello\n');
    assert.equal(await read('tasks/good/stderr'), 'oops\n');
  });

  it('kills a task with its daemons, and leaves no zombies', async () => {
    const daemon = 'env -i setsid sh -c \'trap "" TERM; (while :; do sleep 0.1; done) & exit 0\'';
    await scheduler.launch(
      task('stubborn', `${daemon}; ${daemon}; echo up; trap '' TERM; while :; do sleep 0.1; done`),
    );
    await scheduler.update('stubborn', 'TASK_RUNNING');
    await eventually('it is up', async () => (await read('tasks/stubborn/stdout')) !== '');
    await scheduler.driver.kill('stubborn', undefined, { grace_period: { nanoseconds: 2e8 } });
    assert.equal((await scheduler.update('stubborn', 'TASK_KILLED')).message, 'Command terminated with signal Killed');
    assert.ok(scheduler.statesOf('stubborn').includes('TASK_KILLING'));
    await eventually('only the executor is left', async () => {
      const script = 'cat /proc/[0-9]*/stat 2>/dev/null | cut -d" " -f2,3 | grep -v -e cat -e cut -e grep';
      const processes = (await docker('exec', await container(), 'sh', '-c', script)).split('\n').sort();
      // The reaper, the executor, and the shell that asks.
      assert.equal(processes.filter((line) => line.includes('Z')).length, 0, processes.join(', '));
      assert.equal(processes.length, 3, processes.join(', '));
      return true;
    });
  });

  it('ends the one task that takes too much memory; the others run on', async () => {
    await scheduler.launch(task('modest', 'sleep 1000'));
    const hog = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 1000; :";
    await scheduler.launch(task('hog', hog, { resources: resources({ cpus: 0.1, mem: 40 }) }));
    const failed = await scheduler.update('hog', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    assert.match(failed.message ?? '', /^Memory limit exceeded: limit 40 MB, peak \d/);
    assert.deepEqual(scheduler.statesOf('modest'), ['TASK_RUNNING']);
    const usage = JSON.parse(await read('usage.json'));
    assert.ok(usage.tasks.modest.mem_rss_bytes > 0);
  });

  it('runs a hundred short tasks at once', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `short-${index}`);
    const offer = await scheduler.offer({ cpus: 1 });
    const tasks = names.map((name) => ({
      ...task(name, `echo ${name}`),
      task_id: { value: name },
      agent_id: offer.agent_id,
      resources: resources({ cpus: 0.01, mem: 1 }),
    }));
    await scheduler.driver.launch([offer], tasks, { refuse_seconds: 0 });
    for (const name of names) await scheduler.update(name, 'TASK_FINISHED');
    assert.equal(await read('tasks/short-99/stdout'), 'short-99\n');
  });

  it('ends its tasks when it is shut down', async () => {
    await scheduler.driver.shutdown('workers', cluster.agent.id);
    assert.equal(
      (await scheduler.update('modest', 'TASK_KILLED')).message,
      'Command terminated with signal Terminated',
    );
    await cluster.settled();
  });
});
