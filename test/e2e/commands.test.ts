import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type TaskEntry, tasksOf } from '../../cli/cluster-state.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('commands on a cluster', { timeout: patience }, () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster?.close());
  afterEach(() => cluster.settled());

  async function task(name: string): Promise<TaskEntry | undefined> {
    return tasksOf(await cluster.state(), true).findLast((entry) => entry.name === name);
  }

  describe('an interrupted run', () => {
    it('kills its task with SIGTERM first, and brings its last words', async () => {
      const run = await cluster.running('interrupted', 'sleep 1000', ['--grace=30secs']);
      const { code, signal, stderr } = await run.end('SIGINT');
      assert.deepEqual([code === 0, signal], [false, null]);
      assert.match(stderr, /TASK_KILLED: Container exited with status 7/);
      assert.equal((await task('interrupted'))?.state, 'TASK_KILLED');
    });

    it('kills a task that does not heed SIGTERM when the grace period is over', async () => {
      const script = 'trap "" TERM; echo up; while :; do sleep 1; done';
      const run = cluster.spawn(['run', '--name=deaf', '--grace=0.2', testImage, '--', 'sh', '-c', script]);
      await run.says(/up/, 'stdout');
      const { code, stderr } = await run.end('SIGINT');
      assert.equal(code, 137, stderr);
      assert.match(stderr, /TASK_KILLED: Container exited with status 137/);
    });

    it('ends at once when it is interrupted twice, and its task ends without it', async () => {
      const script = 'trap "" TERM; echo up; while :; do sleep 1; done';
      const run = cluster.spawn(['run', '--name=twice', '--grace=2', testImage, '--', 'sh', '-c', script]);
      await run.says(/up/, 'stdout');
      run.kill('SIGINT');
      await run.says(/Stopping/);
      const { code } = await run.end('SIGINT');
      assert.equal(code, 130);
    });

    it('leaves nothing when no offer has come yet', async () => {
      const run = cluster.spawn(['run', '--name=never', '--cpus=1000', testImage, '--', 'true']);
      await run.says(/Still waiting for an agent with cpus:1000/);
      const { code, stdout } = await run.end('SIGINT');
      assert.deepEqual([code === 0, stdout], [false, '']);
    });

    it('kills its task when the reader of its output goes away', async () => {
      const script = 'echo up; while :; do echo more; sleep 0.1; done';
      const run = cluster.spawn(['run', '--name=unread', testImage, '--', 'sh', '-c', script]);
      await run.says(/up/, 'stdout');
      run.hangUp();
      const { code, stderr } = await run.outcome;
      assert.notEqual(code, 0);
      assert.match(stderr, /TASK_KILLED/);
      assert.doesNotMatch(stderr, /EPIPE|at .*\.ts/);
    });
  });

  describe('kill', () => {
    it('ends a task of another terminal by its name', async () => {
      const run = await cluster.running('victim');
      const { code, stdout } = await cluster.mesita('kill', 'victim');
      assert.equal(code, 0);
      assert.match(stdout, /^victim-[0-9a-f]{8}\n$/);
      const outcome = await run.outcome;
      assert.notEqual(outcome.code, 0);
      assert.match(outcome.stderr, /TASK_KILLED/);
    });

    it('gives a task the grace period that it is told', async () => {
      const script = 'trap "echo cleaning; sleep 1; echo clean; exit 0" TERM; echo up; while :; do sleep 0.1; done';
      const run = cluster.spawn(['run', '--name=clean', testImage, '--', 'sh', '-c', script]);
      await run.says(/up/, 'stdout');
      assert.equal((await cluster.mesita('kill', '--grace=60secs', 'clean')).code, 0);
      assert.equal((await run.outcome).stdout, 'up\ncleaning\nclean\n');
    });

    it('says so of a task that is over already', async () => {
      await cluster.run(['--name=over'], 'true');
      const { code, stderr } = await cluster.mesita('kill', 'over');
      assert.equal(code, 0);
      assert.match(stderr, /over-[0-9a-f]{8} is over already/);
    });

    it('says so of a task that there is none of', async () => {
      const { code, stdout, stderr } = await cluster.mesita('kill', 'nobody');
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
      assert.match(stderr, /There is no task 'nobody'.*\n.*mesita ps -a/);
    });
  });

  describe('ps and nodes', () => {
    it('list what runs, and with -a what is over too', async () => {
      await cluster.run(['--name=past'], 'true');
      const run = await cluster.running('present');
      const now = await cluster.mesita('ps');
      const all = await cluster.mesita('ps', '-a');
      await run.end('SIGINT');
      assert.match(now.stdout, /^TASK +NAME +FRAMEWORK +AGENT +STATE/);
      assert.match(now.stdout, /present-[0-9a-f]{8} +present .* running/);
      assert.doesNotMatch(now.stdout, /past-/);
      assert.match(all.stdout, /past-[0-9a-f]{8} +past .* finished/);
      assert.match(all.stdout, /present-[0-9a-f]{8} +present .* running/);
    });

    it('print JSON for programs', async () => {
      const run = await cluster.running('json');
      const [tasks, nodes] = await Promise.all([
        cluster.mesita('ps', '-o', 'json'),
        cluster.mesita('nodes', '-o', 'json'),
      ]);
      await run.end('SIGINT');
      const [listed] = JSON.parse(tasks.stdout) as TaskEntry[];
      assert.deepEqual([listed?.name, listed?.state, listed?.resources.cpus], ['json', 'TASK_RUNNING', 0.5]);
      const [node] = JSON.parse(nodes.stdout) as { id: string; used_resources: { cpus: number } }[];
      assert.deepEqual([node?.id, node?.used_resources.cpus], [cluster.agent.id, 0.5]);
    });

    it('show agents with what is used of them', async () => {
      const run = await cluster.running('user');
      const { stdout } = await cluster.mesita('nodes');
      await run.end('SIGINT');
      assert.match(stdout, new RegExp(`^${cluster.agent.id} +localhost +active +1 +0.5/4 +128/2048`, 'm'));
    });

    it('print data alone on stdout, without colours where NO_COLOR is set', async () => {
      const { stdout, stderr } = await cluster.spawn(['nodes'], { NO_COLOR: '1' }).outcome;
      assert.equal(stderr, '');
      assert.ok(!stdout.includes('\u001b'), 'there are colours');
    });
  });

  describe('logs', () => {
    it('print each stream of a task that is over', async () => {
      await cluster.run(['--name=wrote'], 'sh', '-c', 'echo one; echo two >&2');
      const { code, stdout, stderr } = await cluster.mesita('logs', 'wrote');
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'one\n', stderr: 'two\n' });
    });

    it('print what there is of a task that runs', async () => {
      const run = await cluster.running('talks');
      await eventually('the log is there', async () => (await cluster.mesita('logs', 'talks')).stdout === 'up\n');
      await run.end('SIGINT');
    });

    it('follow a task with -f until it is over', async () => {
      const script = 'while [ ! -e go ]; do sleep 0.1; done; echo second';
      const run = cluster.spawn(['run', '--name=goes-on', testImage, '--', 'sh', '-c', `echo first; ${script}`]);
      await run.says(/first/, 'stdout');
      const logs = cluster.spawn(['logs', '-f', 'goes-on']);
      await logs.says(/first/, 'stdout');
      await docker('exec', await cluster.containerOf('goes-on'), 'touch', '/mnt/mesos/sandbox/go');
      const { code, stdout } = await logs.outcome;
      assert.deepEqual({ code, stdout }, { code: 0, stdout: 'first\nsecond\n' });
      assert.equal((await run.outcome).code, 0);
    });

    it('stop to follow on Ctrl-C and leave the task alone', async () => {
      const run = await cluster.running('stays');
      const logs = cluster.spawn(['logs', '-f', 'stays']);
      await logs.says(/up/, 'stdout');
      await logs.end('SIGINT');
      assert.equal((await task('stays'))?.state, 'TASK_RUNNING');
      await run.end('SIGINT');
    });

    it('print another file of the sandbox', async () => {
      await cluster.run(['--name=files'], 'sh', '-c', 'echo inside > own.txt');
      assert.equal((await cluster.mesita('logs', '--file=own.txt', 'files')).stdout, 'inside\n');
    });

    it('do not fall over when their reader goes away', async () => {
      await cluster.run(['--name=long'], 'seq', '1', '200000');
      const logs = cluster.spawn(['logs', 'long']);
      await logs.says(/^1\n/, 'stdout');
      logs.hangUp();
      const { stderr } = await logs.outcome;
      assert.doesNotMatch(stderr, /EPIPE|at .*\.ts/);
    });
  });
});
