import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ContainerInfo, ExecutorInfo, Volume } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster, freePort } from '../support/cluster.ts';
import { containersBelow, docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { type TaskDraft, TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

const webServer = 'mkdir www; echo it is up > www/index.html; exec httpd -f -p 80 -h www';
const probe = 'until wget -q -O answer http://127.0.0.1/; do sleep 0.1; done; cat answer';
// Fills a file system in memory, which counts as the container's own.
const greedy = 'dd if=/dev/zero of=/dev/shm/fill bs=1M count=60';
const brief = { kill_policy: { grace_period: { nanoseconds: 0 } } };

describe('pods', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;
  let port: number;

  before(async () => {
    port = await freePort();
    cluster = await Cluster.start([[`--resources=cpus:4;mem:2048;disk:10000;ports:[${port}-${port}]`]]);
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'TASK_KILLING_STATE' }] });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  const shell = (name: string, script: string, more: Partial<TaskDraft> = {}): TaskDraft => ({
    name,
    command: { value: script },
    ...brief,
    ...more,
  });

  /** The latest sandbox of a pod. */
  const sandboxOf = (pod: string): string => {
    const { workDirectory, id } = cluster.agent;
    return join(workDirectory, 'slaves', id, 'frameworks', scheduler.id, 'executors', pod, 'runs/latest');
  };
  const outputOf = (pod: string, task: string) => readFile(join(sandboxOf(pod), 'tasks', task, 'stdout'), 'utf8');

  const containerOf = (task: string): string | undefined =>
    scheduler.updates.findLast(({ task_id }) => task_id.value === task)?.container_status?.container_id?.value;

  async function over(pod: string): Promise<number | undefined> {
    const failure = await eventually(`${pod} is over`, () =>
      scheduler.failures.find(({ executor_id }) => executor_id?.value === pod),
    );
    return failure.status;
  }

  it('a web server and a probe beside it speak over localhost, on a bridge with a mapped port', async () => {
    const network_infos = [{ name: 'bridge', port_mappings: [{ host_port: port, container_port: 80 }] }];
    const bridged: Partial<ExecutorInfo> = {
      container: { type: 'MESOS', network_infos },
      resources: [
        ...resources({ cpus: 0.1, mem: 32, disk: 10 }),
        { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } },
      ],
    };
    await scheduler.launchPod('web', [shell('server', webServer), shell('probe', probe)], bridged);
    await scheduler.update('probe', 'TASK_FINISHED');
    assert.equal(await outputOf('web', 'probe'), 'it is up\n');
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await answer.text(), 'it is up\n');
    const running = await scheduler.update('server', 'TASK_RUNNING');
    const address = running.container_status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address;
    assert.match(address ?? '', /^172\./);
    await eventually(
      'no more than the server and its network are left',
      async () => (await containersBelow(cluster.directory)).length === 2,
    );
    await scheduler.driver.kill('server');
    await scheduler.update('server', 'TASK_KILLED');
    assert.equal(await over('web'), 0);
  });

  it('a member that fails ends its group', async () => {
    await scheduler.launchPod('frail', [shell('fails', 'sleep 1; exit 4'), shell('lasts', 'sleep 1000')]);
    const failed = await scheduler.update('fails', 'TASK_FAILED');
    assert.equal(failed.message, 'Command exited with status 4');
    await scheduler.update('lasts', 'TASK_KILLED');
    assert.deepEqual(scheduler.statesOf('lasts'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    assert.equal(await over('frail'), 0);
  });

  it('tasks share a directory of the pod’s sandbox, and have one of their own each', async () => {
    const shared: Volume = {
      container_path: 'shared',
      mode: 'RW',
      source: { type: 'SANDBOX_PATH', sandbox_path: { type: 'PARENT', path: 'shared' } },
    };
    const container: ContainerInfo = { type: 'MESOS', volumes: [shared] };
    const image = { type: 'DOCKER', docker: { name: testImage } } as const;
    const readerOf: ContainerInfo = { ...container, mesos: { image } };
    const wait = 'until test -e shared/note; do sleep 0.1; done';
    await scheduler.launchPod('sharing', [
      shell('writer', 'echo own > own; echo from the writer > shared/draft; mv shared/draft shared/note', {
        container,
      }),
      shell('reader', `cd $MESOS_SANDBOX; ${wait}; cat shared/note; ls`, { container: readerOf }),
    ]);
    await scheduler.update('writer', 'TASK_FINISHED');
    await scheduler.update('reader', 'TASK_FINISHED');
    assert.equal(await outputOf('sharing', 'reader'), 'from the writer\nshared\nstderr\nstdout\n');
    assert.deepEqual((await readdir(sandboxOf('sharing'))).sort(), ['containers', 'shared', 'tasks']);
    assert.equal(await readFile(join(sandboxOf('sharing'), 'tasks/writer/own'), 'utf8'), 'own\n');
    assert.equal(await over('sharing'), 0);
  });

  it('the task that takes more memory than its own is named, and its group ends', async () => {
    await scheduler.launchPod('crowd', [
      shell('greedy', greedy, { resources: resources({ cpus: 0.1, mem: 32 }) }),
      shell('modest', 'sleep 1000', { resources: resources({ cpus: 0.1, mem: 64 }) }),
    ]);
    const failed = await scheduler.update('greedy', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');
    assert.match(failed.message ?? '', /limit 32 MB/);
    const killed = await scheduler.update('modest', 'TASK_KILLED');
    assert.equal(killed.reason, undefined);
    assert.equal(await over('crowd'), 0);
  });

  it('takes a further group while it runs, and ends when all are over', async () => {
    await scheduler.launchPod('grows', [shell('first', 'sleep 1000')]);
    await scheduler.update('first', 'TASK_RUNNING');
    await scheduler.launchPod('grows', [shell('second', 'exit 3'), shell('third', 'sleep 1000')]);
    await scheduler.update('third', 'TASK_KILLED');
    assert.deepEqual(scheduler.statesOf('first'), ['TASK_STARTING', 'TASK_RUNNING']);
    await scheduler.driver.kill('first');
    assert.equal(await over('grows'), 0);
  });

  it('loses its tasks, and says so, when somebody kills the container that holds its network', async () => {
    const network_infos = [{ name: 'bridge' }];
    await scheduler.launchPod('cut', [shell('alone', 'sleep 1000')], { container: { type: 'MESOS', network_infos } });
    await scheduler.update('alone', 'TASK_RUNNING');
    const running = await containersBelow(cluster.directory);
    const holder = running.find((name) => name !== `mesos-${containerOf('alone')}`);
    assert.ok(holder !== undefined && running.length === 2);
    await docker('kill', holder);
    const failed = await scheduler.update('alone', 'TASK_FAILED');
    assert.equal(failed.reason, 'REASON_EXECUTOR_TERMINATED');
    assert.equal(await over('cut'), 256);
  });

  it('goes with its agent', async () => {
    const second = await cluster.startAgent('second', ['--resources=cpus:4;mem:2048;disk:10000;ports:[]']);
    const network_infos = [{ name: 'bridge' }];
    const container: ContainerInfo = { type: 'MESOS', network_infos };
    await scheduler.launchPod(
      'guest',
      [shell('one', 'sleep 1000'), shell('two', 'sleep 1000')],
      { container },
      second.id,
    );
    await scheduler.update('two', 'TASK_RUNNING');
    await second.process.end('SIGUSR1');
    cluster.agents.splice(cluster.agents.indexOf(second), 1);
    await scheduler.update('one', 'TASK_KILLED');
    await scheduler.update('two', 'TASK_KILLED');
    assert.deepEqual(await containersBelow(cluster.directory), []);
  });

  it('is checked in the network of the pod', async () => {
    const network_infos = [{ name: 'bridge' }];
    const server = shell('checked', webServer, {
      health_check: { type: 'HTTP', http: { port: 80, path: '/' }, delay_seconds: 0, interval_seconds: 0.2 },
    });
    await scheduler.launchPod('healthy', [server], { container: { type: 'MESOS', network_infos } });
    await eventually('it is healthy', () =>
      scheduler.updates.find(({ task_id, healthy }) => task_id.value === 'checked' && healthy === true),
    );
    await scheduler.driver.kill('checked');
    assert.equal(await over('healthy'), 0);
  });
});
