import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { MesitaProcess, Outcome } from './mesita-process.ts';
import { TcpProxy } from './tcp-proxy.ts';
import type { ZooKeeperServers } from './zookeeper.ts';

export interface ElectedMaster {
  readonly name: string;
  /** host:port */
  readonly address: string;
  readonly process: MesitaProcess;
  /** Between it and each of the ZooKeeper servers. */
  readonly proxies: readonly TcpProxy[];
}

/** Masters of one cluster that elect their leader in ZooKeeper. */
export class ElectedMasters {
  readonly all: ElectedMaster[] = [];
  readonly #cluster: Cluster;
  readonly #zookeeper: ZooKeeperServers;
  readonly #path: string;
  readonly #flags: readonly string[];

  constructor(cluster: Cluster, zookeeper: ZooKeeperServers, path: string, flags: readonly string[] = []) {
    this.#cluster = cluster;
    this.#zookeeper = zookeeper;
    this.#path = path;
    this.#flags = flags;
  }

  /** Where clients find the leader. */
  get url(): string {
    return this.#zookeeper.url(this.#path);
  }

  /** Resolves when it stands by; its session is short, and long enough for a machine with much to do. */
  async start(name: string): Promise<ElectedMaster> {
    const proxies = await Promise.all(this.#zookeeper.addresses.map((address) => TcpProxy.open(address)));
    const process = this.#cluster.spawn([
      'master',
      '--port=0',
      `--work_dir=${join(this.#cluster.directory, name)}`,
      `--zk=zk://${proxies.map(({ address }) => address).join(',')}${this.#path}`,
      '--zk_session_timeout=10secs',
      '--log_format=json',
      ...this.#flags,
    ]);
    const found = await process.says(/"address":"([^"]+)","msg":"master stands by"/);
    const master = { name, address: found[1] ?? '', process, proxies };
    this.all.push(master);
    return master;
  }

  /** The one that leads now, as it says itself, when it serves. */
  leader(): Promise<ElectedMaster> {
    return eventually('a master leads', async () => {
      for (const master of this.all.filter(({ process }) => !process.over))
        if ((await statusOf(master)) === 200) return master;
      return undefined;
    });
  }

  /** The one that leads after that one. */
  async leaderAfter(before: ElectedMaster): Promise<ElectedMaster> {
    return eventually(`another master leads than ${before.name}`, async () => {
      const others = this.all.filter((master) => master !== before && !master.process.over);
      for (const master of others) if ((await statusOf(master)) === 200) return master;
      return undefined;
    });
  }

  async close(): Promise<void> {
    for (const { process } of this.all) if (!process.over) await process.end('SIGKILL');
    for (const { proxies } of this.all) for (const proxy of proxies) await proxy.close();
  }
}

async function statusOf({ address }: ElectedMaster): Promise<number | undefined> {
  const signal = AbortSignal.timeout(2_000);
  const answer = await fetch(`http://${address}/state-summary`, { redirect: 'manual', signal }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status;
}

/** It ended by itself, because it does not lead any more. */
export function endedAsDeposed({ code, stderr }: Outcome): void {
  assert.equal(code, 1, stderr);
  assert.match(stderr, /MESITA_(LEADERSHIP_LOST|REGISTRY_FENCED)/);
}
