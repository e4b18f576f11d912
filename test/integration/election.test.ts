import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Candidacy } from '../../master/election/candidacy.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openLeaderSource } from '../../runtime/leader-source.ts';
import { silentLog } from '../../runtime/log.ts';
import { openAccess } from '../../runtime/zookeeper/operations.ts';
import { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { parseZooKeeperUrl } from '../../runtime/zookeeper/zookeeper-url.ts';
import { eventually } from '../support/eventually.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';

const skip = await missingZooKeeper();
const forEver = new AbortController().signal;

describe('an election in a real ZooKeeper', { skip, timeout: 120_000 }, () => {
  let servers: ZooKeeperServers;
  before(async () => {
    servers = await ZooKeeperServers.start();
  });
  after(() => servers?.close());

  const common = {
    clock: systemClock,
    monotonic: () => performance.now(),
    random: Math.random,
    log: silentLog,
  };

  function stand(t: TestContext, port: number, url = servers.url('/mesos'), sessionTimeout = 4_000): Candidacy {
    const parsed = parseZooKeeperUrl(url);
    assert.ok('value' in parsed);
    const info = {
      id: `M${port}`,
      ip: 16777343,
      port,
      pid: `master@127.0.0.1:${port}`,
      hostname: 'localhost',
      version: '1.11.0',
      address: { hostname: 'localhost', ip: '127.0.0.1', port },
      capabilities: [{ type: 'AGENT_UPDATE' as const }],
    };
    const candidacy = new Candidacy({ url: parsed.value, sessionTimeout, info, ...common });
    t.after(() => candidacy.close());
    return candidacy;
  }

  function look(t: TestContext, master = servers.url('/mesos')) {
    const source = openLeaderSource(master, { sessionTimeout: 4_000, ...common });
    t.after(() => source.close());
    return source;
  }

  function session(t: TestContext): ZooKeeperSession {
    const [host = '', port] = servers.addresses[0]?.split(':') ?? [];
    const opened = new ZooKeeperSession({
      servers: [{ host, port: Number(port) }],
      timeout: 4_000,
      leads: false,
      ...common,
    });
    t.after(() => opened.close());
    return opened;
  }

  test('is won by whoever came first; the others know who leads, and follow in their order', async (t) => {
    const first = stand(t, 1001);
    const term = await first.elected;
    assert.ok(term.holds());
    assert.equal(first.leader, 'self');
    const second = stand(t, 1002);
    const known = { hostname: 'localhost', ip: '127.0.0.1', port: 1001 };
    await eventually('the second knows', () => second.leader !== undefined);
    assert.deepEqual(second.leader, { ...known, name: 'json.info_0000000000' });
    const third = stand(t, 1003);
    await eventually('the third knows', () => third.leader !== undefined);
    await first.close();
    assert.equal(term.holds(), false);
    assert.equal(term.over.aborted, false);
    await second.elected;
    await eventually('the third knows', () => third.leader !== 'self' && third.leader?.port === 1002);
  });

  test('leaves nodes as Mesos’ masters write them', async (t) => {
    const path = '/deep/down/mesos';
    const candidacy = stand(t, 1001, servers.url(path));
    const client = session(t);
    await candidacy.elected;
    await client.createPath(`${path}/log_replicas`, openAccess);
    assert.deepEqual((await client.children(path))?.sort(), ['json.info_0000000000', 'log_replicas']);
    const node = await client.get(`${path}/json.info_0000000000`);
    assert.equal(
      node?.data.toString(),
      '{"address":{"hostname":"localhost","ip":"127.0.0.1","port":1001},"capabilities":[{"type":"AGENT_UPDATE"}],"hostname":"localhost","id":"M1001","ip":16777343,"pid":"master@127.0.0.1:1001","port":1001,"version":"1.11.0"}',
    );
    assert.notEqual(node?.owner, 0n);
  });

  test('shows its nodes to everybody, and lets nobody else change them, where there are credentials', async (t) => {
    const candidacy = stand(t, 1001, servers.url('/guarded', 'mesos:secret'));
    await candidacy.elected;
    const [address] = await look(t, servers.url('/guarded')).find(forEver);
    assert.equal(address, '127.0.0.1:1001');
    const other = session(t);
    const name = (await other.children('/guarded'))?.[0] ?? '';
    await assert.rejects(other.multi([{ type: 'remove', path: `/guarded/${name}` }]), { problem: 'not permitted' });
  });

  test('is lost at once by a leader whose node is taken away', async (t) => {
    const first = stand(t, 1001, servers.url('/taken'));
    const term = await first.elected;
    const second = stand(t, 1002, servers.url('/taken'));
    await eventually('the second knows', () => second.leader !== undefined);
    const client = session(t);
    const [lowest] = ((await client.children('/taken')) ?? []).sort();
    await client.multi([{ type: 'remove', path: `/taken/${lowest}` }]);
    await new Promise((over) => term.over.addEventListener('abort', over));
    assert.equal(term.over.reason.code, 'MESITA_LEADERSHIP_LOST');
    assert.equal(term.holds(), false);
    await second.elected;
  });

  test('is stood for again by a follower whose session ended', async (t) => {
    const first = stand(t, 1001, servers.url('/again'));
    await first.elected;
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    const second = stand(t, 1002, `zk://${proxy.address}/again`, 1_500);
    await eventually('the second knows', () => second.leader !== undefined);
    const client = session(t);
    const before = await client.children('/again');
    proxy.hold();
    await eventually('the second does not know', () => second.leader === undefined);
    proxy.restore();
    await eventually('the second stands again', async () => {
      const names = (await client.children('/again')) ?? [];
      return names.length === 2 && names.some((name) => before?.includes(name) !== true);
    });
    await first.close();
    await second.elected;
  });

  test('a leader does not hold its term while ZooKeeper may have ended it', async (t) => {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    const first = stand(t, 1001, `zk://${proxy.address}/held`, 1_500);
    const term = await first.elected;
    const second = stand(t, 1002, servers.url('/held'));
    await eventually('the second knows', () => second.leader !== undefined);
    proxy.hold();
    await second.elected;
    assert.equal(term.holds(), false);
    assert.equal(first.leader, undefined);
  });

  test('is followed by those who look for the leader, as it happens', async (t) => {
    const source = look(t, servers.url('/followed'));
    const moves: string[] = [];
    source.watch((address) => moves.push(address));
    const found = source.find(forEver);
    const first = stand(t, 1001, servers.url('/followed'));
    assert.deepEqual(await found, ['127.0.0.1:1001']);
    const second = stand(t, 1002, servers.url('/followed'));
    await eventually('the second knows', () => second.leader !== undefined);
    await first.close();
    await eventually('the move is told', () => moves.length === 2);
    assert.deepEqual(moves, ['127.0.0.1:1001', '127.0.0.1:1002']);
    assert.deepEqual(await source.find(forEver), ['127.0.0.1:1002']);
  });

  test('the last leader counts while ZooKeeper is away', async (t) => {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    t.after(() => proxy.close());
    const source = openLeaderSource(`zk://${proxy.address}/away`, { sessionTimeout: 1_500, ...common });
    t.after(() => source.close());
    const first = stand(t, 1001, servers.url('/away'));
    assert.deepEqual(await source.find(forEver), ['127.0.0.1:1001']);
    proxy.hold();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.deepEqual(await source.find(forEver), ['127.0.0.1:1001']);
    const moves: string[] = [];
    source.watch((address) => moves.push(address));
    const second = stand(t, 1002, servers.url('/away'));
    await eventually('the second knows', () => second.leader !== undefined);
    await first.close();
    await second.elected;
    proxy.restore();
    await eventually('the move is told', () => moves.includes('127.0.0.1:1002'));
  });

  test('a search is given up when its signal says so', async (t) => {
    const source = look(t, servers.url('/nobody'));
    const reason = new Error('enough');
    await assert.rejects(source.find(AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const found = source.find(controller.signal);
    controller.abort(reason);
    await assert.rejects(found, reason);
  });
});
