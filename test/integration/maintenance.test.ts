import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MasterMessage } from '../../protocol/agent-link.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { agentSubscription } from '../support/master-messages.ts';
import { MasterRoom, type OpenStream } from '../support/master-room.ts';
import { until } from '../support/virtual-clock.ts';

const machine = { hostname: 'localhost', ip: '127.0.0.1' };
const shown = `Machine '{"hostname":"localhost","ip":"127.0.0.1"}'`;
// More digits than a double holds.
const start = '1795214347701000001';
const window = `{"machine_ids":[${JSON.stringify(machine)}],"unavailability":{"start":{"nanoseconds":${start}},"duration":{"nanoseconds":3600000000000}}}`;
const json = { 'content-type': 'application/json' };

// As a real master answered (recorded), in this order.
const steps: [string, string, string | undefined, number, string][] = [
  ['GET', '/maintenance/schedule', undefined, 200, '{}'],
  ['GET', '/maintenance/status', undefined, 200, '{}'],
  ['GET', '/machine/down', undefined, 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."],
  ['GET', '/machine/up', undefined, 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."],
  ['POST', '/maintenance/schedule', `{"windows":[${window}]}`, 200, ''],
  ['GET', '/maintenance/schedule', undefined, 200, `{"windows":[${window}]}`],
  ['GET', '/maintenance/status', undefined, 200, `{"draining_machines":[{"id":${JSON.stringify(machine)}}]}`],
  [
    'POST',
    '/maintenance/schedule',
    '{"windows":[{"machine_ids":[],"unavailability":{"start":{"nanoseconds":1}}}]}',
    400,
    'List of machines in the maintenance window is empty',
  ],
  [
    'POST',
    '/maintenance/schedule',
    '{"windows":[{"machine_ids":[{}],"unavailability":{"start":{"nanoseconds":1}}}]}',
    400,
    "Both 'hostname' and 'ip' for a machine are empty",
  ],
  ['POST', '/maintenance/schedule', 'zz', 400, 'syntax error at line 1 near: zz'],
  [
    'POST',
    '/maintenance/schedule',
    '{"windows":[{"machine_ids":[{"hostname":"a"}],"unavailability":{"start":{"nanoseconds":1},"duration":{"nanoseconds":-5}}}]}',
    400,
    "Unavailability 'duration' is negative",
  ],
  ['POST', '/machine/up', JSON.stringify([machine]), 400, `${shown} is not in DOWN mode and cannot be brought up`],
  [
    'POST',
    '/machine/down',
    '[{"hostname":"other"}]',
    400,
    `Machine '{"hostname":"other"}' is not part of a maintenance schedule`,
  ],
  ['POST', '/machine/down', '[]', 400, 'List of machines is empty'],
  ['POST', '/machine/down', '{}', 400, 'Unexpected JSON type parsed'],
  ['POST', '/machine/down', '[1]', 400, 'Expecting a JSON object'],
  ['POST', '/maintenance/schedule', '{"windows":[]}', 200, ''],
  ['GET', '/maintenance/status', undefined, 200, '{}'],
  ['POST', '/maintenance/schedule', `{"windows":[${window}]}`, 200, ''],
  ['POST', '/machine/down', JSON.stringify([machine]), 200, ''],
  ['GET', '/maintenance/status', undefined, 200, `{"down_machines":[${JSON.stringify(machine)}]}`],
  ['GET', '/maintenance/schedule', undefined, 200, `{"windows":[${window}]}`],
  [
    'POST',
    '/maintenance/schedule',
    '{"windows":[]}',
    400,
    `${shown} is deactivated and cannot be removed from the schedule`,
  ],
  [
    'POST',
    '/machine/down',
    JSON.stringify([machine]),
    400,
    `${shown} is not in DRAINING mode and cannot be brought down`,
  ],
  ['POST', '/machine/up', JSON.stringify([machine]), 200, ''],
  ['GET', '/maintenance/status', undefined, 200, '{}'],
  ['GET', '/maintenance/schedule', undefined, 200, '{}'],
];

describe('maintenance over HTTP', () => {
  let room: MasterRoom;

  before(async () => {
    room = await MasterRoom.open();
  });
  after(() => room.close());

  const operate = (call: object) => room.request('POST', '/api/v1', { headers: json, body: JSON.stringify(call) });

  test('the unversioned endpoints answer as a real master did', async () => {
    for (const [method, path, body, status, text] of steps) {
      const answer = await room.request(method, path, body === undefined ? {} : { body });
      assert.deepEqual([method, path, body, answer.status, answer.text], [method, path, body, status, text]);
    }
  });

  test('an agent on a machine that goes down is told to end, and turned away until the machine is up', async () => {
    const subscription = agentSubscription({ hostname: 'localhost', resources: 'cpus:1;mem:64' });
    const agent = await room.join(subscription);
    const stream: OpenStream<SchedulerEvent> = await room.subscribe({ user: 'root', name: 'f' });
    await until('an offer', () => stream.records.some(({ type }) => type === 'OFFERS'));
    const windows = [{ machine_ids: [machine], unavailability: { start: { nanoseconds: 1 } } }];
    const schedule = { type: 'UPDATE_MAINTENANCE_SCHEDULE', update_maintenance_schedule: { schedule: { windows } } };
    assert.equal((await operate(schedule)).status, 200);
    await until('an inverse offer', () => stream.records.some(({ type }) => type === 'INVERSE_OFFERS'));
    assert.equal(
      (await operate({ type: 'START_MAINTENANCE', start_maintenance: { machines: [machine] } })).status,
      200,
    );
    await until('the agent is told', () => agent.ended);
    assert.equal(agent.records.at(-1)?.type, 'SHUTDOWN');
    await until('the framework hears', () => stream.records.some(({ type }) => type === 'FAILURE'));
    const turned: OpenStream<MasterMessage> = await room.stream('/mesita/v1/agent', JSON.stringify(subscription));
    await until('it is turned away', () => turned.ended);
    assert.deepEqual(turned.records, [{ type: 'SHUTDOWN', message: 'Machine is `DOWN`', ...room.master.state.reign }]);
    assert.equal((await operate({ type: 'STOP_MAINTENANCE', stop_maintenance: { machines: [machine] } })).status, 200);
    const back = await room.join(subscription);
    assert.equal(back.records[0]?.type, 'REGISTERED');
    stream.hangUp();
  });

  test('an agent that is marked gone is told to end, and never taken again', async () => {
    const subscription = agentSubscription({ resources: 'cpus:1;mem:64' });
    const agent = await room.join(subscription);
    const [registered] = agent.records;
    const id = registered?.type === 'REGISTERED' ? registered.agent_id : '';
    const call = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: id } } };
    for (let time = 0; time < 2; time++) assert.equal((await operate(call)).status, 200);
    await until('the agent is told', () => agent.ended);
    const shutdown = { type: 'SHUTDOWN', message: 'Agent has been marked gone' };
    assert.deepEqual(agent.records.at(-1), shutdown);
    const again = { ...subscription, agent: { ...subscription.agent, id: { value: id } } };
    const turned: OpenStream<MasterMessage> = await room.stream('/mesita/v1/agent', JSON.stringify(again));
    await until('it is turned away', () => turned.ended);
    assert.deepEqual(turned.records, [{ ...shutdown, ...room.master.state.reign }]);
  });
});

test('with --domain, agents of other regions are for frameworks with REGION_AWARE', async () => {
  const domainOf = (region: string) => ({ fault_domain: { region: { name: region }, zone: { name: 'z' } } });
  const room = await MasterRoom.open([`--domain=${JSON.stringify(domainOf('eu'))}`]);
  try {
    const subscription = agentSubscription({ resources: 'cpus:1;mem:64' });
    await room.join({ ...subscription, agent: { ...subscription.agent, domain: domainOf('us') } });
    const homely = await room.subscribe({ user: 'root', name: 'f' });
    const aware = await room.subscribe({ user: 'root', name: 'g', capabilities: [{ type: 'REGION_AWARE' }] });
    await until('an offer', () => aware.records.some(({ type }) => type === 'OFFERS'));
    assert.ok(!homely.records.some(({ type }) => type === 'OFFERS'));
    assert.deepEqual(homely.records[0]?.subscribed?.master_info?.domain, domainOf('eu'));
  } finally {
    await room.close();
  }
});

test('--roles and --no-root_submissions are told to frameworks as an ERROR', async () => {
  const room = await MasterRoom.open(['--roles=a, b', '--no-root_submissions']);
  try {
    const errorOf = async (info: object) => (await room.subscribe(info)).records[0]?.error?.message;
    assert.equal(
      await errorOf({ user: 'nobody', name: 'f', role: 'zz' }),
      "Roles { zz } are not present in the master's --roles",
    );
    assert.equal(
      await errorOf({ user: 'root', name: 'f', role: 'b' }),
      "User 'root' is not allowed to run frameworks without --root_submissions set",
    );
    assert.equal(await errorOf({ user: 'nobody', name: 'f', role: 'b' }), undefined);
  } finally {
    await room.close();
  }
});
