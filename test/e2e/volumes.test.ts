import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { OfferOperation, Resource } from '../../protocol/messages.ts';
import { resources } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const reserved: Resource = {
  name: 'disk',
  type: 'SCALAR',
  scalar: { value: 16 },
  reservations: [{ type: 'DYNAMIC', role: 'store' }],
};
const volume: Resource = {
  ...reserved,
  disk: { persistence: { id: 'box' }, volume: { mode: 'RW', container_path: 'box' } },
};

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('a persistent volume', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start();
    scheduler = await TestScheduler.start(cluster.address, {
      role: 'store',
      capabilities: [{ type: 'RESERVATION_REFINEMENT' }],
    });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });

  async function accept(...operations: OfferOperation[]): Promise<void> {
    const offer = await scheduler.offer();
    await scheduler.driver.accept([offer], operations, { refuse_seconds: 0 });
  }

  function outcome(id: string): Promise<unknown> {
    return eventually(`${id} is done`, () =>
      scheduler.outcomes.some(
        ({ operation_id, state }) => operation_id?.value === id && state === 'OPERATION_FINISHED',
      ),
    );
  }

  function launch(name: string, script: string): OfferOperation {
    const task = {
      name,
      task_id: { value: name },
      agent_id: { value: cluster.agent.id },
      resources: [...resources({ cpus: 0.1, mem: 32 }), volume],
      container: { type: 'DOCKER' as const, docker: { image: testImage } },
      command: { value: script },
    };
    return { type: 'LAUNCH', launch: { task_infos: [task] } };
  }

  const directory = () => join(cluster.agent.workDirectory, 'volumes/roles/store/box');

  it('is made and used in one call', async () => {
    await accept(
      { type: 'RESERVE', id: { value: 'reserve' }, reserve: { resources: [reserved] } },
      { type: 'CREATE', id: { value: 'create' }, create: { volumes: [volume] } },
      launch('writer', 'echo kept > $MESOS_SANDBOX/box/file'),
    );
    await scheduler.update('writer', 'TASK_FINISHED');
    await outcome('create');
  });

  it('survives an agent that is killed and comes back, with what is in it', async () => {
    const { agent } = cluster;
    await agent.process.end('SIGKILL');
    cluster.agents.splice(cluster.agents.indexOf(agent), 1);
    await cluster.startAgent(agent.name);
    await accept(launch('reader', 'test "$(cat $MESOS_SANDBOX/box/file)" = kept'));
    await scheduler.update('reader', 'TASK_FINISHED');
  });

  it('is gone when it is destroyed', async () => {
    assert.ok(existsSync(directory()));
    await accept(
      { type: 'DESTROY', destroy: { volumes: [volume] } },
      { type: 'UNRESERVE', id: { value: 'unreserve' }, unreserve: { resources: [reserved] } },
    );
    await outcome('unreserve');
    await eventually('its directory is gone', () => !existsSync(directory()));
  });
});
