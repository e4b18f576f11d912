import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ImageGc } from '../../../agent/image-gc.ts';
import { type ImageGcPolicy, parseImageGcConfig, removableImages } from '../../../agent/image-gc-plan.ts';
import { silentLog } from '../../../runtime/log.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('the configuration of image gc', () => {
  it('is that of Mesos', () => {
    assert.deepEqual(parseImageGcConfig('{}'), { value: { headroom: 0.1, interval: 3600, excluded: [] } });
    const config = {
      image_disk_headroom: 0.3,
      image_disk_watch_interval: { nanoseconds: 2e9 },
      excluded_images: [{ type: 'DOCKER', docker: { name: 'debian:12' } }],
    };
    assert.deepEqual(parseImageGcConfig(JSON.stringify(config)), {
      value: { headroom: 0.3, interval: 2, excluded: ['debian:12'] },
    });
  });

  it('is refused where it makes no sense', () => {
    const bad = ['x', 'null', '3', '{"image_disk_headroom": 2}', '{"image_disk_headroom": "1"}'];
    bad.push(
      '{"image_disk_watch_interval": {"nanoseconds": 0}}',
      '{"excluded_images": {}}',
      '{"excluded_images": [{}]}',
    );
    for (const text of bad) assert.ok('error' in parseImageGcConfig(text), text);
  });
});

describe('images', () => {
  let directory: string;
  let clock: VirtualClock;
  let usage: number;
  let machine: Map<string, string>;
  let held: Set<string>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesita-image-gc-'));
    clock = new VirtualClock();
    usage = 1;
    machine = new Map(['a', 'b', 'c', 'd'].map((name) => [name, `id-${name}`]));
    held = new Set();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function gc(policy: ImageGcPolicy = { headroom: 0.1, interval: 60, excluded: [] }): ImageGc {
    const store = {
      idOf: async (image: string) => machine.get(image),
      remove: async (image: string) => {
        if (held.has(image)) return false;
        usage -= 0.1;
        return machine.delete(image);
      },
    };
    const diskUsage = async () => usage;
    return new ImageGc({
      workDirectory: directory,
      engineDirectory: '/',
      store,
      policy,
      clock,
      log: silentLog,
      diskUsage,
    });
  }

  async function pull(images: ImageGc, ...names: string[]): Promise<void> {
    for (const name of names) {
      await images.pulled(name);
      clock.advance(1000);
    }
  }

  it('stay while there is room', async () => {
    const images = gc();
    await pull(images, 'a');
    usage = 0.89;
    assert.deepEqual(await images.collect(), []);
  });

  it('go until there is room, the one that was not used for the longest first', async () => {
    const images = gc();
    await pull(images, 'a', 'b', 'c');
    images.use('container', 'a');
    images.release('container');
    usage = 0.95;
    assert.deepEqual(await images.collect(), ['b']);
    usage = 0.95;
    assert.deepEqual(await images.collect(), ['c']);
  });

  it('that were there before, are used, excluded, held by others or changed stay', async () => {
    const policy = { headroom: 0.1, interval: 60, excluded: ['b:latest'] };
    const images = gc(policy);
    machine.set('e', 'id-e');
    await pull(images, 'a', 'b', 'c', 'e');
    images.use('container', 'a');
    held.add('c');
    machine.set('e', 'another');
    usage = 2;
    assert.deepEqual(await images.collect(), []);
    assert.deepEqual([...machine.keys()], ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(removableImages(new Map([['a', { id: 'x', lastUsed: 1 }]]), new Set(['a']), []), []);
  });

  it('that an earlier run pulled are known to the next', async () => {
    const first = gc();
    await pull(first, 'a');
    const next = gc();
    const stop = await next.start();
    assert.deepEqual(await next.collect(), ['a']);
    await stop();
    assert.equal(clock.pending, 0);
  });
});
