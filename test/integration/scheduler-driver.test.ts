import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Offer, TaskStatus } from '../../protocol/messages.ts';
import { isTerminal, type SchedulerHandlers, type SchedulerOptions } from '../../scheduler/index.ts';
import { dockerTask } from '../support/agent-room.ts';
import { runDriver, subscribedDriver } from '../support/driver-room.ts';
import { frameworkInfo } from '../support/master-messages.ts';
import { MasterRoom } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until } from '../support/virtual-clock.ts';

async function open(t: TestContext, flags: string[] = []): Promise<MasterRoom> {
  const room = await MasterRoom.open(flags);
  t.after(() => room.close());
  return room;
}

const lasting = frameworkInfo({ failoverTimeout: 60 });

/** Launches one task on the first offer, and notes what becomes of it. */
function oneTask(name: string) {
  const log: string[] = [];
  let launched = false;
  const handlersFor = (driver: () => ReturnType<typeof runDriver>['driver']): SchedulerHandlers => ({
    offers: async (offers: Offer[]) => {
      const [offer] = offers;
      if (launched || offer === undefined) return driver().decline(offers, { refuse_seconds: 0 });
      launched = true;
      await driver().launch([offer], [dockerTask(name, { agent_id: offer.agent_id })], { refuse_seconds: 0 });
    },
    update: (status: TaskStatus, { repeated }) => void log.push(repeated ? `${status.state} again` : status.state),
  });
  return { log, handlersFor };
}

function start(t: TestContext, room: MasterRoom, task: ReturnType<typeof oneTask>, options: Partial<SchedulerOptions>) {
  const run: ReturnType<typeof runDriver> = runDriver(
    t,
    room.master.address,
    task.handlersFor(() => run.driver),
    options,
  );
  return run;
}

for (const mediaType of ['application/json', 'application/x-protobuf'] as const) {
  describe(`on a real master, in ${mediaType}`, () => {
    test('a task goes from its offer to its acknowledged end', async (t) => {
      const room = await open(t);
      const { agent } = await agentOf(t, room);
      const task = oneTask('t1');
      const { driver, end } = start(t, room, task, { mediaType });
      await until('it is over', () => task.log.at(-1) === 'TASK_FINISHED');
      await until('the agent knows that it is', () => agent.state.tasks.size === 0);
      assert.deepEqual(task.log, ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
      await driver.teardown();
      assert.equal(await end, undefined);
      assert.equal(room.master.state.frameworks.size, 0);
    });

    test('each call is taken', async (t) => {
      const room = await open(t);
      const { driver } = await subscribedDriver(t, room.master.address, {}, { mediaType });
      await driver.decline([]);
      await driver.acceptInverseOffers([]);
      await driver.declineInverseOffers([]);
      await driver.suppress();
      await driver.revive();
      await driver.request([]);
      await driver.kill('nothing');
      await driver.shutdown('nobody', 'nowhere');
      await driver.message('nobody', 'nowhere', Buffer.from('hello'));
      await driver.reconcile();
      await driver.reconcileOperations();
      await driver.updateFramework(frameworkInfo({ name: 'renamed' }));
      assert.equal([...room.master.state.frameworks.values()][0]?.info.name, 'renamed');
      const wrong = { task_id: { value: 't' }, agent_id: { value: 'S' }, state: 'TASK_RUNNING' as const, uuid: 'AAAA' };
      await assert.rejects(driver.acknowledge(wrong), { code: 'MESITA_MASTER_REFUSED' });
    });

    test('a framework fails over by its id, and the old driver is told', async (t) => {
      const room = await open(t);
      const kept: string[] = [];
      const options = { mediaType, framework: lasting, keepId: (id: string) => void kept.push(id) };
      const old = await subscribedDriver(t, room.master.address, {}, options);
      const [id = ''] = kept;
      const framework = frameworkInfo({ id, failoverTimeout: 60 });
      const fresh = await subscribedDriver(t, room.master.address, {}, { mediaType, framework });
      assert.equal((await old.end)?.code, 'MESITA_FRAMEWORK_FAILED_OVER');
      await fresh.driver.teardown();
      const late = runDriver(t, room.master.address, {}, { mediaType, framework });
      assert.equal((await late.end)?.code, 'MESITA_FRAMEWORK_REMOVED');
    });

    test('reconciliation after a failover tells of tasks that run and of those that never were', async (t) => {
      const room = await open(t);
      await agentOf(t, room, { program: () => ({}) });
      const task = oneTask('t1');
      const first = start(t, room, task, { mediaType, framework: lasting });
      await until('it runs', () => task.log.at(-1) === 'TASK_RUNNING');
      first.driver.stop();
      await first.end;
      const heard = new Map<string, TaskStatus>();
      const framework = frameworkInfo({ id: first.driver.frameworkId ?? '', failoverTimeout: 60 });
      const reconcile = () => [{ task_id: { value: 't1' } }, { task_id: { value: 'never' } }];
      runDriver(
        t,
        room.master.address,
        { update: (status) => void heard.set(status.task_id.value, status) },
        { mediaType, framework, reconcile },
      );
      await until('both answers', () => heard.size === 2);
      assert.deepEqual([...heard.values()].map(({ state }) => state).sort(), ['TASK_LOST', 'TASK_RUNNING']);
    });
  });
}

test('a handler that fails leaves its update unacknowledged: the next life hears it again', async (t) => {
  const room = await open(t);
  const { agent } = await agentOf(t, room);
  const task = oneTask('t1');
  const failing: ReturnType<typeof runDriver> = runDriver(
    t,
    room.master.address,
    {
      ...task.handlersFor(() => failing.driver),
      update: () => Promise.reject(new Error('no room to write it down')),
    },
    { framework: lasting },
  );
  assert.equal((await failing.end)?.message, 'no room to write it down');
  assert.equal(agent.state.tasks.size, 1);
  const states: string[] = [];
  const framework = frameworkInfo({ id: failing.driver.frameworkId ?? '', failoverTimeout: 60 });
  runDriver(t, room.master.address, { update: ({ state }) => void states.push(state) }, { framework });
  await until('all has been told', () => agent.state.tasks.size === 0);
  assert.deepEqual(states, ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
});

test('a slow handler keeps the order, and the stream is read meanwhile', async (t) => {
  const room = await open(t);
  const { agent } = await agentOf(t, room);
  const task = oneTask('t1');
  const log: string[] = [];
  const { promise: wait, resolve: go } = Promise.withResolvers<void>();
  const run: ReturnType<typeof runDriver> = runDriver(t, room.master.address, {
    ...task.handlersFor(() => run.driver),
    update: async ({ state }) => {
      log.push(`>${state}`);
      await wait;
      log.push(`<${state}`);
    },
  });
  await until('the first update', () => log.length === 1);
  await run.driver.reconcile();
  go();
  await until('all is over', () => agent.state.tasks.size === 0);
  const handled = log.filter((_, index) => index % 2 === 0);
  assert.deepEqual(
    log,
    handled.flatMap((begin) => [begin, begin.replace('>', '<')]),
  );
  assert.ok(isTerminal('TASK_FINISHED') && handled.at(-1) === '>TASK_FINISHED');
});

test('redirects of two masters that do not lead bring it to the one that does', async (t) => {
  const room = await open(t);
  const redirecting = async (target: () => string): Promise<string> => {
    const server: Server = createServer((request, response) => {
      response.writeHead(307, { Location: `//${target()}${request.url}`, 'Content-Length': '0' });
      response.end();
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const second = await redirecting(() => room.master.address);
  const first = await redirecting(() => second);
  const { driver } = await subscribedDriver(t, first);
  await driver.revive();
  assert.equal(room.master.state.frameworks.size, 1);
});

test('a connection that is cut, also within a record, is made again under the same id', async (t) => {
  const room = await open(t);
  const proxy = await CuttingProxy.open(t, room.master.address);
  let subscriptions = 0;
  const handlers = { subscribed: () => void subscriptions++ };
  proxy.cutAfter = 20;
  const { driver } = runDriver(t, proxy.address, handlers, { framework: lasting, patient: true });
  await until('the first bytes have come', () => proxy.cuts > 0);
  proxy.cutAfter = undefined;
  await until('it is subscribed', () => subscriptions === 1);
  const id = driver.frameworkId;
  proxy.cut();
  await until('it is subscribed again', () => subscriptions === 2);
  assert.equal(driver.frameworkId, id);
});

test('a master that comes back at its address, knowing nothing, takes the framework by its id', async (t) => {
  const first = await open(t);
  const port = first.master.address.split(':')[1];
  let subscriptions = 0;
  const handlers = { subscribed: () => void subscriptions++ };
  const { driver } = runDriver(t, first.master.address, handlers, { framework: lasting });
  await until('it is subscribed', () => subscriptions === 1);
  const id = driver.frameworkId;
  await first.close();
  const second = await open(t, [`--port=${port}`]);
  await until('it is subscribed again', () => subscriptions === 2);
  assert.equal(driver.frameworkId, id);
  assert.deepEqual([...second.master.state.frameworks.keys()], [id]);
  await driver.revive();
});

/** A TCP proxy that cuts its connections. */
class CuttingProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcpServer();
  /** Bytes of the master's that pass before a connection is cut; whole ones when undefined. */
  cutAfter: number | undefined;
  cuts = 0;

  static async open(t: TestContext, target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy();
    const [host = '', port] = target.split(':');
    proxy.#server.on('connection', (near) => proxy.#join(near, connect({ host, port: Number(port) })));
    proxy.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.#server.once('listening', resolve));
    t.after(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    near.pipe(far);
    far.on('data', (data: Buffer) => {
      // The head of the answer and the first bytes of the first record.
      const end = this.cutAfter === undefined ? -1 : data.indexOf('\r\n\r\n');
      if (this.cutAfter === undefined || end === -1) return void near.write(data);
      near.end(data.subarray(0, end + this.cutAfter));
      far.destroy();
      this.cuts++;
    });
    for (const [socket, peer] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (socket === far) peer.end();
        else peer.destroy();
      });
    }
  }
}
