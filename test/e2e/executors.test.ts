import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ExecutorInfo, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeBundle } from '../support/program-bundle.ts';
import { serveFiles } from '../support/serve-files.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 300_000;

describe('executors', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;
  let server: Awaited<ReturnType<typeof serveFiles>>;
  let uri: string;

  before(async () => {
    cluster = await Cluster.start([['--executor_registration_timeout=15secs']]);
    const script = join(import.meta.dirname, '../support/plain-executor.mjs');
    const bundle = await makeBundle(join(cluster.directory, 'executor.tar'), {
      program: process.execPath,
      files: { 'main.mjs': script },
      args: ['$HERE/main.mjs'],
    });
    server = await serveFiles([bundle]);
    uri = server.urlOf(bundle);
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    await scheduler?.close();
    await server?.close();
    await cluster?.close();
  });
  afterEach(async () => {
    await cluster.settled();
  });

  function executor(id: string, change: Partial<ExecutorInfo> = {}): ExecutorInfo {
    return {
      type: 'CUSTOM',
      executor_id: { value: id },
      command: { value: './run', uris: [{ value: uri }] },
      resources: resources({ cpus: 0.1, mem: 128 }),
      ...change,
    };
  }

  /** A task that runs a line of shell in an executor. */
  function task(name: string, info: ExecutorInfo, line: string): Partial<TaskInfo> & { name: string } {
    return { name, executor: info, data: Buffer.from(line).toString('base64') };
  }

  const outputOf = ({ data = '' }: TaskStatus) => Buffer.from(data, 'base64').toString();

  async function message(id: string, text: string): Promise<void> {
    await scheduler.driver.message(id, cluster.agent.id, Buffer.from(text));
  }

  async function shutdown(id: string): Promise<void> {
    await scheduler.driver.shutdown(id, cluster.agent.id);
    await eventually('the executor is over', () =>
      scheduler.failures.some(({ executor_id }) => executor_id?.value === id),
    );
  }

  it('run the tasks of their framework in one container, from a bundle', async () => {
    const ex = executor('several');
    await scheduler.launch(task('s1', ex, 'echo one'));
    await scheduler.launch(task('s2', ex, 'echo two; exit 2'));
    assert.equal(outputOf(await scheduler.update('s1', 'TASK_FINISHED')), 'one\n');
    const failed = await scheduler.update('s2', 'TASK_FAILED');
    assert.deepEqual([outputOf(failed), failed.message], ['two\n', 'exit code 2']);
    assert.deepEqual(scheduler.statesOf('s1'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    await scheduler.launch(task('s3', ex, 'sleep 1000'));
    const running = await scheduler.update('s3', 'TASK_RUNNING');
    const [container, ...others] = await cluster.containersOf('several');
    assert.deepEqual([`mesos-${running.container_status?.container_id?.value}`, others], [container, []]);
    await scheduler.driver.kill('s3');
    await scheduler.update('s3', 'TASK_KILLED');
    assert.deepEqual(scheduler.statesOf('s3'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    const said = await readFile(join(await sandboxOf('several'), 'stdout'), 'utf8');
    assert.match(said, /^SUBSCRIBED\n/);
    await shutdown('several');
  });

  it('have the environment that Mesos gives them, in their sandbox', async () => {
    const ex = executor('environment');
    await scheduler.launch(task('e1', ex, 'sleep 1000'));
    await scheduler.update('e1', 'TASK_RUNNING');
    await message('environment', 'environment');
    const answer = await eventually('the answer', () =>
      scheduler.messages.find((one) => one.startsWith('environment: ')),
    );
    const environment = JSON.parse(answer.slice('environment: '.length)) as Record<string, string>;
    assert.equal(environment.cwd, '/mnt/mesos/sandbox');
    assert.equal(environment.MESOS_FRAMEWORK_ID, scheduler.id);
    assert.equal(environment.MESOS_EXECUTOR_ID, 'environment');
    assert.equal(environment.MESOS_SLAVE_ID, cluster.agent.id);
    assert.match(environment.MESOS_AGENT_ENDPOINT ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(environment.MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD, '5secs');
    await shutdown('environment');
    // The failure of the executor is told before the ends of its tasks.
    const last = await scheduler.update('e1', 'TASK_FAILED');
    assert.deepEqual([last.reason, last.message], ['REASON_EXECUTOR_TERMINATED', 'Executor terminated']);
  });

  it('have containers that are as large as their tasks need', async () => {
    const ex = executor('large');
    const limits = async () => {
      const [container = ''] = await cluster.containersOf('large');
      return docker(
        'inspect',
        container,
        '--format',
        '{{.HostConfig.Memory}} {{.HostConfig.MemoryReservation}} {{.HostConfig.CpuQuota}}',
      );
    };
    const mb = 1024 * 1024;
    await scheduler.launch(task('l1', ex, 'sleep 1000'));
    await scheduler.update('l1', 'TASK_RUNNING');
    await eventually('the limits', async () => (await limits()) === `${160 * mb} ${160 * mb} 20000`);
    await scheduler.launch({ ...task('l2', ex, 'sleep 1000'), resources: resources({ cpus: 0.5, mem: 100 }) });
    await eventually('more', async () => (await limits()) === `${260 * mb} ${260 * mb} 70000`);
    await scheduler.driver.kill('l2');
    await eventually(
      'less, but for what was granted',
      async () => (await limits()) === `${260 * mb} ${160 * mb} 20000`,
    );
    await shutdown('large');
  });

  it('run a hundred short tasks one after the other came, and lose none', async () => {
    const ex = executor('hundred');
    const names = Array.from({ length: 100 }, (_, n) => `h${n}`);
    const offer = await scheduler.offer({ cpus: 2 });
    const tasks = names.map((name) => ({
      ...task(name, ex, `echo ${name}`),
      task_id: { value: name },
      agent_id: offer.agent_id,
      resources: resources({ cpus: 0.01, mem: 1 }),
    }));
    await scheduler.driver.launch([offer], tasks, { refuse_seconds: 0 });
    for (const name of names) assert.equal(outputOf(await scheduler.update(name, 'TASK_FINISHED')), `${name}\n`);
    assert.equal((await cluster.containersOf('hundred')).length, 1);
    await shutdown('hundred');
  });

  it('take their tasks with them when they die, and say so', async () => {
    const ex = executor('dying');
    await scheduler.launch(task('d1', ex, 'sleep 1000'));
    await scheduler.update('d1', 'TASK_RUNNING');
    await message('dying', 'die');
    const failed = await scheduler.update('d1', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_EXECUTOR_TERMINATED');
    const failure = scheduler.failures.find(({ executor_id }) => executor_id?.value === 'dying');
    assert.equal(failure?.status, 3 * 256);
  });

  it('and their tasks are held to the memory of all of them', async () => {
    const ex = executor('hungry');
    await scheduler.launch(task('m1', ex, 'sleep 1000'));
    await scheduler.update('m1', 'TASK_RUNNING');
    await message('hungry', 'eat');
    const failed = await scheduler.update('m1', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    assert.match(failed.message ?? '', /limit 160 MB/);
  });

  it('go on under a master that was killed, and take new tasks from the one that comes back', async () => {
    const ex = executor('surviving');
    await scheduler.launch(task('o1', ex, 'while [ ! -e go ]; do sleep 0.1; done; echo gone on'));
    await scheduler.update('o1', 'TASK_RUNNING');
    const before = await cluster.containersOf('surviving');
    await cluster.master.end('SIGKILL');
    await cluster.startMaster();
    await scheduler.subscribed(2);
    await scheduler.launch(task('o2', ex, 'touch go'));
    await scheduler.update('o2', 'TASK_FINISHED');
    assert.equal(outputOf(await scheduler.update('o1', 'TASK_FINISHED')), 'gone on\n');
    assert.deepEqual(await cluster.containersOf('surviving'), before);
    await shutdown('surviving');
  });

  it('that do not register in time are ended, and their tasks say so', async () => {
    const ex = executor('silent', { command: { value: 'sleep 1000' } });
    await scheduler.launch(task('r1', ex, 'true'));
    const failed = await scheduler.update('r1', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_EXECUTOR_REGISTRATION_TIMEOUT');
    assert.equal(failed.message, 'Executor did not register within 15secs');
  });

  it('that could not reach the agent are told how they could', async () => {
    const container = { type: 'DOCKER', docker: { image: testImage, network: 'BRIDGE' } } as const;
    await scheduler.launch(task('b1', executor('bridged', { container }), 'true'));
    const failed = await scheduler.update('b1', 'TASK_FAILED');
    assert.match(
      failed.message ?? '',
      /on a bridge network cannot reach its agent at 127\.0\.0\.1:\d+: .*--ip=0\.0\.0\.0/,
    );
  });

  function sandboxOf(id: string): string {
    const { workDirectory, id: agent } = cluster.agent;
    return join(workDirectory, 'slaves', agent, 'frameworks', scheduler.id, 'executors', id, 'runs/latest');
  }
});
