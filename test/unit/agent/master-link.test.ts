import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MasterLink } from '../../../agent/master-link.ts';
import type { MasterMessage } from '../../../protocol/agent-link.ts';
import { type Clock, systemClock } from '../../../runtime/clock.ts';
import { KnownMasters, type LeaderSource } from '../../../runtime/leader-source.ts';
import { silentLog } from '../../../runtime/log.ts';
import { agentSubscription } from '../../support/master-messages.ts';
import { ScriptedMaster, type ScriptedRequest } from '../../support/scripted-master.ts';
import { settle, until, VirtualClock } from '../../support/virtual-clock.ts';

const registered: MasterMessage = { type: 'REGISTERED', agent_id: 'S', master_id: 'M', ping_timeout_seconds: 75 };

async function link(
  t: TestContext,
  script: (request: ScriptedRequest, index: number) => void,
  clock: Clock = systemClock,
  leaders: (master: string) => LeaderSource = (master) => new KnownMasters([master]),
) {
  const master = await ScriptedMaster.open(script);
  const received: MasterMessage[] = [];
  const opened: MasterLink = new MasterLink({
    leaders: leaders(master.address),
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

test('of several masters the one is dialled that others send it to, or that takes it in', async (t) => {
  const following = await ScriptedMaster.open((request) => {
    request.response.writeHead(307, { location: `//${leading?.address}/mesita/v1/agent` });
    request.response.end();
  });
  const leaderless = await ScriptedMaster.open((request) => request.answer(503, 'No leader elected'));
  t.after(() => Promise.all([following.close(), leaderless.close()]));
  let leading: ScriptedMaster | undefined;
  const { master, received } = await link(
    t,
    (request) => (isSubscription(request) ? request.stream('s')(registered) : request.answer(202)),
    systemClock,
    // Nobody is on the first one's port.
    () => new KnownMasters(['127.0.0.1:1', leaderless.address, following.address]),
  );
  leading = master;
  await until('it is registered', () => received.length > 0);
  await until('its word arrives there too', () => messagesOf(master, 's').length > 0);
});

test('an agent leaves a master for the next one that is elected, at once', async (t) => {
  const next = await ScriptedMaster.open((request) =>
    isSubscription(request) ? request.stream('s')(registered) : request.answer(202),
  );
  t.after(() => next.close());
  const watchers = new Set<(address: string) => void>();
  let leader = '';
  const { received, master } = await link(
    t,
    (request) => (isSubscription(request) ? request.stream('s')(registered) : request.answer(202)),
    systemClock,
    (address) => {
      leader = address;
      return {
        find: async () => [leader],
        watch: (onElection) => {
          watchers.add(onElection);
          return () => watchers.delete(onElection);
        },
        close: async () => undefined,
      };
    },
  );
  await until('it is registered', () => received.length === 1);
  // The same one again is no reason.
  for (const watcher of watchers) watcher(master.address);
  leader = next.address;
  for (const watcher of watchers) watcher(next.address);
  await until('it is registered with the next one', () => next.requests.some(isSubscription));
  assert.equal(master.requests.filter(isSubscription).length, 1);
});

test('it does so too while it connects to a machine that is gone', async (t) => {
  const next = await ScriptedMaster.open((request) =>
    isSubscription(request) ? request.stream('s')(registered) : request.answer(202),
  );
  t.after(() => next.close());
  const watchers = new Set<(address: string) => void>();
  // Reserved for documentation: nothing answers there, not even with a refusal.
  let leader = '192.0.2.1:5050';
  let asked = 0;
  const clock = new VirtualClock();
  await link(
    t,
    (request) => request.answer(500),
    clock,
    () => ({
      find: async () => {
        asked++;
        return [leader];
      },
      watch: (onElection) => {
        watchers.add(onElection);
        return () => watchers.delete(onElection);
      },
      close: async () => undefined,
    }),
  );
  await until('it asks for the leader', () => asked === 1);
  await settle();
  leader = next.address;
  for (const watcher of watchers) watcher(next.address);
  await until('it is registered with the next one', () => {
    clock.advance(1);
    return next.requests.some(isSubscription);
  });
});
