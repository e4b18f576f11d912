import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { masterFlags } from '../../master/flags.ts';
import { standByMaster } from '../../master/main.ts';
import type { OpenRegistry } from '../../master/registry/registry-store.ts';
import type { MasterResponse } from '../../protocol/messages.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { frameworkOf, MasterClients } from '../support/master-clients.ts';
import { agentSubscription, frameworkInfo, reportedTask, taskFor } from '../support/master-messages.ts';
import { MasterRoom } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { ScriptedRegistry } from '../support/scripted-registry.ts';
import { until } from '../support/virtual-clock.ts';

/** Masters that are processes, one after the other, on one work directory and one port; each has clients of its own. */
class Reign {
  readonly directory: string;
  #port = '0';
  #master: MesitaProcess | undefined;
  #clients: MasterClients | undefined;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async begin(t: TestContext): Promise<Reign> {
    const reign = new Reign(await mkdtemp(join(tmpdir(), 'mesita-reign-')));
    t.after(async () => {
      await reign.kill();
      await rm(reign.directory, { recursive: true, force: true });
    });
    return reign;
  }

  /** A master that leads, and who speaks with it. */
  async master(): Promise<MasterClients> {
    const master = this.spawn(['--log_format=json']);
    this.#master = master;
    const [, address = ''] = await master.says(/"address":"([^"]+)","msg":"master is up"/);
    this.#port = address.split(':')[1] ?? '';
    this.#clients = new MasterClients(address);
    return this.#clients;
  }

  spawn(flags: string[]): MesitaProcess {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    return new MesitaProcess(['master', `--port=${this.#port}`, `--work_dir=${this.directory}`, ...flags], environment);
  }

  /** `kill -9` */
  async kill(): Promise<void> {
    await this.#master?.end('SIGKILL');
    await this.#clients?.leave();
  }
}

async function ask(clients: MasterClients, call: object): Promise<{ status: number; answer: MasterResponse }> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const { status, text } = await clients.request('POST', '/api/v1', { headers, body: JSON.stringify(call) });
  return { status, answer: (text.startsWith('{') ? JSON.parse(text) : {}) as MasterResponse };
}

async function recoveredAgents(clients: MasterClients): Promise<string[]> {
  const { answer } = await ask(clients, { type: 'GET_AGENTS' });
  return (answer.get_agents?.recovered_agents ?? []).map(({ id }) => id?.value ?? '').sort();
}

const resources = 'cpus:2;mem:512';
const aware = { capabilities: ['PARTITION_AWARE' as const], failoverTimeout: 1000 };

test('a master that was killed is followed by one that knows its agents and frameworks, and waits for their tasks', async (t) => {
  const reign = await Reign.begin(t);
  const before = await reign.master();
  const agent = await before.join(agentSubscription({ resources }));
  const [registered] = agent.records;
  assert.ok(registered?.type === 'REGISTERED');
  const id = registered.agent_id;
  const other = await before.join(agentSubscription({ resources, hostname: 'other' }));
  const otherId = other.records[0]?.type === 'REGISTERED' ? other.records[0].agent_id : '';
  const framework = await before.subscribe(frameworkInfo(aware));
  const info = { ...frameworkInfo(aware), id: { value: frameworkOf(framework) } };
  const offers = () => framework.records.flatMap(({ offers: list }) => list?.offers ?? []);
  await until('there is an offer', () => offers().some(({ agent_id }) => agent_id.value === id));
  const [offer] = offers().filter(({ agent_id }) => agent_id.value === id);
  assert.ok(offer);
  const task = taskFor(offer, 't1', 'cpus:1;mem:64');
  await before.call(framework, {
    type: 'ACCEPT',
    accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch: { task_infos: [task] } }] },
  });
  await until('the task is launched', () => agent.records.some(({ type }) => type === 'RUN_TASK'));
  await ask(before, { type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: otherId }, mark_gone: false } });
  await reign.kill();

  const after = await reign.master();
  assert.deepEqual(await recoveredAgents(after), [id, otherId].sort());
  const { answer: known } = await ask(after, { type: 'GET_FRAMEWORKS' });
  assert.deepEqual(
    known.get_frameworks?.frameworks?.map(({ framework_info, recovered, connected, active }) => [
      framework_info.id?.value,
      recovered,
      connected,
      active,
    ]),
    [[info.id.value, true, false, false]],
  );
  const back = await after.subscribe(info);
  assert.equal(frameworkOf(back), info.id.value);
  const asked = [{ task_id: { value: 't1' }, agent_id: { value: id } }, { task_id: { value: 'nobody’s' } }];
  await after.call(back, { type: 'RECONCILE', reconcile: { tasks: asked } });
  await after.call(back, { type: 'RECONCILE', reconcile: { tasks: [] } });
  const states = () =>
    back.records.flatMap(({ update }) => (update ? [`${update.status.task_id.value} ${update.status.state}`] : []));
  const reported = reportedTask(info.id.value, task, 'TASK_RUNNING');
  const again = await after.join(agentSubscription({ id, resources, tasks: [reported], frameworks: [info] }));
  const [welcome] = again.records;
  assert.ok(welcome?.type === 'REGISTERED');
  assert.deepEqual([welcome.cluster, welcome.epoch], [registered.cluster, (registered.epoch ?? 0) + 1]);
  assert.notEqual(welcome.master_id, registered.master_id);
  await after.call(back, { type: 'RECONCILE', reconcile: { tasks: asked } });
  await until('the task is known', () => states().length > 0);
  // Nobody was told that it is lost, so nobody is told that it is back; and of the other one nothing is said while an agent is away.
  assert.deepEqual(states(), ['t1 TASK_RUNNING']);
  const drained = await after.join(agentSubscription({ id: otherId, resources, hostname: 'other' }));
  assert.ok(drained.records[0]?.type === 'REGISTERED' && drained.records[0].drain !== undefined);
  assert.deepEqual(await recoveredAgents(after), []);
  await after.call(back, { type: 'RECONCILE', reconcile: { tasks: asked } });
  await until('all is said', () => states().length >= 3);
  assert.deepEqual(states().slice(1).sort(), ['nobody’s TASK_UNKNOWN', 't1 TASK_RUNNING']);
});

test('whenever a master is killed, all that it said is known to the next one', async (t) => {
  const reign = await Reign.begin(t);
  const agents = new Set<string>();
  /** What was asked for, and what was done. */
  const condemned = new Set<string>();
  const gone = new Set<string>();
  const frameworks = new Set<string>();
  const over = new Set<string>();
  let weight = 0;
  let after = await reign.master();
  for (const milliseconds of [200, 300, 450]) {
    const clients = after;
    let isOver = false;
    // What fails does so because the master died.
    const work = async (step: () => Promise<void>) => {
      while (!isOver) await step().catch(() => pause(5));
    };
    const busy = [
      ...[1, 2, 3, 4].map((number) =>
        work(async () => {
          const stream = await clients.join(agentSubscription({ resources, hostname: `h${number}` }));
          if (stream.records[0]?.type !== 'REGISTERED') return;
          const id = stream.records[0].agent_id;
          agents.add(id);
          if (agents.size % 3 > 0) return;
          condemned.add(id);
          const { status } = await ask(clients, {
            type: 'MARK_AGENT_GONE',
            mark_agent_gone: { agent_id: { value: id } },
          });
          if (status === 200) gone.add(id);
        }),
      ),
      work(async () => {
        const stream = await clients.subscribe(frameworkInfo({ failoverTimeout: 1000 }));
        const id = frameworkOf(stream);
        if (id !== '') frameworks.add(id);
        if (frameworks.size % 2 > 0) return;
        const { status } = await ask(clients, { type: 'TEARDOWN', teardown: { framework_id: { value: id } } });
        if (status === 200) over.add(id);
      }),
      work(async () => {
        const weight_infos = [{ role: 'a', weight: weight + 1 }];
        const { status } = await ask(clients, { type: 'UPDATE_WEIGHTS', update_weights: { weight_infos } });
        if (status === 200) weight++;
      }),
    ];
    await pause(milliseconds);
    await reign.kill();
    isOver = true;
    await Promise.all(busy);
    after = await reign.master();
    const recovered = new Set(await recoveredAgents(after));
    for (const id of agents) assert.ok(recovered.has(id) || condemned.has(id), `agent ${id} is forgotten`);
    for (const id of gone) assert.ok(!recovered.has(id), `agent ${id} is not gone any more`);
    const { answer } = await ask(after, { type: 'GET_FRAMEWORKS' });
    const idsOf = (list: { framework_info: { id?: { value: string } | undefined } }[] | undefined) =>
      new Set((list ?? []).map(({ framework_info }) => framework_info.id?.value ?? ''));
    const active = idsOf(answer.get_frameworks?.frameworks);
    const completed = idsOf(answer.get_frameworks?.completed_frameworks);
    for (const id of frameworks) assert.ok(active.has(id) || completed.has(id), `framework ${id} is forgotten`);
    for (const id of over) assert.ok(completed.has(id) && !active.has(id), `framework ${id} is not over any more`);
    const { answer: weights } = await ask(after, { type: 'GET_WEIGHTS' });
    const found = weights.get_weights?.weight_infos?.[0]?.weight ?? 0;
    assert.ok(found === weight || found === weight + 1, `the weight is ${found}, and was ${weight}`);
    weight = found;
    const [dead] = gone;
    if (dead !== undefined) {
      const refused = await after.join(agentSubscription({ id: dead, resources }));
      const [told] = refused.records;
      assert.ok(told?.type === 'SHUTDOWN' && told.message === 'Agent has been marked gone');
    }
  }
  assert.ok(agents.size > 10 && frameworks.size > 2 && weight > 2, 'there was too little to remember');
});

test('a second master in one work directory ends, and the first goes on', async (t) => {
  const reign = await Reign.begin(t);
  const clients = await reign.master();
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const second = new MesitaProcess(['master', '--port=0', `--work_dir=${reign.directory}`], environment);
  const { code, stderr } = await second.outcome;
  assert.equal(code, 1);
  assert.match(stderr, /MESITA_WORK_DIR_IN_USE/);
  assert.equal((await clients.request('GET', '/state')).status, 200);
});

test('a master that has not read its registry says so, and nothing else', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-standby-'));
  const shutdown = new Shutdown(silentLog);
  t.after(async () => {
    await shutdown.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const store = new ScriptedRegistry();
  const { promise, resolve } = Promise.withResolvers<OpenRegistry>();
  store.open = () => promise;
  const flags = parseFlags(masterFlags, ['--port=0', `--work_dir=${directory}`], {});
  const master = await standByMaster({ flags, log: silentLog, shutdown, store });
  const clients = new MasterClients(master.address);
  t.after(() => clients.leave());
  const lead = master.lead(shutdown.signal);
  for (const path of ['/state', '/slaves', '/api/v1', '/api/v1/scheduler', '/mesita/v1/agent']) {
    const { status, text } = await clients.request('POST', path, { body: '{}' });
    assert.deepEqual([path, status, text], [path, 503, 'Master has not finished recovery']);
  }
  for (const path of ['/health', '/version', '/flags', '/metrics/snapshot'])
    assert.equal((await clients.request('GET', path)).status, 200);
  resolve({ cluster: 'c', epoch: 7, records: [] });
  await lead;
  assert.equal((await clients.request('GET', '/state')).status, 200);
  assert.deepEqual(master.state.reign, { cluster: 'c', epoch: 7 });
});

test('a master that cannot write its registry gives up, and nobody hears of what it could not write', async (t) => {
  const store = new ScriptedRegistry();
  const losses: string[] = [];
  const room = await MasterRoom.open([], undefined, undefined, { store, giveUp: ({ code }) => losses.push(code) });
  t.after(() => room.close());
  const agent = await room.stream<object>('/mesita/v1/agent', JSON.stringify(agentSubscription({ resources })));
  const state = room.request('GET', '/state').catch(() => undefined);
  const health = await room.request('GET', '/health');
  assert.equal(health.status, 200);
  await until('the agent is to be written', () => store.writes.length === 1);
  store.writes[0]?.settle(Object.assign(new Error('no room'), { code: 'ENOSPC' }));
  await until('the master gives up', () => losses.length > 0);
  assert.deepEqual([losses, agent.records], [['MESITA_DATABASE_FAILED'], []]);
  await room.leave();
  await state;
});
