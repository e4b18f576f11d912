// What clients in the field depend on, third part: paths, documents, files and metrics. Each test's number is that of the line in the
// list of quirks.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { request } from 'undici';
import type { SchedulerEvent, TaskInfo } from '../../protocol/messages.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { dockerTask } from '../support/agent-room.ts';
import { eventually } from '../support/eventually.ts';
import { agentSubscription, frameworkInfo, resourcesOf } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until } from '../support/virtual-clock.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';

type Releasing = Pick<TestContext, 'after'>;

async function open(t: Releasing): Promise<MasterRoom> {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  return room;
}

const statusesOn = (stream: OpenStream<SchedulerEvent>) =>
  stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status]));

/** Acknowledges what comes until a task is in that state. */
async function acknowledgeUntil(room: MasterRoom, stream: OpenStream<SchedulerEvent>, task: string, state: string) {
  let acknowledged = 0;
  await until(`${task} is ${state}`, () => {
    for (const { agent_id, task_id, uuid } of statusesOn(stream).slice(acknowledged)) {
      acknowledged++;
      if (uuid !== undefined)
        room.call(stream, { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } }).catch(() => undefined);
    }
    return statusesOn(stream).some((status) => status.task_id.value === task && status.state === state);
  });
}

/** A master and an agent on which one task runs and another has finished. */
async function busyCluster(t: Releasing) {
  const room = await open(t);
  const running = await agentOf(t, room, {
    program: (spec) => (spec.labels?.['org.mesita.task_id'] === 'over' ? { exit: {} } : { stdout: 'hello' }),
  });
  const stream = await room.subscribe(frameworkInfo({ failoverTimeout: 60 }));
  await until('an offer', () => stream.records.some(({ offers }) => offers !== undefined));
  const offer = stream.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  const labels = { labels: [{ key: 'k', value: 'v' }] };
  const more: Partial<TaskInfo> = {
    agent_id: offer.agent_id,
    resources: resourcesOf('cpus:0.5;mem:64;ports:[31000-31000]'),
    labels,
    discovery: { visibility: 'CLUSTER', name: 'found', labels },
  };
  const tasks = [
    dockerTask('up', more),
    dockerTask('over', { agent_id: offer.agent_id, resources: resourcesOf('cpus:0.5;mem:64') }),
  ];
  const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
  await room.call(stream, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  await acknowledgeUntil(room, stream, 'up', 'TASK_RUNNING');
  const over = [...running.agent.state.tasks.values()].find(({ info }) => info.task_id.value === 'over');
  if (over !== undefined && over.phase === 'running') running.engine.exit(over.containerName, 0);
  await acknowledgeUntil(room, stream, 'over', 'TASK_FINISHED');
  await until('the agent has put the other away', () => running.agent.state.tasks.size === 1);
  const state = JSON.parse((await room.request('GET', '/state')).text);
  const ofAgent = async (path: string, method: 'GET' | 'POST' = 'GET') => {
    const { statusCode, body } = await request(`http://${running.agent.address}${path}`, { method });
    return { status: statusCode, text: await body.text() };
  };
  return { ...running, room, stream, state, ofAgent, framework: frameworkOf(stream) };
}

// Shared, since nothing below changes it.
let cluster: Awaited<ReturnType<typeof busyCluster>>;
const releasers: (() => unknown)[] = [];
before(async () => {
  cluster = await busyCluster({ after: (release) => void releasers.push(release as () => unknown) });
});
after(async () => {
  for (const release of releasers.toReversed()) await release();
});

test('quirk 13: the longest prefix of a path is what answers, with slashes at its end and with the actor before it', async () => {
  const { room, ofAgent, id } = cluster;
  const health = { headers: { 'content-type': 'application/json' }, body: '{"type":"GET_HEALTH"}' };
  assert.equal((await room.request('POST', '/api/v1/operator', health)).status, 200);
  for (const [path, key] of [
    ['/tasks/', 'tasks'],
    ['/master/tasks', 'tasks'],
    [`/slaves/${id}`, 'slaves'],
    ['/master/slaves', 'slaves'],
    ['/master/state/', 'frameworks'],
  ] as const) {
    assert.ok(key in JSON.parse((await room.request('GET', path)).text), path);
  }
  for (const path of ['/state', '/slave(1)/state', '/slave%281%29/state', '/slave(1)/state/']) {
    assert.equal(JSON.parse((await ofAgent(path)).text).id, id, path);
  }
});

test('quirk 14: documents answer to POST too; limit=-1 is all; order, offset, task_id and framework_id are honoured', async () => {
  const { room, ofAgent, framework } = cluster;
  for (const path of ['/slaves', '/tasks', '/state'])
    assert.equal((await room.request('POST', path)).status, 200, path);
  assert.equal((await ofAgent('/state', 'POST')).status, 200);
  const tasks = async (query: string): Promise<string[]> =>
    JSON.parse((await room.request('GET', `/tasks?${query}`)).text).tasks.map(({ id }: { id: string }) => id);
  assert.deepEqual((await tasks('limit=-1')).sort(), ['over', 'up']);
  const [ascending, descending] = [await tasks('order=asc'), await tasks('order=des')];
  assert.deepEqual(descending, ascending.toReversed());
  assert.deepEqual(await tasks('order=asc&offset=1'), ascending.slice(1));
  assert.deepEqual(await tasks('order=asc&limit=1'), ascending.slice(0, 1));
  assert.deepEqual(await tasks('task_id=up'), ['up']);
  assert.deepEqual((await tasks(`framework_id=${framework}`)).length, 2);
  assert.deepEqual(await tasks('framework_id=another'), []);
});

test('quirk 15: /redirect of the leader itself names it without scheme and path; a master that does not lead keeps the path', async (t) => {
  const room = await open(t);
  const { status, headers } = await room.request('GET', '/redirect');
  assert.deepEqual([status, headers.location], [307, `//localhost:${room.master.address.split(':')[1]}`]);
  const follower = await MasterRoom.open([], undefined, () => ({ hostname: 'leader', port: 5050 }) as never);
  t.after(() => follower.close());
  const answer = await follower.request('GET', '/master/tasks?limit=-1');
  assert.deepEqual([answer.status, answer.headers.location], [307, '//leader:5050/master/tasks?limit=-1']);
});

test('quirk 16: versions are numbers and dots, from 1.9.0 on; mesita’s own stands beside them', async (t) => {
  const room = await open(t);
  const document = JSON.parse((await room.request('GET', '/version')).text);
  const stream = await room.subscribe(frameworkInfo());
  const { version } = stream.records[0]?.subscribed?.master_info ?? {};
  assert.equal(version, document.version);
  const [major = 0, minor = 0, ...rest] = document.version.split('.').map(Number);
  assert.ok(major > 1 || minor >= 9);
  assert.ok(rest.every(Number.isInteger));
  assert.equal(typeof document.mesita_version, 'string');
  assert.equal(JSON.parse((await room.request('GET', '/state')).text).version, document.version);
});

test('quirk 19: /state has pids, leader, ports, labels and flags in the forms that its readers take apart', async () => {
  const { state, ofAgent, agent, room, id, framework } = cluster;
  assert.ok(!('pid' in state.frameworks[0]));
  assert.match(state.leader, /^master@127\.0\.0\.1:\d+$/);
  assert.equal(state.leader, `master@${room.master.address}`);
  assert.equal(state.slaves[0].pid, `slave(1)@${agent.address}`);
  const [up] = state.frameworks[0].tasks;
  assert.equal(up.resources.ports, '[31000-31000]');
  assert.deepEqual(up.labels, [{ key: 'k', value: 'v' }]);
  assert.deepEqual(up.discovery.labels, { labels: [{ key: 'k', value: 'v' }] });
  assert.deepEqual([up.id, up.slave_id, up.framework_id], ['up', id, framework]);
  assert.equal(state.frameworks[0].completed_tasks[0].id, 'over');
  const own = JSON.parse((await ofAgent('/state')).text);
  assert.equal(typeof own.flags.work_dir, 'string');
  const [executor] = own.frameworks[0].executors;
  assert.ok(executor.directory.startsWith(own.flags.work_dir));
  assert.ok(executor.directory.endsWith(`/runs/${executor.container}`));
  assert.equal(executor.tasks[0].id, 'up');
  for (const list of ['completed_executors']) assert.ok(Array.isArray(own.frameworks[0][list]), list);
  assert.ok(Array.isArray(own.completed_frameworks));
  for (const list of ['queued_tasks', 'completed_tasks']) assert.ok(Array.isArray(executor[list]), list);
});

test('quirk 20: TASK_RUNNING has a container id and an address, each status agent and time; equal states in a row are one in /state', async (t) => {
  const { stream, room, id } = cluster;
  const running = statusesOn(stream).find(({ state }) => state === 'TASK_RUNNING');
  assert.match(running?.container_status?.container_id?.value ?? '', /^[0-9a-f-]{36}$/);
  assert.match(running?.container_status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address ?? '', /^[\d.]+$/);
  for (const { agent_id, timestamp } of statusesOn(stream)) {
    assert.equal(agent_id?.value, id);
    assert.ok((timestamp ?? 0) > 1e9);
  }
  const other = await open(t);
  const second = await other.subscribe(frameworkInfo());
  const link = await other.join(agentSubscription({ resources: 'cpus:1;mem:64' }));
  await until('an offer', () => second.records.some(({ offers }) => offers !== undefined));
  const offer = second.records.flatMap(({ offers }) => offers?.offers ?? [])[0];
  assert.ok(offer);
  const { agent_id } = offer;
  const task = { ...dockerTask('t', { agent_id }), resources: resourcesOf('cpus:1;mem:64') };
  const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
  await other.call(second, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  for (const [index, state] of (['TASK_STARTING', 'TASK_RUNNING', 'TASK_RUNNING'] as const).entries()) {
    const uuid = Buffer.alloc(16, 0x41 + index).toString('base64');
    const status = { task_id: { value: 't' }, agent_id, state, uuid, timestamp: 1e9 + index };
    const update = { type: 'UPDATE' as const, framework_id: frameworkOf(second), status, latest_state: state };
    await other.tell(link, [update]);
  }
  const state = JSON.parse((await other.request('GET', '/state')).text);
  assert.deepEqual(
    state.frameworks[0].tasks[0].statuses.map(({ state }: { state: string }) => state),
    ['TASK_STARTING', 'TASK_RUNNING'],
  );
  assert.ok(room.master.address !== other.master.address);
});

test('quirk 24: /files/* take the real path of a sandbox; a directory cannot be downloaded, in those words', async () => {
  const { ofAgent } = cluster;
  const own = JSON.parse((await ofAgent('/state')).text);
  const [executor] = own.frameworks[0].executors;
  const { directory } = executor;
  const { work_dir } = own.flags;
  assert.equal(
    directory,
    `${work_dir}/slaves/${own.id}/frameworks/${own.frameworks[0].id}/executors/${executor.id}/runs/${executor.container}`,
  );
  const path = encodeURIComponent(directory);
  await eventually('its output is listed', async () => {
    const listed: { path: string }[] = JSON.parse((await ofAgent(`/files/browse?path=${path}`)).text);
    return listed.some((file) => file.path === `${directory}/stdout`);
  });
  const read = await ofAgent(`/files/read?path=${path}%2Fstdout&offset=0`);
  assert.equal(read.status, 200);
  const refused = await ofAgent(`/files/download?path=${path}`);
  assert.deepEqual([refused.status, refused.text.trim()], [400, 'Cannot download a directory.']);
});

test('quirk 25: /metrics/snapshot is one flat object of numbers, with master/elected, and takes a timeout', async () => {
  const { room, ofAgent } = cluster;
  const master = JSON.parse((await room.request('GET', '/metrics/snapshot?timeout=100ms')).text);
  const agent = JSON.parse((await ofAgent('/metrics/snapshot?timeout=100ms')).text);
  assert.equal(master['master/elected'], 1);
  for (const [name, value] of [...Object.entries(master), ...Object.entries(agent)])
    assert.equal(typeof value, 'number', name);
  assert.ok(Object.keys(agent).some((name) => name.startsWith('slave/')));
});

test('quirk 26: the leader is found through ZooKeeper by json.info_ nodes, the lowest sequence first', {
  skip: await missingZooKeeper(),
}, async (t) => {
  const zookeeper = await ZooKeeperServers.start();
  t.after(() => zookeeper.close());
  const [host = '', port] = zookeeper.addresses[0]?.split(':') ?? [];
  const session = new ZooKeeperSession({
    servers: [{ host, port: Number(port) }],
    timeout: 10_000,
    leads: false,
    clock: systemClock,
    monotonic: () => performance.now(),
    random: Math.random,
    log: silentLog,
  });
  t.after(() => session.close());
  // One after the other, so that the first one leads; each says where it is.
  for (const number of [1, 2]) {
    const room = await MasterRoom.open([`--zk=${zookeeper.url('/mesos')}`, '--zk_session_timeout=8secs']);
    t.after(() => room.close());
    await eventually('the master stands for election', async () => {
      const names = ((await session.children('/mesos')) ?? []).filter((name) => name !== 'log_replicas').sort();
      assert.equal(names.length, number);
      const data = (await session.get(`/mesos/${names.at(-1)}`))?.data.toString() ?? '';
      const { address, ip, pid } = JSON.parse(data);
      assert.match(names.at(-1) ?? '', /^json\.info_\d{10}$/);
      assert.equal(`${address.ip}:${address.port}`, room.master.address);
      assert.equal(pid, `master@${room.master.address}`);
      assert.equal(ip, 16777343);
      return true;
    });
    await eventually('the first one leads', async () => {
      const { status } = await room.request('GET', '/state');
      return status === (number === 1 ? 200 : 307);
    });
  }
});

test('quirk 28: /state is a script when ?jsonp= asks for one', async (t) => {
  const room = await open(t);
  const { text, headers } = await room.request('GET', '/state?jsonp=show');
  assert.equal(headers['content-type'], 'text/javascript');
  const document = /^show\((.*)\)$/s.exec(text)?.[1];
  assert.ok('frameworks' in JSON.parse(document ?? ''));
});
