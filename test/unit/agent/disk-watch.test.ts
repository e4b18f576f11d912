import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bytesBelow, DiskWatch } from '../../../agent/disk-watch.ts';
import { silentLog } from '../../../runtime/log.ts';
import { AgentRoom, dockerTask } from '../../support/agent-room.ts';
import { resourcesOf } from '../../support/master-messages.ts';

const megabyte = 1024 * 1024;

describe('what a directory takes', () => {
  it('is that of all below it: a file of several names once, holes and what links lead to not at all', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-du-'));
    try {
      const sandbox = join(directory, 'sandbox');
      await mkdir(join(sandbox, 'a/b'), { recursive: true });
      await writeFile(join(directory, 'outside'), Buffer.alloc(4 * megabyte, 1));
      await writeFile(join(sandbox, 'a/b/file'), Buffer.alloc(megabyte, 1));
      await link(join(sandbox, 'a/b/file'), join(sandbox, 'again'));
      await symlink('../outside', join(sandbox, 'link'));
      await symlink('..', join(sandbox, 'loop'));
      await writeFile(join(sandbox, 'hole'), '');
      await truncate(join(sandbox, 'hole'), 100 * megabyte);
      const bytes = await bytesBelow(sandbox);
      assert.ok(bytes >= megabyte && bytes < 1.5 * megabyte, String(bytes));
      assert.equal(await bytesBelow(join(directory, 'nothing')), 0);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('a task that takes more disk than it asked for', () => {
  async function inRoom(resources: string, work: (room: AgentRoom, watch: DiskWatch) => Promise<void>): Promise<void> {
    const room = await AgentRoom.open();
    try {
      room.run(dockerTask('t1', { resources: resourcesOf(resources) }));
      await room.running('t1');
      const exceeded = (...which: Parameters<typeof room.performer.diskExceeded>) =>
        room.performer.diskExceeded(...which);
      const { state, clock } = room;
      await work(room, new DiskWatch({ state, interval: 15, clock, log: silentLog, exceeded }));
    } finally {
      await room.close();
    }
  }

  it('is ended, and told why', async () => {
    await inRoom('cpus:1;mem:64;disk:2', async (room, watch) => {
      const { sandbox } = room.task('t1');
      await writeFile(join(sandbox, 'small'), Buffer.alloc(megabyte, 1));
      await watch.look();
      assert.equal(room.task('t1').ending, undefined);
      await writeFile(join(sandbox, 'large'), Buffer.alloc(2 * megabyte, 1));
      await watch.look();
      await watch.look();
      const last = (await room.history('t1')).at(-1);
      assert.equal(last?.state, 'TASK_FAILED');
      assert.equal(last?.reason, 'REASON_CONTAINER_LIMITATION_DISK');
      assert.match(
        last?.message ?? '',
        /^Disk limit exceeded: limit 2 MB, 3(\.\d)? MB in the sandbox\. Ask for more disk/,
      );
      assert.deepEqual(
        last?.limitation?.resources?.map(({ name, scalar }) => [name, scalar?.value]),
        [['disk', 2]],
      );
    });
  });

  it('goes on where it asked for none', async () => {
    await inRoom('cpus:1;mem:64', async (room, watch) => {
      await writeFile(join(room.task('t1').sandbox, 'large'), Buffer.alloc(2 * megabyte, 1));
      await watch.look();
      assert.equal(room.task('t1').ending, undefined);
    });
  });
});
