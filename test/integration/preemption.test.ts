import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { resources } from '../../scheduler/index.ts';
import { MasterRoom } from '../support/master-room.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

test('with --preemption a task is killed, with its grace, for a role below its guarantee', async (t) => {
  const master = await MasterRoom.open(['--preemption', '--preemption_delay=0ns', '--allocation_interval=100ms']);
  t.after(() => master.close());
  const shutdown = new Shutdown(silentLog);
  t.after(() => shutdown.stop());
  const own = ['--port=0', `--work_dir=${join(master.directory, 'agent')}`, '--containerizers=process'];
  const link = [`--master=${master.master.address}`, '--resources=cpus:2;mem:256;disk:100;ports:[];gpus:0'];
  const agent = await startAgent({ flags: parseFlags(agentFlags, [...own, ...link], {}), log: silentLog, shutdown });
  await agent.registered;
  const batch = await TestScheduler.start(master.master.address, {
    roles: ['batch'],
    capabilities: [{ type: 'MULTI_ROLE' }],
  });
  t.after(() => batch.close());
  const prod = await TestScheduler.start(master.master.address, {
    roles: ['prod'],
    capabilities: [{ type: 'MULTI_ROLE' }],
  });
  t.after(() => prod.close());
  for (const name of ['old', 'new']) {
    const command = { value: 'trap "sleep 0.2; exit 0" TERM; while :; do sleep 0.05; done' };
    await batch.launch({ name, command, resources: resources({ cpus: 1, mem: 128 }) });
    await batch.update(name, 'TASK_RUNNING');
  }
  const guarantees = { cpus: { value: 1 }, mem: { value: 128 } };
  const answer = await fetch(`http://${master.master.address}/api/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'UPDATE_QUOTA', update_quota: { quota_configs: [{ role: 'prod', guarantees }] } }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await prod.launch({ name: 'wanted', command: { value: 'sleep 1000' }, resources: resources({ cpus: 1, mem: 128 }) });
  await prod.update('wanted', 'TASK_RUNNING');
  const end = await batch.update('new', 'TASK_KILLED');
  assert.equal(end.reason, 'REASON_CONTAINER_PREEMPTED');
  assert.equal(end.message, "Preempted for role 'prod', which lacks 'cpus:1; mem:128' of its quota guarantee");
  assert.equal(batch.statesOf('old').at(-1), 'TASK_RUNNING');
});
