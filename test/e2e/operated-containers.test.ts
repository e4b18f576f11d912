import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ContainerID } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { containersBelow } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorClient, stdin } from '../support/operator-client.ts';
import { testImage } from '../support/test-image.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('containers by the operator API, on a real engine', { timeout: patience }, () => {
  let cluster: Cluster;
  let client: OperatorClient;

  before(async () => {
    cluster = await Cluster.start();
    client = new OperatorClient((await cluster.agentAddresses())[0] ?? '');
  });
  after(async () => {
    await client?.close();
    await cluster?.settled();
    await cluster?.close();
  });

  /** Of the only task that runs. */
  const containerOfTask = (): Promise<ContainerID> =>
    eventually('the task has a container', async () => {
      const [, text] = await client.call('GET_CONTAINERS', {});
      return JSON.parse(text).get_containers?.containers[0]?.container_id;
    });

  it('follows what a task writes, waits for its end and ends it', async () => {
    const task = await cluster.running('talker', 'while true; do echo tick; echo tock >&2; sleep 0.2; done');
    const container_id = await containerOfTask();
    const listening = await client.open('ATTACH_CONTAINER_OUTPUT', { container_id });
    assert.equal(listening.statusCode, 200);
    await eventually('output', () => (listening.text('STDERR').includes('tock\n') ? true : undefined));
    assert.match(listening.text('STDOUT'), /^(tick\n)*$/);
    const waiting = client.wait(container_id);
    assert.deepEqual(await client.call('KILL_CONTAINER', { container_id }), [200, '']);
    assert.equal(await waiting, 9);
    await listening.ended;
    const { code, stderr } = await task.outcome;
    assert.equal(code === 0, false, stderr);
    assert.equal((await client.call('KILL_CONTAINER', { container_id }))[0], 404);
  });

  it('runs a container that stands alone, writes into a sandbox of its own and is gone afterwards', async () => {
    const container_id = { value: 'alone' };
    const launch = {
      container_id,
      command: { value: 'echo "$MESOS_SANDBOX"; pwd; sleep 1; exit 2' },
      resources: resources({ cpus: 0.1, mem: 32 }),
    };
    assert.deepEqual(await client.call('LAUNCH_CONTAINER', launch), [200, '']);
    const [, shown] = await client.call('GET_CONTAINERS', { show_standalone: true });
    const [found] = JSON.parse(shown).get_containers.containers;
    assert.deepEqual([found.container_id, found.container_status], [container_id, { container_id }]);
    assert.equal(found.resource_statistics.mem_limit_bytes, 32 * 2 ** 20);
    assert.equal(await client.wait(container_id), 512);
    const { workDirectory } = cluster.agent;
    const stdout = await readFile(join(workDirectory, 'containers/alone/stdout'), 'utf8');
    assert.equal(stdout, '/mnt/mesos/sandbox\n/mnt/mesos/sandbox\n');
    await eventually(
      'nothing is left',
      async () => (await containersBelow(cluster.directory)).length === 0 || undefined,
    );
    const missing = { ...launch, command: { shell: false, value: '/no/such/thing' } };
    const [status, text] = await client.call('LAUNCH_CONTAINER', missing);
    assert.equal(status, 400);
    assert.match(text, /no such/);
  });

  it('runs a nested container of another image in the network of its parent, and talks with it', async () => {
    const script = 'mkdir www; echo found > www/index.html; exec httpd -f -p 127.0.0.1:8765 -h www';
    const task = await cluster.running('parent', `sh -c '${script}'`, ['--network=bridge']);
    const parent = await containerOfTask();
    const container = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: testImage } } } };
    const fetching = { value: 'until wget -qO- http://127.0.0.1:8765/; do sleep 0.1; done; pwd; wc -c; exit 3' };
    const session = { container_id: { value: 'inside', parent }, command: fetching, container };
    const talk = await client.open('LAUNCH_NESTED_CONTAINER_SESSION', session);
    assert.equal(talk.statusCode, 200);
    const input = await client.attachInput(session.container_id, stdin('x'.repeat(1000)), stdin(''));
    assert.equal(input.statusCode, 200);
    await talk.ended;
    assert.match(talk.text('STDOUT'), /^found\n\/\n1000\n$/, talk.text('STDERR'));
    assert.equal(await client.wait(session.container_id), 3 << 8);
    const files = join(await cluster.sandboxOf('parent'), 'containers/inside');
    assert.match(await readFile(join(files, 'stdout'), 'utf8'), /^found/);
    const lasting = { container_id: { value: 'lasting', parent }, command: { value: 'sleep 1000' }, container };
    assert.deepEqual(await client.call('LAUNCH_NESTED_CONTAINER', lasting), [200, '']);
    const waiting = client.wait(lasting.container_id);
    await task.end('SIGINT');
    assert.equal(await waiting, 9);
  });

  it('ends the containers that stand alone with the agent', async () => {
    const { process, workDirectory } = await cluster.startAgent('brief');
    const pid = (await cluster.agentAddresses()).at(-1) ?? '';
    const other = new OperatorClient(pid);
    const launch = { container_id: { value: 'alone' }, command: { value: 'sleep 1000' } };
    assert.deepEqual(await other.call('LAUNCH_CONTAINER', launch), [200, '']);
    assert.equal((await containersBelow(workDirectory.replace(/\/[^/]*$/, ''))).length, 1);
    await other.close();
    cluster.agents.pop();
    await process.end('SIGTERM');
    assert.deepEqual(await containersBelow(cluster.directory), []);
  });
});
