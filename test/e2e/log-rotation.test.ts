import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;
const megabyte = 1024 * 1024;

describe('the output of tasks', { timeout }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start([['--max_log_size=1MB', '--log_files=30']]);
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  /** Sizes of the files that a task's stdout is kept in, the newest first, and a digest of all of it. */
  async function kept(task: string): Promise<{ sizes: number[]; digest: string }> {
    const sandbox = await cluster.sandboxOf(task);
    const count = (await readdir(sandbox)).filter((name) => /^stdout(\.\d+)?$/.test(name)).length;
    const paths = Array.from({ length: count }, (_, age) => join(sandbox, age === 0 ? 'stdout' : `stdout.${age}`));
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
    const hash = createHash('sha256');
    for (const path of paths.reverse()) for await (const chunk of createReadStream(path)) hash.update(chunk);
    return { sizes, digest: hash.digest('hex') };
  }

  function digestOfLines(count: number): string {
    const hash = createHash('sha256');
    for (let line = 1; line <= count; line++) hash.update(`${line}\n`);
    return hash.digest('hex');
  }

  it('is in files of a size, whole lines each, and none is missing', async () => {
    const run = cluster.spawn(['run', '--name=lines', 'mesita-test/busybox:1', '--', 'seq', '1', '2000000']);
    assert.equal((await run.outcome).code, 0);
    const { sizes, digest } = await kept('lines');
    assert.equal(digest, digestOfLines(2_000_000));
    assert.ok(sizes.length > 10 && sizes.every((size) => size <= megabyte), sizes.join());
  });

  it('is followed over every rotation, and printed afterwards', async () => {
    const script = 'for n in 1 2 3 4 5 6; do seq $((n * 100000 - 99999)) $((n * 100000)); sleep 0.3; done';
    const run = cluster.spawn(['run', '--name=followed', 'mesita-test/busybox:1', '--', 'sh', '-c', script]);
    const { code, stdout } = await run.outcome;
    assert.equal(code, 0);
    const expected = digestOfLines(600_000);
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    assert.equal(digest(stdout), expected);
    assert.equal(digest((await cluster.mesita('logs', 'followed')).stdout), expected);
  });

  it('never takes more room than it may, with the engine neither', async () => {
    const flood = 'dd if=/dev/zero bs=1M count=80 2>/dev/null | tr "\\0" "x" | fold -w 999';
    const container = { type: 'DOCKER' as const, docker: { image: 'mesita-test/busybox:1' } };
    const command = { value: `${flood}; touch $MESOS_SANDBOX/over; sleep 1000` };
    await scheduler.launch({ name: 'flood', container, command });
    await scheduler.update('flood', 'TASK_RUNNING');
    const name = await cluster.containerOf('flood');
    const sandbox = await cluster.sandboxOf('flood');
    await eventually('it has written all', async () => (await readdir(sandbox)).includes('over'));
    const { sizes } = await kept('flood');
    assert.ok(sizes.length === 30 && sizes.every((size) => size <= megabyte), sizes.join());
    const log = await docker('inspect', '--format={{.LogPath}}', name);
    const { size } = await stat(log).catch(() => ({ size: 0 }));
    assert.ok(size <= 11 * megabyte, `the engine's own log has ${size} bytes`);
    await scheduler.driver.kill('flood');
    await scheduler.update('flood', 'TASK_KILLED');
  });

  it('is downloaded from the agent as it is, however much it is', async () => {
    const line = 'x'.repeat(63);
    await cluster.run(
      ['--name=big'],
      'sh',
      '-c',
      `yes ${line} | head -c 900000; dd if=/dev/zero of=$MESOS_SANDBOX/big bs=1M count=300 2>/dev/null`,
    );
    const path = join(await cluster.sandboxOf('big'), 'big');
    const query = new URLSearchParams({ path });
    const state = await cluster.state();
    const address = state.slaves[0]?.pid.split('@')[1] ?? '';
    const response = await fetch(`http://${address}/files/download?${query}`);
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    assert.equal(bytes, 300 * megabyte);
  });
});
