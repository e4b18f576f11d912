import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ContainerID } from '../../protocol/messages.ts';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorClient } from '../support/operator-client.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('containers by the operator API, on a real engine', { timeout: patience }, () => {
  let cluster: Cluster;
  let client: OperatorClient;

  before(async () => {
    cluster = await Cluster.start();
    client = new OperatorClient(await cluster.agentAddress());
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
});
