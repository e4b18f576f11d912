import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import type { MasterMessage } from '../../protocol/agent-link.ts';
import { asAgentId } from '../../protocol/ids.ts';
import type { MasterCall, SchedulerEvent } from '../../protocol/messages.ts';
import { encodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { BreakableLink } from '../conformance/breakable-link.ts';
import { dockerTask, image } from '../support/agent-room.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { MasterRoom, type OpenStream } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

const json = { 'content-type': 'application/json' };

describe('weights, quota and operators’ operations over HTTP', () => {
  let room: MasterRoom;
  let agent: OpenStream<MasterMessage>;
  before(async () => {
    room = await MasterRoom.open();
    agent = await room.join(agentSubscription({ resources: 'cpus:2;mem:2048;disk:10000' }));
  });
  after(() => room.close());

  // As a real master answered (recorded).
  const steps: [string, string, string | undefined, number, string][] = [
    ['GET', '/weights', undefined, 200, '[]'],
    ['PUT', '/weights', '[{"role":"other","weight":3.0},{"role":"dr","weight":4.0}]', 200, ''],
    ['GET', '/weights', undefined, 200, '[{"role":"other","weight":3.0},{"role":"dr","weight":4.0}]'],
    [
      'PUT',
      '/weights',
      '[{"role":"dr","weight":-1}]',
      400,
      "Failed to validate update weights request JSON for role 'dr': Invalid weight '-1': Weights must be positive",
    ],
    ['PUT', '/weights', 'x', 400, "Failed to parse update weights request JSON 'x': syntax error at line 1 near: x"],
    ['POST', '/weights', '[]', 405, "405 Method Not Allowed. Expecting one of { 'GET', 'PUT' }, but received 'POST'."],
    ['GET', '/quota', undefined, 200, '{}'],
    [
      'POST',
      '/quota',
      '{"role":"q3","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.25}}],"force":true}',
      200,
      '',
    ],
    [
      'GET',
      '/master/quota/q3',
      undefined,
      200,
      '{"infos":[{"role":"q3","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.25}}]}],"configs":[{"role":"q3","guarantees":{"cpus":{"value":0.25}},"limits":{"cpus":{"value":0.25}}}]}',
    ],
    ['POST', '/quota', '{"role":"q3"}', 400, "Failed to validate set quota request: QuotaInfo with empty 'guarantee'"],
    ['POST', '/quota', 'zzz', 400, "Failed to parse set quota request JSON 'zzz': syntax error at line 1 near: zzz"],
    ['DELETE', '/quota/q3', undefined, 200, ''],
    [
      'DELETE',
      '/master/quota/q3',
      undefined,
      400,
      "Failed to remove quota for path '/master/quota/q3': Role 'q3' has no quota set",
    ],
    [
      'DELETE',
      '/quota',
      undefined,
      400,
      "Failed to parse remove quota request for path '/quota': 3 tokens ('master', 'quota', 'role') required, found 1 token(s)",
    ],
    ['GET', '/quota', undefined, 200, '{}'],
  ];

  test('/weights and /quota answer as recorded', async () => {
    for (const [method, path, body, status, text] of steps) {
      const answer = await room.request(method, path, { headers: json, ...(body === undefined ? {} : { body }) });
      assert.deepEqual([answer.status, answer.text], [status, text], `${method} ${path} ${body ?? ''}`);
    }
  });

  test('quota is taken and told in protobuf', async () => {
    const media = 'application/x-protobuf';
    const call = (content: MasterCall) =>
      room.request('POST', '/api/v1', {
        headers: { 'content-type': media, accept: media },
        body: Buffer.from(encodeProtobuf('MasterCall', content)),
      });
    const config = { role: 'p', guarantees: { cpus: { value: 0.5 } }, limits: { cpus: { value: 1 } } };
    const update = await call({ type: 'UPDATE_QUOTA', update_quota: { quota_configs: [config] } });
    assert.deepEqual([update.status, update.text], [200, '']);
    // No text here has a byte beyond ASCII but for doubles; ask for JSON to compare, and for protobuf to see that it comes.
    const told = await call({ type: 'GET_QUOTA' });
    assert.deepEqual([told.status, told.headers['content-type']], [200, media]);
    const shown = await room.request('POST', '/api/v1', { headers: json, body: '{"type":"GET_QUOTA"}' });
    assert.deepEqual(JSON.parse(shown.text).get_quota.status.configs, [config]);
  });

  test('/roles shows weight, quota and what counts against it', async () => {
    const { roles } = JSON.parse((await room.request('GET', '/roles')).text);
    const shown = roles.find(({ name }: { name: string }) => name === 'p');
    assert.deepEqual(
      [shown.weight, shown.quota],
      [1, { role: 'p', guarantee: { cpus: 0.5 }, limit: { cpus: 1 }, consumed: {} }],
    );
    assert.equal(roles.find(({ name }: { name: string }) => name === 'dr').weight, 4);
  });

  test('forms reserve and unreserve, make and destroy volumes', async () => {
    const [id] = room.master.state.agents.keys();
    const disk = '{"name":"disk","type":"SCALAR","scalar":{"value":64},"role":"leg","reservation":{}}';
    const volume = disk.replace(
      /}$/,
      ',"disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"p"}}}',
    );
    const post = (path: string, fields: Record<string, string>) =>
      room.request('POST', path, {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      });
    const forms: [string, Record<string, string>, number, string | RegExp][] = [
      ['/reserve', { slaveId: id ?? '', resources: `[${disk}]` }, 202, ''],
      ['/create-volumes', { slaveId: id ?? '', volumes: `[${volume}]` }, 202, ''],
      ['/unreserve', { slaveId: id ?? '', resources: `[${disk}]` }, 409, /does not contain disk\(reservations/],
      ['/destroy-volumes', { slaveId: id ?? '', volumes: `[${volume}]` }, 202, ''],
      ['/unreserve', { slaveId: id ?? '', resources: `[${disk}]` }, 202, ''],
      ['/reserve', { resources: '[]' }, 400, "Missing 'slaveId' query parameter in the request body"],
      ['/reserve', { slaveId: id ?? '' }, 400, "Missing 'resources' query parameter in the request body"],
      ['/reserve', { slaveId: 'nope', resources: '[]' }, 400, 'No agent found with specified ID'],
      [
        '/reserve',
        { slaveId: id ?? '', resources: 'zz' },
        400,
        "Error parsing 'resources' query parameter in the request body: syntax error at line 1 near: zz",
      ],
    ];
    for (const [path, fields, status, text] of forms) {
      const answer = await post(path, fields);
      assert.equal(answer.status, status, `${path} ${answer.text}`);
      if (typeof text === 'string') assert.equal(answer.text, text);
      else assert.match(answer.text, text);
    }
    const sent = () => agent.records.flatMap((message) => (message.type === 'APPLY_OPERATION' ? [message] : []));
    await until('the agent has the operations', () => sent().length === 4);
    const done = sent().map(({ operation_uuid }) => ({
      type: 'UPDATE_OPERATION' as const,
      operation_uuid,
      status: { state: 'OPERATION_FINISHED' as const },
    }));
    await room.tell(agent, done);
    await until('they are over', () => room.master.state.agents.get(asAgentId(id ?? ''))?.operations.size === 0);
  });

  test('the command line shows and sets them', async () => {
    const mesita = async (...args: string[]) => {
      const main = resolve(import.meta.dirname, '../../cli/main.ts');
      const env = { ...process.env, MESITA_MASTER: room.master.address, NO_COLOR: '1' };
      const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env });
      return stdout;
    };
    await mesita('weights', 'dr=2.5', 'x=7');
    assert.match(await mesita('weights'), /^ROLE +WEIGHT\n(.*\n)*dr +2\.5\n(.*\n)*x +7\n/);
    await mesita('quota', 'y', '--guarantee', 'cpus:0.1', '--limit', 'cpus:0.5;mem:64');
    assert.match(await mesita('quota', 'y'), /^y +cpus:0\.1 +cpus:0\.5;mem:64 +-$/m);
    await mesita('quota', 'y', '--remove');
    assert.doesNotMatch(await mesita('quota'), /^y /m);
    const [id = ''] = room.master.state.agents.keys();
    assert.equal(await mesita('drain', 'host', '--grace', '2.5', '--wait'), `${id}\n`);
    const { drain } = room.master.state.agents.get(asAgentId(id)) ?? {};
    assert.deepEqual(drain?.config, { max_grace_period: { nanoseconds: 2_500_000_000 }, mark_gone: false });
    assert.match(await mesita('nodes'), / drained /);
    await mesita('reactivate', 'S0');
    await mesita('deactivate', id);
    assert.match(await mesita('nodes'), / deactivated /);
  });
});

describe('a drain of a real agent', () => {
  async function cluster(t: TestContext) {
    const room = await MasterRoom.open(['--allocation_interval=50ms']);
    t.after(() => room.close());
    const engine = new FakeEngine({ images: [image] });
    const shutdown = new Shutdown(silentLog);
    t.after(() => shutdown.stop());
    const link = await BreakableLink.open(room.master.address);
    t.after(() => link.close());
    const flags = [`--master=${link.address}`, '--port=0', `--work_dir=${join(room.directory, 'agent')}`];
    const values = parseFlags(
      agentFlags,
      [...flags, '--resources=cpus:2;mem:512;disk:100', '--registration_backoff_factor=10ms'],
      {},
    );
    const agent = await startAgent({ flags: values, log: silentLog, shutdown, engine });
    const id = await agent.registered;
    const operate = async (call: object) => {
      const answer = await room.request('POST', '/api/v1', { headers: json, body: JSON.stringify(call) });
      return answer.status === 200 && answer.text === '' ? 'done' : answer.text;
    };
    return { room, agent, link, id, operate };
  }

  /** Runs a task, and acknowledges every update from then on. */
  async function run(t: TestContext, room: MasterRoom, id: string) {
    const capabilities = ['PARTITION_AWARE', 'TASK_KILLING_STATE'] as const;
    const stream = await room.subscribe(frameworkInfo({ capabilities: [...capabilities] }));
    const offers = () => stream.records.flatMap(({ offers }) => offers?.offers ?? []);
    await until('an offer', () => offers().length > 0);
    const [offer] = offers();
    assert.ok(offer);
    const task = dockerTask('t1', { agent_id: { value: id } });
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
    await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    acknowledgeAll(t, room, stream);
    const updates = () => stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status]));
    await until('it runs', () => updates().some(({ state }) => state === 'TASK_RUNNING'));
    return { stream, offers, states: () => updates().map(({ state, reason }) => `${state} ${reason ?? ''}`.trim()) };
  }

  function acknowledgeAll(t: TestContext, room: MasterRoom, stream: OpenStream<SchedulerEvent>): void {
    let seen = 0;
    const timer = setInterval(() => {
      for (const { update } of stream.records.slice(seen)) {
        seen++;
        if (update?.status.uuid === undefined) continue;
        const { agent_id, task_id, uuid } = update.status;
        room.call(stream, { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } }).catch(() => undefined);
      }
      seen = stream.records.length;
    }, 5);
    t.after(() => clearInterval(timer));
  }

  test('kills its tasks, ends when that is acknowledged, and the agent can be used again', async (t) => {
    const { room, agent, id, operate } = await cluster(t);
    const { offers, states } = await run(t, room, id);
    const agent_id = { value: id };
    assert.equal(
      await operate({ type: 'DRAIN_AGENT', drain_agent: { agent_id, max_grace_period: { seconds: 2 } } }),
      'done',
    );
    const before = offers().length;
    const shown = async () => JSON.parse((await room.request('GET', '/slaves')).text).slaves[0];
    await until('it is drained', () => room.master.state.agents.get(asAgentId(id))?.drain?.state === 'DRAINED');
    assert.deepEqual(states().slice(-2), ['TASK_KILLING REASON_AGENT_DRAINING', 'TASK_KILLED REASON_AGENT_DRAINING']);
    const { active, deactivated, drain_info } = await shown();
    const config = { max_grace_period: { nanoseconds: 2_000_000_000 }, mark_gone: false };
    assert.deepEqual([active, deactivated, drain_info], [false, true, { state: 'DRAINED', config }]);
    assert.deepEqual(agent.state.drain?.config, config);
    assert.equal(offers().length, before, 'nothing of it is offered');
    assert.equal(await operate({ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } }), 'done');
    await until('it is offered again', () => offers().length > before);
    await until('the agent knows', () => agent.state.drain === undefined);
  });

  test('that begins while the agent is cut off goes on when it is back', async (t) => {
    const { room, agent, link, id, operate } = await cluster(t);
    const { states } = await run(t, room, id);
    link.cut();
    const known = () => room.master.state.agents.get(asAgentId(id));
    await until('the master knows', () => known()?.connected === false);
    assert.equal(await operate({ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: id } } }), 'done');
    assert.equal(agent.state.drain, undefined);
    link.mend();
    await until('it is drained', () => known()?.drain?.state === 'DRAINED');
    assert.equal(states().at(-1), 'TASK_KILLED REASON_AGENT_DRAINING');
  });

  test('marks it gone at its end, and the agent ends', async (t) => {
    const { room, id, operate } = await cluster(t);
    const { stream, states } = await run(t, room, id);
    const agent_id = { value: id };
    assert.equal(await operate({ type: 'DRAIN_AGENT', drain_agent: { agent_id, mark_gone: true } }), 'done');
    await until('it is gone', () => room.master.state.goneAgents.has(asAgentId(id)));
    assert.deepEqual(states().slice(-2), [
      'TASK_KILLING REASON_AGENT_DRAINING',
      'TASK_GONE_BY_OPERATOR REASON_AGENT_DRAINING',
    ]);
    await until('the framework hears of it', () =>
      stream.records.some(({ failure }) => failure?.agent_id?.value === id),
    );
    assert.equal(await operate({ type: 'DRAIN_AGENT', drain_agent: { agent_id } }), 'Unknown agent');
  });
});
