import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { resources } from '../../scheduler/index.ts';
import { eventually } from '../support/eventually.ts';
import { MasterRoom } from '../support/master-room.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

const capabilities: FrameworkInfo['capabilities'] = [{ type: 'REVOCABLE_RESOURCES' }, { type: 'PARTITION_AWARE' }];
const revocable = (amounts: Record<string, number>): Resource[] =>
  resources(amounts).map((resource) => ({ ...resource, revocable: {} }));

/** A master, an agent whose tasks are processes, and a framework that takes revocable resources. */
async function room(t: TestContext, ...flags: string[]) {
  const master = await MasterRoom.open();
  t.after(() => master.close());
  const shutdown = new Shutdown(silentLog);
  t.after(() => shutdown.stop());
  const own = ['--port=0', `--work_dir=${join(master.directory, 'agent')}`, '--containerizers=process'];
  const link = [`--master=${master.master.address}`, '--resources=cpus:1;mem:128;disk:100;ports:[];gpus:0'];
  const agent = await startAgent({
    flags: parseFlags(agentFlags, [...own, ...link, ...flags], {}),
    log: silentLog,
    shutdown,
  });
  await agent.registered;
  const scheduler = await TestScheduler.start(master.master.address, { capabilities });
  t.after(() => scheduler.close());
  return { agent, scheduler };
}

const guest = {
  name: 'guest',
  command: { value: 'sleep 1000' },
  resources: revocable({ cpus: 2, mem: 64 }),
};

test('an agent gives more than it has, as revocable resources', async (t) => {
  const { agent, scheduler } = await room(t, '--resource_estimator=fixed:cpus:2;mem:64');
  await scheduler.launch({
    name: 'regular',
    command: { value: 'sleep 1000' },
    resources: resources({ cpus: 1, mem: 96 }),
  });
  await scheduler.update('regular', 'TASK_RUNNING');
  await scheduler.launch(guest, { demand: guest.resources });
  await scheduler.update('guest', 'TASK_RUNNING');
  assert.equal(agent.state.oversubscribed?.length, 2);
});

const idle = loadavg()[1] === 0;

test('what is revocable is ended when the machine has too much to do', { skip: idle && 'nothing to do' }, async (t) => {
  const { scheduler } = await room(t, '--resource_estimator=fixed:cpus:2;mem:64', '--qos_controller=load:5min=0');
  await scheduler.launch(guest, { demand: guest.resources });
  const end = await eventually('the guest is preempted', () =>
    scheduler.updates.find(({ state }) => state === 'TASK_GONE'),
  );
  assert.equal(end.reason, 'REASON_CONTAINER_PREEMPTED');
  assert.match(end.message ?? '', /^Its revocable resources were taken back: the load average over 5 minutes is /);
});
