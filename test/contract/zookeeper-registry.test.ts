import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { ZooKeeperRegistry } from '../../master/registry/zookeeper-registry.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { openAccess } from '../../runtime/zookeeper/operations.ts';
import { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { missingZooKeeper, ZooKeeperServers } from '../support/zookeeper.ts';
import { registryContract } from './registry-contract.ts';

const skip = await missingZooKeeper();

describe('with a real ZooKeeper', { skip, timeout: 120_000 }, () => {
  let servers: ZooKeeperServers;
  before(async () => {
    servers = await ZooKeeperServers.start();
  });
  after(() => servers?.close());

  function openSession(address = servers.addresses[0] ?? ''): ZooKeeperSession {
    const [host = '', port] = address.split(':');
    return new ZooKeeperSession({
      servers: [{ host, port: Number(port) }],
      timeout: 10_000,
      leads: true,
      clock: systemClock,
      monotonic: () => performance.now(),
      random: Math.random,
      log: silentLog,
    });
  }

  registryContract('ZooKeeper', { takesOver: true }, async () => {
    const path = `/${randomUUID()}/registry`;
    const sessions: ZooKeeperSession[] = [];
    return {
      connect: () => {
        const session = openSession();
        sessions.push(session);
        return new ZooKeeperRegistry({ session: () => session, path, access: openAccess });
      },
      dispose: async () => {
        await Promise.all(sessions.map((session) => session.close()));
      },
    };
  });

  /** A registry whose connection goes through a proxy, which does `trouble` when it has let so many bytes pass. */
  async function interrupted(
    bytes: number,
    trouble: (proxy: TcpProxy) => void,
    work: (registry: ZooKeeperRegistry, reopen: () => ZooKeeperRegistry) => Promise<void>,
  ): Promise<void> {
    const proxy = await TcpProxy.open(servers.addresses[0] ?? '');
    const path = `/${randomUUID()}/registry`;
    const [through, direct] = [openSession(proxy.address), openSession()];
    try {
      const registry = new ZooKeeperRegistry({ session: () => through, path, access: openAccess });
      await registry.open();
      proxy.after(bytes, () => trouble(proxy));
      await work(registry, () => new ZooKeeperRegistry({ session: () => direct, path, access: openAccess }));
    } finally {
      await Promise.all([through.close(), direct.close()]);
      await proxy.close();
    }
  }

  const size = 20_000;
  const big = (round: number) =>
    Array.from({ length: size }, (_, index) => ({
      table: 'agents' as const,
      key: `S${index}`,
      value: JSON.stringify({ round, id: randomUUID(), more: randomUUID(), most: randomUUID() }),
    }));
  const roundsIn = (records: readonly { value: string | undefined }[]) =>
    new Set(records.map(({ value }) => JSON.parse(value ?? '').round));

  for (const bytes of [1, 300_000, 950_000, 1_900_000, 2_200_000, 3_000_000, 4_000_000])
    test(`a write of many messages is there whole or not at all when its master ends after ${bytes} bytes of it`, () =>
      interrupted(
        bytes,
        (proxy) => proxy.hold(),
        async (registry, reopen) => {
          const held = registry.write(big(1)).catch((error: unknown) => error);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          const { records } = await reopen().open();
          if (records.length > 0) {
            assert.equal(records.length, size);
            assert.deepEqual(roundsIn(records), new Set([1]));
          }
          void held;
        },
      ));

  test('a write goes on when its connection breaks in the middle of it', () =>
    interrupted(
      1_500_000,
      (proxy) => {
        proxy.cut();
        setTimeout(() => proxy.restore(), 100);
      },
      async (registry, reopen) => {
        await registry.write(big(1));
        await registry.write(big(2).slice(0, 10));
        const { records } = await reopen().open();
        assert.equal(records.length, size);
        assert.deepEqual(roundsIn(records), new Set([1, 2]));
      },
    ));
});
