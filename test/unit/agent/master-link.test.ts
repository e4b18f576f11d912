import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MasterLink } from '../../../agent/master-link.ts';
import type { MasterMessage } from '../../../protocol/agent-link.ts';
import { type Clock, systemClock } from '../../../runtime/clock.ts';
import { KnownMasters } from '../../../runtime/leader-source.ts';
import { silentLog } from '../../../runtime/log.ts';
import { agentSubscription } from '../../support/master-messages.ts';
import { ScriptedMaster, type ScriptedRequest } from '../../support/scripted-master.ts';
import { settle, until, VirtualClock } from '../../support/virtual-clock.ts';

const registered: MasterMessage = { type: 'REGISTERED', agent_id: 'S', master_id: 'M', ping_timeout_seconds: 75 };

async function link(
  t: TestContext,
  script: (request: ScriptedRequest, index: number) => void,
  clock: Clock = systemClock,
) {
  const master = await ScriptedMaster.open(script);
  const received: MasterMessage[] = [];
  const opened: MasterLink = new MasterLink({
    leaders: new KnownMasters([master.address]),
    clock,
    random: () => 0,
    log: silentLog,
    backoff: 1,
    subscription: () => agentSubscription({ resources: 'cpus:1' }),
    onMessage: (message) => {
      received.push(message);
      if (message.type === 'REGISTERED')
        opened.send({
          type: 'UPDATE',
          framework_id: 'F',
          status: { task_id: { value: 't' }, state: 'TASK_RUNNING' },
          latest_state: 'TASK_RUNNING',
        });
    },
    onBroken: () => undefined,
  });
  const over = opened.run();
  t.after(async () => {
    await opened.stop();
    await over;
    await master.close();
  });
  return { master, received, link: opened };
}

const isSubscription = ({ path }: ScriptedRequest) => path === '/mesita/v1/agent';
const messagesOf = (master: ScriptedMaster, stream: string) =>
  master.requests.filter((request) => !isSubscription(request) && request.headers['mesos-stream-id'] === stream);

test('what the agent says goes out in order, one POST at a time', async (t) => {
  const waiting: ScriptedRequest[] = [];
  const { master, link: opened } = await link(t, (request) => {
    if (isSubscription(request)) request.stream('s')(registered);
    else waiting.push(request);
  });
  await until('the first message', () => waiting.length === 1);
  opened.send({ type: 'PONG' });
  opened.send({ type: 'UNREGISTER' });
  waiting[0]?.answer(202);
  await until('the rest', () => waiting.length === 2);
  assert.deepEqual(waiting[1]?.body, [{ type: 'PONG' }, { type: 'UNREGISTER' }]);
  waiting[1]?.answer(202);
  assert.equal(messagesOf(master, 's').length, 2);
});

test('a PING is answered', async (t) => {
  const { master } = await link(t, (request) => {
    if (!isSubscription(request)) return request.answer(202);
    const write = request.stream('s');
    write(registered);
    write({ type: 'PING' });
  });
  await until('the PONG', () =>
    messagesOf(master, 's').some(({ body }) => body.some(({ type }: { type: string }) => type === 'PONG')),
  );
});

test('a POST that hangs on a broken link does not hold up the next link', async (t) => {
  let subscriptions = 0;
  const { master } = await link(t, (request) => {
    if (isSubscription(request)) {
      const count = ++subscriptions;
      request.stream(`s${count}`)(registered);
      if (count === 1) setTimeout(() => request.response.destroy(), 20);
    } else if (request.headers['mesos-stream-id'] === 's2') {
      request.answer(202);
    }
  });
  await until('the message on the second link', () => messagesOf(master, 's2').length > 0);
  assert.equal(messagesOf(master, 's1').length, 1);
});

test('a POST that is refused breaks the link, and the agent dials again', async (t) => {
  let subscriptions = 0;
  const { master } = await link(t, (request) => {
    if (isSubscription(request)) request.stream(`s${++subscriptions}`)(registered);
    else request.answer(request.headers['mesos-stream-id'] === 's1' ? 403 : 202);
  });
  await until('the message on the second link', () => messagesOf(master, 's2').length > 0);
});

test('a master that refuses, answers rubbish or is away is dialled again', async (t) => {
  const { received } = await link(t, (request, index) => {
    if (!isSubscription(request)) return request.answer(202);
    if (index === 0) return request.answer(400, 'no');
    if (index === 1) return void request.response.destroy();
    if (index === 2) {
      request.response.writeHead(200);
      return void request.response.end('x\nrubbish');
    }
    if (index === 3) {
      request.response.writeHead(200);
      return void request.response.write('3\n{{{');
    }
    request.stream('s')(registered);
  });
  await until('it is registered', () => received.length === 1);
});

test('a master that says nothing for its own ping timeout is dialled again', async (t) => {
  const clock = new VirtualClock();
  const { master, received } = await link(
    t,
    (request) =>
      isSubscription(request) ? request.stream('s')({ ...registered, ping_timeout_seconds: 100 }) : request.answer(202),
    clock,
  );
  await until('it is registered', () => received.length === 1);
  clock.advance(99_000);
  assert.equal(received.length, 1);
  clock.advance(1_000);
  await until('it waits to dial', () => {
    clock.advance(1);
    return received.length === 2;
  });
  assert.equal(master.requests.filter(isSubscription).length, 2);
});

test('an agent that the master wants nothing to do with dials no more', async (t) => {
  const clock = new VirtualClock();
  const shutdown: MasterMessage = { type: 'SHUTDOWN', message: 'Agent has been marked gone' };
  const { master, received, link: opened } = await link(t, (request) => request.stream('s')(shutdown), clock);
  await until('the message', () => received.length === 1);
  opened.hangUp();
  await until('the connection is closed', () => master.requests.length === 1);
  clock.advance(100_000);
  opened.send({ type: 'UNREGISTER' });
  await settle();
  assert.equal(master.requests.length, 1);
});
