import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { containersBelow } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import type { MesitaProcess } from '../support/mesita-process.ts';
import { ensureTestImage, testImage } from '../support/test-image.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;

describe('mesita dev', { timeout }, () => {
  let place: Cluster;

  before(async () => {
    await ensureTestImage();
    place = await Cluster.empty();
  });
  after(() => place?.close());

  async function start(): Promise<{ dev: MesitaProcess; address: string }> {
    const dev = place.spawn(['dev', '--no-setup', '--port=0', '--agent-port=0', `--default-image=${testImage}`]);
    const [, address = ''] = await dev.says(/Ready\. In another terminal: \.\/mesita run -m (\S+)/);
    return { dev, address };
  }

  it('starts, runs a task, and leaves nothing when it is interrupted', async () => {
    const { dev, address } = await start();
    const { code, stdout, stderr } = await place.mesita('run', '-m', address, testImage, '--', 'echo', 'hello');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'hello\n' }, stderr);
    const end = await dev.end('SIGINT');
    assert.equal(end.code, 0, end.stderr);
    assert.deepEqual(await readdir(place.temporary), []);
  });

  it('takes the tasks that run with it', async () => {
    const { dev, address } = await start();
    const command = ['sh', '-c', 'trap "exit 0" TERM; echo up; sleep 1000 & wait'];
    const run = place.spawn(['run', '-m', address, testImage, '--', ...command]);
    await run.says(/up/, 'stdout');
    assert.equal((await containersBelow(place.temporary)).length, 1);
    const end = await dev.end('SIGTERM');
    assert.equal(end.code, 0, end.stderr);
    assert.deepEqual(await containersBelow(place.temporary), []);
    assert.deepEqual(await readdir(place.temporary), []);
    assert.match((await run.outcome).stderr, /TASK_KILLED/);
  });

  it('ends at once on a second Ctrl-C', async () => {
    const { dev } = await start();
    dev.kill('SIGINT');
    dev.kill('SIGINT');
    const { code } = await dev.outcome;
    assert.ok(code === 0 || code === 130, `exit code ${code}`);
  });

  it('says that its port is in use, and leaves nothing', async () => {
    const { dev, address } = await start();
    const port = address.split(':')[1];
    const second = await place.mesita('dev', '--no-setup', `--port=${port}`, '--agent-port=0');
    assert.equal(second.code, 1);
    assert.match(second.stderr, /MESITA_PORT_IN_USE/);
    await eventually('the first one alone is there', async () => (await readdir(place.temporary)).length === 1);
    assert.equal((await dev.end('SIGINT')).code, 0);
  });
});
