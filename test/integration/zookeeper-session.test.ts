import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { creatorsAccess, openAccess, readableAccess } from '../../runtime/zookeeper/operations.ts';
import { type SessionOptions, ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { parseZooKeeperUrl } from '../../runtime/zookeeper/zookeeper-url.ts';
import { eventually } from '../support/eventually.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';

const skip = await missingZooKeeper();
const access = openAccess;

describe('a session with a real ZooKeeper', { skip, timeout: 120_000 }, () => {
  let servers: ZooKeeperServers;
  before(async () => {
    servers = await ZooKeeperServers.start();
  });
  after(() => servers?.close());

  function open(t: TestContext, more: Partial<SessionOptions> = {}, url = servers.url('/x')): ZooKeeperSession {
    const parsed = parseZooKeeperUrl(url);
    assert.ok('value' in parsed);
    const session = new ZooKeeperSession({
      servers: parsed.value.servers,
      credentials: parsed.value.credentials,
      timeout: 4_000,
      leads: false,
      clock: systemClock,
      monotonic: () => performance.now(),
      random: Math.random,
      log: silentLog,
      ...more,
    });
    t.after(() => session.close());
    return session;
  }

  test('makes, reads, changes and lists nodes', async (t) => {
    const session = open(t);
    await session.createPath('/one/two', access);
    await session.createPath('/one/two', access);
    const made = await session.create('/one/two/n_', Buffer.from('é'), { access, sequential: true });
    assert.equal(made, '/one/two/n_0000000000');
    assert.deepEqual(await session.get(made), { data: Buffer.from('é'), version: 0, owner: 0n });
    assert.equal(await session.set(made, Buffer.from('b'), 0), 1);
    await assert.rejects(session.set(made, Buffer.from('c'), 0), { problem: 'bad version' });
    assert.deepEqual(await session.children('/one/two'), ['n_0000000000']);
    assert.equal(await session.get('/nothing'), undefined);
    assert.equal(await session.children('/nothing'), undefined);
    await assert.rejects(session.create('/one', Buffer.alloc(0), { access }), { problem: 'node exists' });
  });

  test('makes all of several changes or none', async (t) => {
    const session = open(t);
    const data = Buffer.from('x');
    await session.multi([
      { type: 'create', path: '/multi', data, options: { access } },
      { type: 'create', path: '/multi/a', data, options: { access } },
      { type: 'set', path: '/multi', data: Buffer.from('y') },
      { type: 'check', path: '/multi/a', version: 0 },
    ]);
    const changes = [
      { type: 'set', path: '/multi/a', data: Buffer.from('z') },
      { type: 'check', path: '/multi', version: 0 },
      { type: 'remove', path: '/multi/a' },
    ] as const;
    await assert.rejects(session.multi(changes), { problem: 'bad version' });
    assert.deepEqual((await session.get('/multi/a'))?.data, data);
    await session.multi([
      { type: 'check', path: '/multi', version: 1 },
      { type: 'remove', path: '/multi/a' },
    ]);
    assert.deepEqual(await session.children('/multi'), []);
  });

  test('tells once that the children of a node changed', async (t) => {
    const [session, other] = [open(t), open(t)];
    await session.createPath('/watched', access);
    let called = 0;
    await session.children('/watched', () => called++);
    await other.create('/watched/a', Buffer.alloc(0), { access });
    await other.create('/watched/b', Buffer.alloc(0), { access });
    await eventually('the watch is called', () => called > 0);
    assert.equal(called, 1);
  });

  test('takes what it owns with it, at once when it is closed', async (t) => {
    const [session, other] = [open(t), open(t)];
    await session.create('/mine', Buffer.alloc(0), { access, ephemeral: true });
    assert.equal((await other.get('/mine'))?.owner, session.id);
    await session.close();
    assert.equal(await other.get('/mine'), undefined);
    assert.equal(session.good, false);
    await assert.rejects(session.get('/mine'), { problem: 'session over' });
  });

  test('what is made with credentials is for those who have them', async (t) => {
    const [owner, other] = [open(t, {}, servers.url('/x', 'me:secret')), open(t)];
    const again = open(t, {}, servers.url('/x', 'me:secret'));
    await owner.create('/private', Buffer.from('p'), { access: creatorsAccess });
    await owner.create('/shown', Buffer.from('s'), { access: readableAccess });
    assert.deepEqual((await again.get('/private'))?.data, Buffer.from('p'));
    await assert.rejects(other.get('/private'), { problem: 'not permitted', code: 'MESITA_ZOOKEEPER_REFUSED' });
    assert.deepEqual((await other.get('/shown'))?.data, Buffer.from('s'));
    await assert.rejects(other.set('/shown', Buffer.alloc(0)), { problem: 'not permitted' });
  });

  test('goes on with the same session when a connection breaks, and calls its watches', async (t) => {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    const session = open(t, { leads: true }, `zk://${proxy.address}/x`);
    await session.create('/kept', Buffer.alloc(0), { access, ephemeral: true });
    const { id } = session;
    let called = 0;
    await session.children('/kept', () => called++);
    proxy.cut();
    await eventually('the watch is called', () => called === 1);
    const asked = session.get('/kept');
    assert.ok(session.good);
    proxy.restore();
    assert.equal((await asked)?.owner, id);
    assert.equal(session.id, id);
  });

  for (const leads of [true, false])
    test(`is over by its own clock before the servers end it, when nobody answers (leads: ${leads})`, async (t) => {
      const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
      t.after(() => proxy.close());
      const session = open(t, { timeout: 1_500, leads }, `zk://${proxy.address}/x`);
      const other = open(t);
      await session.create(`/brief-${leads}`, Buffer.alloc(0), { access, ephemeral: true });
      const gone = Promise.withResolvers<boolean>();
      const watch = async (): Promise<void> => {
        const names = (await other.children('/', () => void watch())) ?? [];
        if (!names.includes(`brief-${leads}`)) gone.resolve(session.good);
      };
      await watch();
      // Nothing is closed: what is sent does not arrive.
      proxy.hold();
      assert.equal(await gone.promise, false, 'it took its session for good when the servers had ended it');
      await eventually('the session is over', () => session.over.aborted);
      await assert.rejects(session.get('/'), { problem: 'session over', code: 'MESITA_ZOOKEEPER_UNREACHABLE' });
    });

  test('finds its servers when they come later', async (t) => {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    proxy.cut();
    const session = open(t, {}, `zk://${proxy.address}/x`);
    const asked = session.children('/');
    assert.equal(session.good, false);
    proxy.restore();
    assert.ok(await asked);
    assert.ok(session.good);
  });

  test('closes also where it never met a server', async (t) => {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    proxy.hold();
    const session = open(t, {}, `zk://${proxy.address}/x`);
    const asked = session.children('/');
    const refused = assert.rejects(asked, { problem: 'session over' });
    await session.close();
    await refused;
  });
});

describe('a session with one of three servers', { skip, timeout: 120_000 }, () => {
  let servers: ZooKeeperServers;
  before(async () => {
    servers = await ZooKeeperServers.start(3, { isolable: true });
  });
  after(() => servers?.close());

  test('that leads is not good any more when the others have ended it, though its own server still answers', async (t) => {
    const cutOff = ((await servers.leader()) % 3) + 1;
    const [near, far] = [cutOff, (cutOff % 3) + 1].map((number) => servers.addresses[number - 1] ?? '');
    const open = (address = '', leads = true) => {
      const [host = '', port] = address.split(':');
      const opened = new ZooKeeperSession({
        servers: [{ host, port: Number(port) }],
        timeout: 2_000,
        leads,
        clock: systemClock,
        monotonic: () => performance.now(),
        random: Math.random,
        log: silentLog,
      });
      t.after(() => opened.close());
      return opened;
    };
    const [leading, other] = [open(near), open(far, false)];
    await leading.create('/leading', Buffer.alloc(0), { access, ephemeral: true });
    const gone = Promise.withResolvers<boolean>();
    // Its server may hear of the node a moment after the others.
    const seen = Promise.withResolvers<void>();
    let isSeen = false;
    const watch = async (): Promise<void> => {
      const names = (await other.children('/', () => void watch())) ?? [];
      if (names.includes('leading')) {
        isSeen = true;
        seen.resolve();
      } else if (isSeen) gone.resolve(leading.good);
    };
    await watch();
    await seen.promise;
    servers.isolate(cutOff);
    assert.equal(await gone.promise, false, 'it took its session for good when the servers had ended it');
  });
});
