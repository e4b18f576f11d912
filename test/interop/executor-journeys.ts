import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ExecutorInfo, TaskStatus } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { serveFiles } from '../support/serve-files.ts';
import { TestScheduler } from '../support/test-scheduler.ts';
import type { Toolchain } from './toolchains.ts';

export interface ForeignExecutor {
  title: string;
  toolchain: Toolchain;
  /** Makes the bundle under that name, a `.tar.gz`. */
  bundle: (library: string, archive: string) => Promise<unknown>;
  /** What runs it, in the sandbox with the bundle's content. */
  command: string;
}

const patience = 300_000;

/** What an executor on a library of others does at an agent with Docker: `data` of a task is a line for a shell, and its output that of the end. */
export function testExecutor({ title, toolchain, bundle, command }: ForeignExecutor): void {
  const skip = 'missing' in toolchain ? toolchain.missing : false;
  describe(title, { skip, timeout: patience }, () => {
    let cluster: Cluster;
    let server: Awaited<ReturnType<typeof serveFiles>>;
    let schedulers: { checkpoint: boolean; scheduler: TestScheduler }[] = [];
    let uri = '';

    before(async () => {
      cluster = await Cluster.start();
      const archive = join(cluster.directory, 'executor.tar.gz');
      await bundle('missing' in toolchain ? '' : toolchain.directory, archive);
      server = await serveFiles([archive]);
      uri = server.urlOf(archive);
      schedulers = await Promise.all(
        [true, false].map(async (checkpoint) => ({
          checkpoint,
          scheduler: await TestScheduler.start(cluster.address, { checkpoint, name: `checkpoint ${checkpoint}` }),
        })),
      );
    });
    after(async () => {
      for (const { scheduler } of schedulers) await scheduler.close();
      await server?.close();
      await cluster?.close();
    });
    afterEach(() => cluster.settled());

    function executor(id: string): ExecutorInfo {
      return {
        executor_id: { value: id },
        command: { value: command, uris: [{ value: uri }] },
        resources: resources({ cpus: 0.1, mem: 128 }),
      };
    }

    const task = (name: string, info: ExecutorInfo, line: string) => ({
      name,
      executor: info,
      data: Buffer.from(line).toString('base64'),
    });
    const outputOf = ({ data = '' }: TaskStatus) => Buffer.from(data, 'base64').toString();

    for (const index of [0, 1]) {
      it(`runs tasks, kills them, speaks and ends; ${index === 0 ? 'with' : 'without'} checkpoints`, async () => {
        const found = schedulers[index];
        assert.ok(found);
        const { scheduler } = found;
        const ex = executor('e');
        await scheduler.launch(task('good', ex, 'echo $((6 * 7))'));
        await scheduler.launch(task('bad', ex, 'echo so far; exit 3'));
        await scheduler.launch(task('long', ex, 'exec sleep 1000'));
        assert.equal(outputOf(await scheduler.update('good', 'TASK_FINISHED')), '42\n');
        const failed = await scheduler.update('bad', 'TASK_FAILED');
        assert.deepEqual([outputOf(failed), failed.message], ['so far\n', 'exit code 3']);
        const running = await scheduler.update('long', 'TASK_RUNNING');
        assert.equal(running.source, 'SOURCE_EXECUTOR');
        await scheduler.driver.message('e', cluster.agent.id, Buffer.from('hello'));
        await eventually('the echo', () => scheduler.messages.includes('e: echo:hello'));
        await scheduler.driver.kill('long');
        await scheduler.update('long', 'TASK_KILLED');
        await scheduler.driver.shutdown('e', cluster.agent.id);
        await eventually('its end is told', () =>
          scheduler.failures.some(({ executor_id }) => executor_id?.value === 'e'),
        );
      });
    }

    for (const index of [0, 1]) {
      it(`lives on when its agent is killed and started again; ${index === 0 ? 'with' : 'without'} checkpoints`, async () => {
        const found = schedulers[index];
        assert.ok(found);
        const { scheduler } = found;
        const ex = executor('survivor');
        const sandbox = '/mnt/mesos/sandbox';
        await scheduler.launch(task('stays', ex, 'exec sleep 1000'));
        await scheduler.launch(task('ends', ex, `while [ ! -e ${sandbox}/go ]; do sleep 0.1; done; echo meanwhile`));
        for (const name of ['stays', 'ends']) await scheduler.update(name, 'TASK_RUNNING');
        const [container = ''] = await cluster.containersOf('survivor');
        const heard = scheduler.messages.length;
        await cluster.agent.process.end('SIGKILL');
        await docker('exec', container, 'touch', `${sandbox}/go`);
        await cluster.restartAgent('agent-1', [], 500);
        assert.equal(outputOf(await scheduler.update('ends', 'TASK_FINISHED')), 'meanwhile\n');
        await scheduler.launch(task('new', ex, 'echo new'));
        assert.equal(outputOf(await scheduler.update('new', 'TASK_FINISHED')), 'new\n');
        await scheduler.driver.message('survivor', cluster.agent.id, Buffer.from('still there?'));
        await eventually('the echo', () => scheduler.messages.length > heard);
        assert.deepEqual(await cluster.containersOf('survivor'), [container]);
        assert.deepEqual(scheduler.statesOf('stays'), ['TASK_RUNNING']);
        await scheduler.driver.kill('stays');
        await scheduler.update('stays', 'TASK_KILLED');
        await scheduler.driver.shutdown('survivor', cluster.agent.id);
        await eventually('its end is told', () =>
          scheduler.failures.some(({ executor_id }) => executor_id?.value === 'survivor'),
        );
      });
    }

    it('runs a hundred short tasks', async () => {
      const [found] = schedulers;
      assert.ok(found);
      const { scheduler } = found;
      const offer = await scheduler.offer({ cpus: 2 });
      const names = Array.from({ length: 100 }, (_, n) => `h${n}`);
      const tasks = names.map((name) => ({
        ...task(name, executor('many'), `echo ${name}`),
        task_id: { value: name },
        agent_id: offer.agent_id,
        resources: resources({ cpus: 0.01, mem: 1 }),
      }));
      await scheduler.driver.launch([offer], tasks, { refuse_seconds: 0 });
      for (const name of names) assert.equal(outputOf(await scheduler.update(name, 'TASK_FINISHED')), `${name}\n`);
      await scheduler.driver.shutdown('many', cluster.agent.id);
      await eventually('its end', () => scheduler.failures.some(({ executor_id }) => executor_id?.value === 'many'));
    });
  });
}
