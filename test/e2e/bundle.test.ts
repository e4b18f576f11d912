import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 400_000;
const names = Array.from({ length: 20 }, (_, i) => `runs-bundle-${i}`);

describe('a bundle of a real program, more than 100 MB', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;
  let server: Server;
  let bundle: string;
  const asked: string[] = [];

  before(async () => {
    cluster = await Cluster.start();
    const files = join(cluster.directory, 'files');
    await mkdir(files);
    bundle = join(files, 'node.tar');
    packNode(bundle);
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      createReadStream(bundle).pipe(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    server?.close();
    await scheduler?.close();
    await cluster?.close();
  });

  it('is fetched once by twenty tasks, and runs in each of them', async () => {
    assert.ok((await stat(bundle)).size > 100e6);
    const value = `http://127.0.0.1:${(server.address() as AddressInfo).port}/node.tar`;
    const offer = await scheduler.offer({ cpus: 1 });
    const tasks = names.map((name) => ({
      name,
      task_id: { value: name },
      agent_id: offer.agent_id,
      resources: resources({ cpus: 0.05, mem: 96 }),
      command: {
        value: 'test "$(./lib/loader --library-path lib ./node -p 6*7)" = 42',
        uris: [{ value, cache: true }],
      },
    }));
    await scheduler.driver.launch([offer], tasks);
    for (const name of names) await scheduler.update(name, 'TASK_FINISHED');
    assert.deepEqual(asked, ['GET /node.tar']);
  });
});

/** This very Node.js with the libraries that it loads, for an image that has none. */
function packNode(archive: string): void {
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  const loader = libraries.find((path) => basename(path).startsWith('ld-')) ?? '';
  const parts = [process.execPath, ...libraries].flatMap((path) => ['-C', dirname(path), basename(path)]);
  const renames = [
    `^${basename(process.execPath)}$,node`,
    `^${basename(loader)}$,lib/loader`,
    '^\\(lib[^/]*\\.so.*\\)$,lib/\\1',
  ];
  const transforms = renames.map((rename) => `--transform=s,${rename},`);
  execFileSync('tar', ['-chf', archive, ...transforms, ...parts]);
}
