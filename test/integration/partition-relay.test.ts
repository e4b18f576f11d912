import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PartitionRoom } from '../support/partition-room.ts';
import { until } from '../support/virtual-clock.ts';

const size = 64 * 1024 * 1024;

describe('a large file of an agent, by way of the master', () => {
  async function scene(t: Parameters<typeof PartitionRoom.open>[0]) {
    const room = await PartitionRoom.open(t);
    const scheduler = await room.scheduler();
    await room.run(scheduler, 't');
    const file = join(await realpath(room.sandboxOf(scheduler, 't')), 'large');
    const content = Buffer.alloc(size, 'large file ');
    await writeFile(file, content);
    const path = `/mesita/v1/agents/${room.agent}/files/download?path=${encodeURIComponent(file)}`;
    return { room, path, content };
  }

  test('arrives whole', async (t) => {
    const { room, path, content } = await scene(t);
    const answer = await fetch(`http://${room.room.master.address}${path}`);
    assert.equal(answer.status, 200);
    const received = Buffer.from(await answer.arrayBuffer());
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(digest(received), digest(content));
  });

  test('is not held in memory for a client that does not read, and given up when that leaves', async (t) => {
    const { room, path } = await scene(t);
    const client = await room.room.raw();
    client.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const more = process.memoryUsage().arrayBuffers - before;
    assert.ok(more < size / 2, `${more} bytes more`);
    client.socket.destroy();
    // The link is none the worse for it.
    const again = await fetch(`http://${room.room.master.address}${path}`);
    let received = 0;
    for await (const chunk of again.body ?? []) received += (chunk as Uint8Array).length;
    assert.equal(received, size);
    await until('the agent is still there', () => room.known?.connected === true);
  });
});
