import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 300_000;
const container = { type: 'DOCKER' as const, docker: { image: testImage } };
const flags = ['--max_log_size=8KB', '--log_files=100'];

describe('what lives beside an agent that is killed and started again', { timeout }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start([flags]);
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'PARTITION_AWARE' }] });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  const restart = (away = 0, signal: NodeJS.Signals = 'SIGKILL') =>
    cluster.restartAgent('agent-1', flags, away, signal);

  async function written(task: string, stream: 'stdout' | 'stderr'): Promise<string> {
    const sandbox = await cluster.sandboxOf(task);
    const count = (await readdir(sandbox)).filter((name) => name.startsWith(stream)).length;
    const names = Array.from({ length: count }, (_, age) => (age === 0 ? stream : `${stream}.${age}`)).reverse();
    return (await Promise.all(names.map((name) => readFile(join(sandbox, name), 'utf8')))).join('');
  }

  it('output is there once and in order, however often it is killed or stopped', async () => {
    const line = 'n=$((n + 1)); echo "line $n of many"; [ $((n % 50)) != 7 ] || echo "error $n" >&2';
    const value = `n=0; while [ ! -e $MESOS_SANDBOX/enough ]; do ${line}; [ $((n % 10)) != 0 ] || sleep 0.05; done; printf "last $n"; exit 9`;
    await scheduler.launch({ name: 'writer', container, command: { value } });
    await scheduler.update('writer', 'TASK_RUNNING');
    const name = await cluster.containerOf('writer');
    for (const [away, signal] of [
      [0, 'SIGKILL'],
      [500, 'SIGTERM'],
      [1_500, 'SIGKILL'],
    ] as const) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await restart(away, signal);
    }
    await docker('exec', name, 'touch', '/mnt/mesos/sandbox/enough');
    const end = await scheduler.update('writer', 'TASK_FAILED');
    assert.equal(end.message, 'Container exited with status 9');
    const stdout = await written('writer', 'stdout');
    const last = Number(/last (\d+)$/.exec(stdout)?.[1]);
    assert.ok(last > 100);
    const lines = Array.from({ length: last }, (_, index) => `line ${index + 1} of many\n`);
    assert.equal(stdout, `${lines.join('')}last ${last}`);
    const errors = Array.from({ length: last }, (_, index) => index + 1).filter((n) => n % 50 === 7);
    assert.equal(await written('writer', 'stderr'), errors.map((n) => `error ${n}\n`).join(''));
    assert.deepEqual(scheduler.statesOf('writer'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
  });

  it('the output of what ended while it was away is complete, and its end true', async () => {
    const value = 'n=0; while [ $n -lt 30 ]; do n=$((n + 1)); echo $n; sleep 0.1; done; exit 5';
    await scheduler.launch({ name: 'meanwhile', container, command: { value } });
    await scheduler.update('meanwhile', 'TASK_RUNNING');
    await restart(4_000);
    const { message } = await scheduler.update('meanwhile', 'TASK_FAILED');
    assert.equal(message, 'Container exited with status 5');
    assert.equal(await written('meanwhile', 'stdout'), Array.from({ length: 30 }, (_, n) => `${n + 1}\n`).join(''));
  });

  it('health checks go on, and kill what has become unhealthy', async () => {
    const check = { delay_seconds: 0, interval_seconds: 0.3, grace_period_seconds: 0, consecutive_failures: 2 };
    await scheduler.launch({
      name: 'checked',
      container,
      command: { value: 'touch $MESOS_SANDBOX/well; sleep 1000' },
      health_check: { type: 'COMMAND', command: { value: 'test -e $MESOS_SANDBOX/well' }, ...check },
    });
    await eventually('it is healthy', () =>
      scheduler.updates.some(({ task_id, healthy }) => task_id.value === 'checked' && healthy === true),
    );
    const name = await cluster.containerOf('checked');
    await restart();
    await docker('exec', name, 'rm', '/mnt/mesos/sandbox/well');
    const killed = await scheduler.update('checked', 'TASK_KILLED');
    assert.equal(killed.healthy, false);
  });

  it('sessions end, and new ones can be had', async () => {
    await scheduler.launch({ name: 'shell', container, command: { value: 'sleep 1000' } });
    await scheduler.update('shell', 'TASK_RUNNING');
    const name = await cluster.containerOf('shell');
    const session = cluster.spawn(['exec', 'shell', 'sh', '-c', 'echo up; sleep 998']);
    await session.says(/up/, 'stdout');
    await restart();
    assert.notEqual((await session.outcome).code, 0);
    const { code, stdout, stderr } = await cluster.mesita('exec', 'shell', 'echo', 'again');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'again\n' }, stderr);
    const processes = async () => docker('exec', name, 'ps', '-o', 'args');
    await eventually('nothing of the first one is left', async () => !(await processes()).includes('sleep 998'));
    await scheduler.driver.kill('shell');
    await scheduler.update('shell', 'TASK_KILLED');
  });

  it('pods go on: one failure ends the group, a kill the rest', async () => {
    const until = (file: string, code: number) => ({
      value: `while [ ! -e $MESOS_SANDBOX/${file} ]; do sleep 0.1; done; exit ${code}`,
    });
    await scheduler.launchPod('pod', [
      { name: 'web', command: { value: 'sleep 1000' } },
      { name: 'probe', command: until('fail', 4) },
    ]);
    await scheduler.launchPod('pod', [{ name: 'other', command: { value: 'sleep 1000' } }]);
    for (const task of ['web', 'probe', 'other']) await scheduler.update(task, 'TASK_RUNNING');
    const probe = await cluster.containerOf('probe');
    await restart(500);
    await docker('exec', probe, 'sh', '-c', 'touch $MESOS_SANDBOX/fail');
    const failed = await scheduler.update('probe', 'TASK_FAILED');
    assert.match(failed.message ?? '', /status 4/);
    await scheduler.update('web', 'TASK_KILLED');
    assert.deepEqual(scheduler.statesOf('other').at(-1), 'TASK_RUNNING');
    await scheduler.launchPod('pod', [{ name: 'late', command: { value: 'true' } }]);
    await scheduler.update('late', 'TASK_FINISHED');
    await restart();
    await scheduler.driver.kill('other');
    await scheduler.update('other', 'TASK_KILLED');
    await eventually('the pod’s end is told', () => scheduler.failures.length === 1);
  });

  it('what was being fetched is fetched anew, and nothing half fetched stays', async () => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.writeHead(200, { 'content-length': 8 });
      if (requests.length === 1) response.write('half');
      else response.end('complete');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const uris = [{ value: `http://127.0.0.1:${port}/file`, cache: true }];
      await scheduler.launch({
        name: 'fetching',
        container,
        command: { value: 'test $(cat $MESOS_SANDBOX/file) = complete', uris },
      });
      await eventually('it is being fetched', () => requests.length === 1);
      await restart();
      await scheduler.update('fetching', 'TASK_FINISHED');
      assert.equal(requests.length, 2);
      const files = (await readdir(await cluster.sandboxOf('fetching'))).sort();
      assert.deepEqual(files, ['file', 'stderr', 'stdout']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
