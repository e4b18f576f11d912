import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { testImage } from '../support/test-image.ts';
import { type TaskDraft, TestScheduler } from '../support/test-scheduler.ts';

const stubborn: Omit<TaskDraft, 'name'> = {
  container: { type: 'DOCKER', docker: { image: testImage } },
  command: { value: 'trap "" TERM; while true; do sleep 1; done' },
};

describe('draining an agent', { timeout: 240_000 }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start([[], []]);
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'PARTITION_AWARE' }] });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });

  it('kills its tasks with the grace that was granted, and sends what comes next elsewhere', async () => {
    const [first, second] = cluster.agents;
    assert.ok(first !== undefined && second !== undefined);
    await scheduler.launch({ name: 'stubborn', ...stubborn }, { agent: first.id });
    await scheduler.update('stubborn', 'TASK_RUNNING');
    const { code, stdout } = await cluster.mesita('drain', first.id, '--grace', '1secs', '--wait');
    assert.deepEqual([code, stdout], [0, `${first.id}\n`]);
    const killed = await scheduler.update('stubborn', 'TASK_KILLED');
    assert.equal(killed.reason, 'REASON_AGENT_DRAINING');
    const { slaves } = await cluster.state();
    assert.equal(slaves.find(({ id }) => id === first.id)?.drain_info?.state, 'DRAINED');
    await cluster.settled();
    await scheduler.launch({ name: 'elsewhere', ...stubborn });
    await scheduler.update('elsewhere', 'TASK_RUNNING');
    await cluster.mesita('drain', second.id, '--grace', '0.5', '--gone', '--wait');
    const gone = await scheduler.update('elsewhere', 'TASK_GONE_BY_OPERATOR');
    assert.equal(gone.reason, 'REASON_AGENT_DRAINING');
    // It ends, and is not the agent that it was any more.
    await second.process.outcome;
  });
});
