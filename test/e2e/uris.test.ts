import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ZipFile } from 'yazl';
import { tasksOf } from '../../cli/cluster-state.ts';
import { tarOf } from '../integration/fetcher-archives.ts';
import { Cluster } from '../support/cluster.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('URIs and sandboxes', { timeout: patience }, () => {
  let cluster: Cluster;
  let server: Server;
  let origin: string;
  let files: string;
  const served = new Map<string, Buffer>();

  before(async () => {
    cluster = await Cluster.start();
    files = join(cluster.directory, 'files');
    await mkdir(files);
    server = createServer((request, response) => {
      const content = served.get(request.url ?? '');
      response.statusCode = content === undefined ? 404 : 200;
      response.end(content);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    served.set('/page.txt', Buffer.from('by http\n'));
    served.set('/tool.sh', Buffer.from('#!/bin/sh\necho it runs\n'));
    const entries = [
      { path: 'inner/', type: '5', mode: 0o755 },
      { path: 'inner/file', content: 'from an archive\n' },
    ];
    served.set('/pack.tar.gz', gzipSync(tarOf(entries)));
    served.set('/escape.tar.gz', gzipSync(tarOf([{ path: '../../../../../../../../escaped', content: 'outside' }])));
    const links = [
      { path: 'out', type: '2', link: cluster.directory },
      { path: 'out/escaped', content: 'outside' },
    ];
    served.set('/link.tar', tarOf(links));
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from('from a zip\n'), 'zipped/file');
    zip.addBuffer(Buffer.from('#!/bin/sh\necho zipped tool\n'), 'zipped/tool', { mode: 0o100755 });
    zip.end();
    served.set('/pack.zip', await buffer(zip.outputStream));
  });
  after(async () => {
    server?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  it('hands a local file over to the task', async () => {
    const file = join(files, 'local file.txt');
    await writeFile(file, 'handed over\n');
    const { code, stdout, stderr } = await cluster.run([`--uri=${file}`], 'cat', 'local file.txt');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'handed over\n' }, stderr);
  });

  it('extracts a local archive that is handed over', async () => {
    const file = join(files, 'local.tar.gz');
    await writeFile(file, served.get('/pack.tar.gz') ?? '');
    assert.equal((await cluster.run([`--uri=${file}`], 'cat', 'inner/file')).stdout, 'from an archive\n');
  });

  it('fetches by http', async () => {
    assert.equal((await cluster.run([`--uri=${origin}/page.txt`], 'cat', 'page.txt')).stdout, 'by http\n');
  });

  it('copies a file of the agent’s host by file://, with its executable bit', async () => {
    const file = join(files, 'tool');
    await writeFile(file, '#!/bin/sh\necho a tool of the host\n');
    await chmod(file, 0o755);
    const { stdout, stderr } = await cluster.run([`--uri=file://${file}`], './tool');
    assert.equal(stdout, 'a tool of the host\n', stderr);
  });

  it('extracts tar.gz and zip, several in one task', async () => {
    const options = [`--uri=${origin}/pack.tar.gz`, `--uri=${origin}/pack.zip`];
    const { stdout, stderr } = await cluster.run(options, 'sh', '-c', 'cat inner/file zipped/file; zipped/tool');
    assert.equal(stdout, 'from an archive\nfrom a zip\nzipped tool\n', stderr);
  });

  it('makes a file executable where the task asks for it, and leaves an archive whole where it asks for that', async () => {
    await withScheduler(async (scheduler) => {
      const uris = [
        { value: `${origin}/tool.sh`, executable: true },
        { value: `${origin}/pack.tar.gz`, extract: false },
      ];
      await scheduler.launch({ name: 'asks', command: { value: './tool.sh && test ! -e inner && ls pack*', uris } });
      await scheduler.update('asks', 'TASK_FINISHED');
      const stdout = await readFile(join(await cluster.sandboxOf('asks'), 'stdout'), 'utf8');
      assert.equal(stdout, 'it runs\npack.tar.gz\n');
    });
  });

  for (const archive of ['escape.tar.gz', 'link.tar']) {
    it(`refuses ${archive}, writes nothing outside, and goes on`, async () => {
      const { code, stdout, stderr } = await cluster.run(
        [`--name=hostile`, `--uri=${origin}/${archive}`],
        'echo',
        'ran',
      );
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
      assert.match(
        stderr,
        /TASK_FAILED: Failed to launch container: Archive .* cannot be extracted: .*Pack the archive/s,
      );
      const found = await readdir(cluster.directory, { recursive: true });
      assert.deepEqual(
        found.filter((path) => path.endsWith('escaped')),
        [],
      );
      assert.deepEqual(await readdir(await cluster.sandboxOf('hostile')), []);
      await cluster.provesHealthy();
    });
  }

  it('lays sandboxes out as Mesos does, with `latest` at the newest run', async () => {
    await cluster.run(['--name=laid-out'], 'sh', '-c', 'echo out; echo err >&2; mkdir d; echo own > d/own');
    const latest = await cluster.sandboxOf('laid-out');
    const [, framework = '', task = ''] = /frameworks\/([^/]+)\/executors\/([^/]+)\/runs\/latest$/.exec(latest) ?? [];
    assert.ok((await lstat(latest)).isSymbolicLink());
    const run = await readlink(latest);
    assert.match(run, /^[0-9a-f-]{36}$/);
    assert.deepEqual((await readdir(latest)).sort(), ['d', 'stderr', 'stdout']);
    assert.equal(await readFile(join(latest, 'stdout'), 'utf8'), 'out\n');
    assert.equal(await readFile(join(latest, 'stderr'), 'utf8'), 'err\n');
    assert.ok(framework !== '' && task.startsWith('laid-out-'));
  });

  describe('files of a sandbox', () => {
    let bases: string[];
    let virtual: string;
    const random = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 256));

    before(async () => {
      await writeFile(join(files, 'random.bin'), random);
      const script = `echo out; ln -s /etc/passwd out-of-here; cp /f/random.bin .`;
      const { code, stderr } = await cluster.run(['--name=files', '-v', `${files}:/f:ro`], 'sh', '-c', script);
      assert.equal(code, 0, stderr);
      const state = await cluster.state();
      const task = tasksOf(state, true).find(({ name }) => name === 'files');
      const agent = state.slaves[0];
      assert.ok(task && agent);
      virtual = `/frameworks/${task.framework_id}/executors/${task.id}/runs/latest`;
      bases = [`http://${agent.pid.split('@')[1]}`, `http://${cluster.address}/mesita/v1/agents/${agent.id}`];
    });

    for (const [index, where] of ['the agent', 'the master’s relay'].entries()) {
      const get = (path: string) => fetch(`${bases[index]}${path}`);

      it(`are listed by ${where}`, async () => {
        const listed = (await (await get(`/files/browse?path=${virtual}`)).json()) as { path: string; size: number }[];
        const sizes = listed.map(({ path, size }) => [path.split('/').at(-1), size]);
        const { size } = await stat('/etc/passwd');
        assert.deepEqual(
          sizes.filter(([name]) => name !== 'out-of-here'),
          [
            ['random.bin', random.length],
            ['stderr', 0],
            ['stdout', 4],
          ],
        );
        assert.ok(
          !sizes.some(([name, shown]) => name === 'out-of-here' && shown === size),
          'a link was looked through',
        );
      });

      it(`are read from any place by ${where}`, async () => {
        const size = (await (await get(`/files/read?path=${virtual}/stdout`)).json()) as unknown;
        assert.deepEqual(size, { data: '', offset: 4 });
        const part = (await (await get(`/files/read?path=${virtual}/stdout&offset=1&length=2`)).json()) as unknown;
        assert.deepEqual(part, { data: 'ut', offset: 1 });
      });

      it(`are downloaded byte by byte by ${where}`, async () => {
        const answer = await get(`/files/download?path=${virtual}/random.bin`);
        assert.equal(answer.status, 200);
        assert.ok(Buffer.from(await answer.arrayBuffer()).equals(random));
      });

      it(`are the only ones that ${where} shows`, async () => {
        for (const [path, status] of [
          ['/etc/passwd', 404],
          [`${virtual}/../../../../../../../../../etc/passwd`, 404],
          // What is there but leads out is inaccessible, as in Mesos.
          [`${virtual}/out-of-here`, 400],
        ] as const) {
          for (const call of ['read', 'download', 'browse']) {
            const answer = await get(`/files/${call}?path=${encodeURIComponent(path)}&offset=0`);
            assert.equal(answer.status, status, `${call} ${path}`);
            assert.doesNotMatch(await answer.text(), /root:/);
          }
        }
      });
    }
  });

  async function withScheduler(work: (scheduler: TestScheduler) => Promise<void>): Promise<void> {
    const scheduler = await TestScheduler.start(cluster.address);
    try {
      await work(scheduler);
    } finally {
      await scheduler.close();
    }
  }
});
