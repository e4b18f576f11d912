import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expire } from '../../../../master/commands/expire.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import { agentSubscription, frameworkInfo, reportedTask, taskFor } from '../../../support/master-messages.ts';
import { MasterWorld, updatesIn } from '../../../support/master-world.ts';

test('a silent agent with more tasks than a call has room for arguments is lost like any other', () => {
  const world = new MasterWorld();
  const framework = world.framework({ failoverTimeout: 1000 });
  const count = 150_000;
  const subscription = agentSubscription({
    id: 'crowded',
    resources: `cpus:${count / 1000}`,
    tasks: Array.from({ length: count }, (_, index) =>
      reportedTask(framework, taskFor({ agent_id: { value: 'crowded' } }, `t${index}`, 'cpus:0.001'), 'TASK_RUNNING'),
    ),
    frameworks: [frameworkInfo({ id: framework })],
  });
  registerAgent(world.state, subscription, world.now);
  world.now += 75_000;
  assert.equal(updatesIn(expire(world.state, world.now), framework).length, count);
});
