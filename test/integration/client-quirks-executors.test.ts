// What clients in the field depend on, fourth part: executors and nested sessions. Each test's number is that of the line in the
// list of quirks.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { uuidToBase64 } from '../../protocol/ids.ts';
import type { ExecutorEvent, Offer, SchedulerEvent, TaskInfo } from '../../protocol/messages.ts';
import { dockerTask, image } from '../support/agent-room.ts';
import type { FakeSession } from '../support/fake-engine.ts';
import { type ExecutorHearing, HttpExecutor } from '../support/http-executor.ts';
import { frameworkInfo, resourcesOf } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { OperatorClient, stdin } from '../support/operator-client.ts';
import { executorInfo, executorTask } from '../support/room-executor.ts';
import { agentOf } from '../support/task-cluster.ts';
import { settle, until, VirtualClock } from '../support/virtual-clock.ts';

/** A master, an agent, and a framework that was offered what the agent has. */
async function cluster(t: TestContext, options: Parameters<typeof agentOf>[2], info: object = frameworkInfo()) {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  const { agent, engine, id } = await agentOf(t, room, options);
  const stream = await room.subscribe(info);
  const offers = (): Offer[] => stream.records.flatMap((event) => event.offers?.offers ?? []);
  await until('an offer', () => offers().length > 0);
  const launch = async (task: TaskInfo) => {
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [{ ...task, agent_id: { value: id } }] } }];
    const offer_ids = [offers()[0]?.id];
    assert.equal((await room.call(stream, { type: 'ACCEPT', accept: { offer_ids, operations } })).status, 202);
  };
  return { room, agent, engine, id, stream, launch };
}

const statusesOn = (stream: OpenStream<SchedulerEvent>) =>
  stream.records.flatMap(({ update }) => (update === undefined ? [] : [update.status]));

/** A cluster on which a custom executor is subscribed, with the environment that its process has. */
async function withExecutor(t: TestContext, checkpoint: boolean) {
  const clock = new VirtualClock();
  let ticking: NodeJS.Timeout | undefined;
  // An agent takes its time to stop.
  t.after(() => {
    ticking = setInterval(() => clock.advance(100), 1);
  });
  const info = { ...frameworkInfo({ failoverTimeout: 60 }), checkpoint };
  const made = await cluster(t, { program: () => ({}), flags: [`--default_image=${image}`], clock }, info);
  t.after(() => clearInterval(ticking));
  const framework_id = { value: frameworkOf(made.stream) };
  const executor = executorInfo('the executor', { framework_id });
  await made.launch(executorTask('t', executor, { resources: resourcesOf('cpus:0.5;mem:64') }));
  const record = () => [...made.agent.state.executors.values()][0];
  await until('it runs', () => record()?.phase === 'running');
  const environment = made.engine.container(record()?.containerName ?? '')?.spec.environment ?? {};
  const client = new HttpExecutor(environment.MESOS_AGENT_ENDPOINT ?? '');
  t.after(() => client.close());
  const ids = { executor_id: executor.executor_id, framework_id };
  const heard = await client.subscribe({ ...ids, type: 'SUBSCRIBE', subscribe: {} });
  await until('its task', () => of(heard, 'LAUNCH').length === 1);
  return { ...made, clock, environment, client, ids, heard };
}

const uuid = uuidToBase64('00112233-4455-4677-8899-aabbccddeeff');

const of = (heard: ExecutorHearing, type: ExecutorEvent['type']) => heard.events.filter((event) => event.type === type);

test('quirk 22: executors find the ids of SUBSCRIBED in their environment, and durations like 5secs', async (t) => {
  const { environment, heard, id, stream } = await withExecutor(t, true);
  const [first] = heard.events;
  assert.equal(first?.type, 'SUBSCRIBED');
  const { executor_info, framework_info, agent_info } = first?.subscribed ?? {};
  assert.deepEqual(
    [environment.MESOS_EXECUTOR_ID, environment.MESOS_FRAMEWORK_ID, environment.MESOS_SLAVE_ID],
    [executor_info?.executor_id.value, framework_info?.id?.value, agent_info?.id?.value],
  );
  assert.deepEqual([executor_info?.executor_id.value, agent_info?.id?.value], ['the executor', id]);
  assert.equal(framework_info?.id?.value, frameworkOf(stream));
  assert.equal(environment.MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD, '5secs');
  assert.equal(environment.MESOS_CHECKPOINT, '1');
  for (const name of ['MESOS_RECOVERY_TIMEOUT', 'MESOS_SUBSCRIPTION_BACKOFF_MAX'])
    assert.match(environment[name] ?? '', /^\d+(\.\d+)?(ns|us|ms|secs|mins|hrs|days|weeks)$/, name);
});

test('quirk 22: without checkpoint, too, executors are told to wait for their agent', async (t) => {
  const { environment } = await withExecutor(t, false);
  const { MESOS_CHECKPOINT, MESOS_RECOVERY_TIMEOUT, MESOS_SUBSCRIPTION_BACKOFF_MAX } = environment;
  const told = [MESOS_CHECKPOINT, MESOS_RECOVERY_TIMEOUT, MESOS_SUBSCRIPTION_BACKOFF_MAX];
  assert.deepEqual(told, ['1', '15mins', '2secs']);
});

test('quirk 22: ACKNOWLEDGED has the 16 bytes of the update’s uuid; no HEARTBEAT comes in the first 30 minutes', async (t) => {
  const { client, ids, heard, clock } = await withExecutor(t, true);
  const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid };
  const answer = await client.call({ ...ids, type: 'UPDATE', update: { status } });
  assert.deepEqual([answer.status, answer.text], [202, '']);
  await until('the acknowledgement', () => of(heard, 'ACKNOWLEDGED').length === 1);
  assert.deepEqual(of(heard, 'ACKNOWLEDGED')[0]?.acknowledged, { task_id: { value: 't' }, uuid });
  assert.equal(Buffer.from(uuid, 'base64').length, 16);
  const minute = 60_000;
  clock.advance(30 * minute - 1);
  await settle();
  // What follows a HEARTBEAT on the stream shows that there was none.
  await client.call({ ...ids, type: 'UPDATE', update: { status } });
  await until('another acknowledgement', () => of(heard, 'ACKNOWLEDGED').length === 2);
  assert.equal(of(heard, 'HEARTBEAT').length, 0);
  clock.advance(1);
  await until('a heartbeat', () => of(heard, 'HEARTBEAT').length === 1);
});

test('quirk 20: the agent fills in what an executor leaves out of a status', async (t) => {
  const { client, ids, id, stream, clock } = await withExecutor(t, true);
  const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid };
  assert.equal((await client.call({ ...ids, type: 'UPDATE', update: { status } })).status, 202);
  await until('the update', () => statusesOn(stream).some(({ state }) => state === 'TASK_RUNNING'));
  const told = statusesOn(stream).find(({ state }) => state === 'TASK_RUNNING');
  assert.deepEqual([told?.agent_id, told?.timestamp, told?.uuid], [{ value: id }, clock.now() / 1000, uuid]);
  assert.match(told?.container_status?.container_id?.value ?? '', /^[0-9a-f-]{36}$/);
  assert.match(told?.container_status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address ?? '', /^[\d.]+$/);
});

/** `echo` repeats its input in capitals until that ends, and exits with 3; anything else waits to be killed. */
const shell: FakeSession = async ({ command, sinks, input }) => {
  if (command.at(-1) !== 'echo') return new Promise(() => undefined);
  for await (const chunk of input) sinks.stdout.write(String(chunk).toUpperCase());
  return 3;
};

/** A cluster with a running task, and a client of the agent’s operator API. */
async function withTask(t: TestContext) {
  const { launch, agent } = await cluster(t, { program: () => ({}), session: shell });
  await launch(dockerTask('t', { resources: resourcesOf('cpus:0.5;mem:64') }));
  const task = () => [...agent.state.tasks.values()][0];
  await until('it runs', () => task()?.phase === 'running');
  const client = new OperatorClient(agent.address);
  t.after(() => client.close());
  const nested = (value: string) => ({ value, parent: { value: task()?.containerId ?? '' } });
  return { client, nested };
}

test('quirk 9: container input and output sessions are application/recordio with Message-Content-Type', async (t) => {
  const { client, nested } = await withTask(t);
  const [recordio, json] = ['application/recordio', 'application/json'];
  const container_id = nested('s');
  const launch = { type: 'LAUNCH_NESTED_CONTAINER_SESSION' };
  for (const [index, media] of [json, 'application/x-protobuf'].entries()) {
    const content = { container_id: nested(`s${index}`), command: { value: 'wait' } };
    const headers = { 'content-type': json, accept: recordio, 'message-accept': media };
    const call = { ...launch, launch_nested_container_session: content };
    const answer = await client.send(call, headers);
    assert.equal(answer.headers['content-type'], recordio);
    assert.equal(answer.headers['message-content-type'], media);
    answer.body.destroy();
  }
  const output = await client.open(launch.type, { container_id, command: { value: 'echo' } });
  const attached = await client.open('ATTACH_CONTAINER_OUTPUT', { container_id });
  for (const { headers } of [output, attached])
    assert.deepEqual([headers['content-type'], headers['message-content-type']], [recordio, json]);
  const input = { type: 'ATTACH_CONTAINER_INPUT', attach_container_input: { type: 'CONTAINER_ID', container_id } };
  for (const [headers, status] of [
    [{ 'content-type': json }, 415],
    [{ 'content-type': recordio }, 400],
    [{ 'content-type': recordio, 'message-content-type': recordio }, 415],
  ] as const) {
    const answer = await client.send(input, headers);
    assert.equal(answer.statusCode, status, JSON.stringify(headers));
    await answer.body.dump();
  }
  await (await client.attachInput(container_id, stdin('a'), stdin(''))).body.dump();
  await Promise.all([output.ended, attached.ended]);
});

test('quirk 23: nested sessions stream RecordIO both ways, and WAIT tells a wait(2) status', async (t) => {
  const { client, nested } = await withTask(t);
  const container_id = nested('s');
  const session = await client.open('LAUNCH_NESTED_CONTAINER_SESSION', { container_id, command: { value: 'echo' } });
  assert.deepEqual([session.statusCode, session.headers['transfer-encoding']], [200, 'chunked']);
  for (const parts of [[stdin('hello ')], [stdin('world'), stdin('')]]) {
    const answer = await client.attachInput(container_id, ...parts);
    assert.deepEqual([answer.statusCode, answer.headers['content-length']], [200, '0']);
    await answer.body.dump();
  }
  await session.ended;
  assert.equal(session.text('STDOUT'), 'HELLO WORLD');
  const status = async (id: object) =>
    JSON.parse((await client.call('WAIT_NESTED_CONTAINER', { container_id: id }))[1]).wait_nested_container.exit_status;
  assert.equal(await status(container_id), 3 << 8);
  const killed = nested('killed');
  await client.call('LAUNCH_NESTED_CONTAINER', { container_id: killed, command: { value: 'wait' } });
  const waiting = status(killed);
  await client.call('KILL_NESTED_CONTAINER', { container_id: killed });
  assert.equal(await waiting, 9);
});
