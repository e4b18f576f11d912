import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { type AgentProcess, Cluster } from '../support/cluster.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;

describe('a full disk', { timeout, skip: mayMount ? false : 'only root on Linux can mount a small disk' }, () => {
  let cluster: Cluster;
  let small: AgentProcess;
  let disk: string;
  let ballast: string;
  const unmount = () => {
    for (const name of ['master', 'small']) execFileSync('umount', ['-l', join(cluster.directory, name)]);
  };

  before(async () => {
    cluster = await Cluster.empty();
    // The master's and one agent's directories are on small disks of their own, the other agent's is not.
    for (const name of ['master', 'small']) {
      const path = join(cluster.directory, name);
      await mkdir(path);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path]);
    }
    process.on('exit', unmount);
    disk = join(cluster.directory, 'small');
    ballast = join(disk, 'ballast');
    await cluster.startMaster();
    small = await cluster.startAgent('small', ['--attributes=disk:small']);
    await cluster.startAgent('roomy');
  });
  after(async () => {
    await cluster?.close(unmount);
    process.off('exit', unmount);
  });
  afterEach(async () => {
    await rm(ballast, { force: true });
    await cluster.settled();
  });

  /** Leaves no byte, or that many. */
  async function fill(free = 0): Promise<void> {
    await writeFile(ballast, Buffer.alloc(16 * 2 ** 20)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
    });
    if (free === 0) return;
    const { size } = await stat(ballast);
    await truncate(ballast, size - free);
  }

  async function withScheduler(work: (scheduler: TestScheduler) => Promise<void>): Promise<void> {
    const scheduler = await TestScheduler.start(cluster.address);
    try {
      await work(scheduler);
      // Both agents go on.
      await rm(ballast, { force: true });
      for (const [index, { id }] of cluster.agents.entries()) {
        await scheduler.launch({ name: `after-${index}`, command: { value: 'echo well' } }, { agent: id });
        await scheduler.update(`after-${index}`, 'TASK_FINISHED');
      }
    } finally {
      await scheduler.close();
    }
  }

  it('of an agent ends a task that fetches more than there is room for', async () => {
    const file = join(cluster.directory, 'big');
    await writeFile(file, Buffer.alloc(2 ** 20));
    await withScheduler(async (scheduler) => {
      await fill(256 * 1024);
      const uris = [{ value: `file://${file}` }];
      await scheduler.launch({ name: 'fetches', command: { value: 'true', uris } }, { agent: small.id });
      const { message, reason } = await scheduler.update('fetches', 'TASK_FAILED');
      assert.equal(reason, 'REASON_CONTAINER_LAUNCH_FAILED');
      assert.match(message ?? '', /URI file:.*big cannot be fetched: .*no room left.*Free some space/s);
    });
  });

  it('of an agent does not keep a task from running, whose output is then said to be incomplete', async () => {
    await withScheduler(async (scheduler) => {
      await fill(64 * 1024);
      const value = 'seq 1 100000; sleep 1; seq 1 100000';
      await scheduler.launch({ name: 'writes', command: { value } }, { agent: small.id });
      const { message } = await scheduler.update('writes', 'TASK_FINISHED');
      assert.match(message ?? '', /output is incomplete: ENOSPC/);
    });
  });

  it('of an agent ends a task that can have no sandbox', async () => {
    await withScheduler(async (scheduler) => {
      await useUpInodes(disk);
      await scheduler.launch({ name: 'roomless', command: { value: 'true' } }, { agent: small.id });
      const { message, reason } = await scheduler.update('roomless', 'TASK_FAILED');
      await rm(join(disk, 'many'), { recursive: true });
      assert.equal(reason, 'REASON_CONTAINER_LAUNCH_FAILED');
      assert.match(message ?? '', /sandbox .*small.* cannot be made: .*ENOSPC.*Free some space/s);
    });
  });

  it('of a master refuses a file that is handed over, and nothing of it stays', async () => {
    const file = join(cluster.directory, 'handed-over');
    await writeFile(file, Buffer.alloc(16 * 2 ** 20));
    const { code, stderr } = await cluster.run([`--uri=${file}`], 'true');
    assert.equal(code, 1);
    assert.match(stderr, /artifact store has room for \d+ MB, the file has 17 MB\. Free some space/);
    await cluster.provesHealthy();
  });

  it('of a master that fills up while a file comes in is said, and nothing of it stays', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024)),
    });
    const url = `http://${cluster.address}/mesita/v1/artifacts/endless`;
    const response = await fetch(url, { method: 'PUT', body, duplex: 'half' } as RequestInit & { duplex: 'half' });
    const answer = `${response.status} ${await response.text()}`;
    assert.match(answer, /^507 The master's artifact store had room for no more than \d+ MB\. Free some space/);
    await cluster.provesHealthy();
  });
});

/** An empty file takes no room of a small disk's bytes, but one of its entries. */
async function useUpInodes(disk: string): Promise<void> {
  await mkdir(join(disk, 'many'));
  execFileSync('mount', ['-o', 'remount,nr_inodes=600', disk]);
  for (let index = 0; ; index++) {
    try {
      await writeFile(join(disk, 'many', String(index)), '');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
