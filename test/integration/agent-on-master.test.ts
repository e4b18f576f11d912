import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { dockerTask, image } from '../support/agent-room.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { frameworkInfo } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

const resources = 'cpus:2;mem:512;disk:100;ports:[31000-31009];gpus:0';

async function cluster(t: TestContext) {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  const start = async () => {
    const engine = new FakeEngine({ images: [image], program: () => ({ stdout: 'hello' }) });
    const shutdown = new Shutdown(silentLog);
    t.after(() => shutdown.stop());
    const flags = [`--master=${room.master.address}`, '--port=0', `--work_dir=${join(room.directory, 'agent')}`];
    const values = parseFlags(
      agentFlags,
      [...flags, `--resources=${resources}`, '--registration_backoff_factor=10ms'],
      {},
    );
    const agent = await startAgent({ flags: values, log: silentLog, shutdown, engine });
    return { engine, agent, id: await agent.registered, stop: () => shutdown.stop() };
  };
  return { room, start };
}

test('a task goes from the offer to its acknowledged end, and its output can be read by way of the master', async (t) => {
  const { room, start } = await cluster(t);
  const { engine, agent, id } = await start();
  const stream = await room.subscribe(frameworkInfo());
  await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
  const offer = stream.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  assert.equal(offer.agent_id.value, id);
  const task = dockerTask('t1', { agent_id: offer.agent_id });
  const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  let acknowledged = 0;
  const states = () => stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status.state]));
  const acknowledge = () => {
    const updates = stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status]));
    for (const { agent_id, task_id, uuid } of updates.slice(acknowledged)) {
      acknowledged++;
      room.call(stream, { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } }).catch(() => undefined);
    }
  };
  await until('it runs', () => {
    acknowledge();
    return states().includes('TASK_RUNNING');
  });
  const [record] = agent.state.tasks.values();
  assert.ok(record);
  engine.exit(record.containerName, 0);
  await until('it is over for all', () => {
    acknowledge();
    return (
      agent.state.tasks.size === 0 && [...room.master.state.frameworks.values()].every(({ tasks }) => tasks.size === 0)
    );
  });
  assert.deepEqual(states(), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  assert.equal(engine.machine.containers.size, 0);
  const path = `/frameworks/${frameworkOf(stream)}/executors/t1/runs/latest/stdout`;
  const answer = await room.request('GET', `/mesita/v1/agents/${id}/files/read?offset=0&path=${path}`);
  assert.deepEqual(JSON.parse(answer.text), { data: 'hello', offset: 0 });
});

test('an agent that is stopped leaves the master, and is the same agent when it is started again', async (t) => {
  const { room, start } = await cluster(t);
  const first = await start();
  await first.stop();
  await until('it is gone', () => room.master.state.agents.size === 0);
  const second = await start();
  assert.equal(second.id, first.id);
});

test('an agent that is marked gone ends its tasks, and does not come back meanwhile', async (t) => {
  const { room, start } = await cluster(t);
  const { engine, agent, id } = await start();
  const stream = await room.subscribe(frameworkInfo({ capabilities: ['PARTITION_AWARE'] }));
  await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
  const [offer] = stream.records.flatMap(({ offers }) => offers?.offers ?? []);
  assert.ok(offer);
  const operations = [{ type: 'LAUNCH', launch: { task_infos: [dockerTask('t1', { agent_id: offer.agent_id })] } }];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  await until('it runs', () => [...agent.state.tasks.values()].some(({ phase }) => phase === 'running'));
  const call = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: id } } };
  const headers = { 'content-type': 'application/json' };
  assert.equal((await room.request('POST', '/api/v1', { headers, body: JSON.stringify(call) })).status, 200);
  const states = () => stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status.state]));
  await until('the framework hears of it', () => states().at(-1) === 'TASK_GONE_BY_OPERATOR');
  await until('the container is stopped', () => engine.machine.containers.size === 0);
  assert.equal(room.master.state.agents.size, 0);
});
