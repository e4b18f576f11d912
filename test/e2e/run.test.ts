import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster, freePort } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('mesita run', { timeout: patience }, () => {
  let cluster: Cluster;
  let port: number;
  let shared: string;

  before(async () => {
    port = await freePort();
    cluster = await Cluster.start([[`--resources=cpus:4;mem:2048;disk:10000;ports:[${port}-${port}]`]]);
    shared = await mkdtemp(join(cluster.directory, 'shared-'));
  });
  after(() => cluster?.close());
  afterEach(() => cluster.settled());

  it('copies the task’s stdout to stdout and its stderr to stderr', async () => {
    const { code, stdout, stderr } = await cluster.run([], 'sh', '-c', 'echo good; echo bad >&2');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'good\n');
    assert.match(stderr, /^bad$/m);
    assert.doesNotMatch(stderr, /good/);
  });

  it('says nothing of its own with --quiet', async () => {
    const { code, stdout, stderr } = await cluster.run(['--quiet'], 'sh', '-c', 'echo good; echo bad >&2');
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'good\n', stderr: 'bad\n' });
  });

  it('brings 5 MB on each stream, every byte in its place', async () => {
    const pad = "sed 's/$/ a line of the usual length in the log of a program/'";
    const script = `seq 1 90000 | ${pad} & seq 200001 290000 | ${pad} >&2; wait; exit 0`;
    const { code, stdout, stderr } = await cluster.run(['--quiet', '--cpus=2'], 'sh', '-c', script);
    assert.equal(code, 0);
    assert.equal(firstDifference(stdout, 1, 90_000), undefined);
    assert.equal(firstDifference(stderr, 200_001, 290_000), undefined);
  });

  it('brings output that has no last line end', async () => {
    assert.equal((await cluster.run([], 'printf', 'no end')).stdout, 'no end');
  });

  it('exits with the task’s exit code and says how it ended', async () => {
    const { code, stderr } = await cluster.run([], 'sh', '-c', 'exit 42');
    assert.equal(code, 42);
    assert.match(stderr, /TASK_FAILED: Container exited with status 42/);
  });

  it('exits with 128 + n when signal n ended the task', async () => {
    const { code, stderr } = await cluster.run([], 'sh', '-c', 'sleep 1000 & kill -9 $! ; wait $!');
    assert.equal(code, 137);
    assert.match(stderr, /TASK_FAILED/);
  });

  it('hands environment variables over as they are', async () => {
    const value = 'a b=c "d" $HOME ü';
    const { stdout } = await cluster.run(['-e', `TEXT=${value}`, '-e', 'EMPTY='], 'sh', '-c', 'echo "$TEXT|$EMPTY|"');
    assert.equal(stdout, `${value}||\n`);
  });

  it('tells the task where its sandbox is, and runs in it', async () => {
    const { stdout } = await cluster.run([], 'sh', '-c', 'pwd; echo "$MESOS_SANDBOX"');
    assert.equal(stdout, '/mnt/mesos/sandbox\n/mnt/mesos/sandbox\n');
  });

  it('runs in the directory that --workdir names', async () => {
    assert.equal((await cluster.run(['--workdir=/tmp'], 'pwd')).stdout, '/tmp\n');
  });

  it('mounts a directory of the host for reading and writing', async () => {
    const { code, stderr } = await cluster.run(['-v', `${shared}:/shared`], 'sh', '-c', 'echo written > /shared/out');
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(join(shared, 'out'), 'utf8'), 'written\n');
  });

  it('mounts a directory of the host for reading alone', async () => {
    await writeFile(join(shared, 'in'), 'read me\n');
    const script = 'cat /shared/in; echo x > /shared/in || exit 3';
    const { code, stdout } = await cluster.run(['-v', `${shared}:/shared:ro`], 'sh', '-c', script);
    assert.deepEqual({ code, stdout }, { code: 3, stdout: 'read me\n' });
    assert.equal(await readFile(join(shared, 'in'), 'utf8'), 'read me\n');
  });

  it('mounts a volume of the engine, which outlives the task', async () => {
    const volume = `mesita-e2e-${randomUUID()}`;
    try {
      await cluster.run(['-v', `${volume}:/data`], 'sh', '-c', 'echo kept > /data/file');
      const { stdout } = await cluster.run(['-v', `${volume}:/data`], 'cat', '/data/file');
      assert.equal(stdout, 'kept\n');
    } finally {
      await cluster.settled();
      await docker('volume', 'rm', '-f', volume);
    }
  });

  it('publishes a port of the bridge that answers on the host', async () => {
    const script = `echo up; echo hello from the bridge | nc -l -p 80`;
    const options = ['--name=server', '-p', `${port}:80`];
    const server = cluster.spawn(['run', ...options, testImage, '--', 'sh', '-c', script]);
    await server.says(/up/, 'stdout');
    const answer = await eventually('the port answers', () => readAll(port));
    assert.equal(answer, 'hello from the bridge\n');
    assert.equal((await server.outcome).code, 0);
  });

  it('gives a task without network nothing but loopback', async () => {
    const { stdout } = await cluster.run(['--network=none'], 'sh', '-c', 'ls /sys/class/net');
    assert.equal(stdout, 'lo\n');
  });

  it('joins a network of the user’s own', async () => {
    const network = `mesita-e2e-${randomUUID().slice(0, 8)}`;
    await docker('network', 'create', network);
    try {
      const gateway = await docker('network', 'inspect', network, '--format', '{{(index .IPAM.Config 0).Gateway}}');
      const { code, stdout, stderr } = await cluster.run([`--network=${network}`], 'sh', '-c', 'ip route');
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`default via ${gateway.replaceAll('.', '\\.')} `));
    } finally {
      await docker('network', 'rm', network);
    }
  });

  it('passes options of docker run on: an added capability', async () => {
    const effective = async (...options: string[]) => {
      const { stdout } = await cluster.run(options, 'sh', '-c', 'grep CapEff /proc/self/status');
      return BigInt(`0x${stdout.split(/\s+/)[1]}`);
    };
    const ptrace = 1n << 19n;
    assert.equal((await effective()) & ptrace, 0n);
    assert.equal((await effective('--parameter=cap-add=SYS_PTRACE')) & ptrace, ptrace);
  });

  it('names the task and its image in what the master tells', async () => {
    await cluster.run(['--name=named'], 'true');
    const { stdout } = await cluster.mesita('ps', '-a', '-o', 'json');
    const tasks = JSON.parse(stdout) as { name: string; state: string; container: { docker: { image: string } } }[];
    const task = tasks.find(({ name }) => name === 'named');
    assert.deepEqual([task?.state, task?.container.docker.image], ['TASK_FINISHED', testImage]);
  });

  it('runs tasks side by side, each with its own output', async () => {
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((letter) => cluster.run([], 'echo', letter)));
    assert.deepEqual(
      outcomes.map(({ stdout }) => stdout),
      ['a\n', 'b\n', 'c\n', 'd\n'],
    );
  });

  it('runs a command without container in the default image, in its sandbox', async () => {
    const scheduler = await TestScheduler.start(cluster.address);
    try {
      const value = 'pwd; echo "$MESOS_FRAMEWORK_ID"; echo "$0" >&2; test -f /bin/busybox && exit 5';
      await scheduler.launch({ name: 'plain', command: { value } });
      const { message } = await scheduler.update('plain', 'TASK_FAILED');
      assert.equal(message, 'Command exited with status 5');
      assert.deepEqual(scheduler.statesOf('plain'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
      const stdout = await readFile(join(await cluster.sandboxOf('plain'), 'stdout'), 'utf8');
      assert.equal(stdout, `/mnt/mesos/sandbox\n${scheduler.id}\n`);
    } finally {
      await scheduler.close();
    }
  });
});

/** Where a text's lines stop to begin with the numbers from one to the other. */
function firstDifference(text: string, from: number, to: number): string | undefined {
  const lines = text.split('\n');
  const index = lines.findIndex(
    (line, offset) => line.split(' ')[0] !== (from + offset > to ? '' : String(from + offset)),
  );
  if (index !== -1) return `line ${index + 1} of ${lines.length} is ${lines[index]}`;
  return lines.length === to - from + 2 ? undefined : `there are ${lines.length - 1} lines`;
}

function readAll(port: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith('\n')) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text || undefined));
  });
}
