import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './cluster.ts';
import { eventually, Hopeless } from './eventually.ts';
import { TcpProxy } from './tcp-proxy.ts';

const archive = '/usr/share/java/zookeeper.jar';
const libraries = [archive, '/usr/share/java/slf4j-simple.jar'].join(':');

/** Debian's package `zookeeper`, installed where this user may; else why there is none, for a test that is skipped. */
export async function missingZooKeeper(): Promise<string | false> {
  if (existsSync(archive)) return false;
  const install = ['install', '--yes', '--no-install-recommends', 'zookeeper', 'openjdk-17-jre-headless'];
  const apt = (args: string[]) =>
    promisify(execFile)('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  // A fresh machine has no lists of packages yet; other test files may be at the same.
  for (const prepare of [[], ['update'], ['update']]) {
    if (prepare.length > 0) await apt(prepare).catch(() => pause(betweenAttemptsMs));
    await apt(install).catch(() => undefined);
    if (existsSync(archive)) return false;
  }
  return 'there is no ZooKeeper: `apt-get install zookeeper`, as root';
}

const betweenAttemptsMs = 5_000;

interface ServerProcess {
  readonly number: number;
  readonly directory: string;
  readonly port: number;
  /** What it is told of each of the servers: host:port:port for what they say to one another. */
  readonly members: string[];
  /** Between it and the others, in both directions. */
  readonly proxies: TcpProxy[];
  child: ChildProcess | undefined;
}

/** Milliseconds; the shortest session is two of them, the longest twenty. */
const tick = 500;

/**
 * Real ZooKeeper servers on free ports of the loopback device, one or an ensemble, with their data in a directory of their own.
 * They end with the process that started them, at the latest.
 */
export class ZooKeeperServers {
  readonly #directory: string;
  readonly #servers: ServerProcess[];

  private constructor(directory: string, servers: ServerProcess[]) {
    this.#directory = directory;
    this.#servers = servers;
  }

  /** `isolable`: a server can be cut off from the others. One that has died is then found out more slowly by them. */
  static async start(count = 1, { isolable = false } = {}): Promise<ZooKeeperServers> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-zookeeper-'));
    const servers: ServerProcess[] = [];
    for (let number = 1; number <= count; number++) {
      const own = { number, directory: join(directory, String(number)), port: await freePort() };
      servers.push({ ...own, members: [], proxies: [], child: undefined });
    }
    const ensemble = new ZooKeeperServers(directory, servers);
    try {
      if (count > 1) await introduce(servers, isolable);
      for (const server of servers) await configure(server);
      for (const server of servers) ensemble.restart(server.number);
      await ensemble.serves();
      return ensemble;
    } catch (error) {
      await ensemble.close();
      throw error;
    }
  }

  /** host:port of each. */
  get addresses(): string[] {
    return this.#servers.map(({ port }) => `127.0.0.1:${port}`);
  }

  url(path: string, credentials?: string): string {
    return `zk://${credentials === undefined ? '' : `${credentials}@`}${this.addresses.join(',')}${path}`;
  }

  /** All that run serve clients: a majority has a leader. */
  async serves(): Promise<void> {
    for (const server of this.#servers.filter(({ child }) => child !== undefined)) {
      await eventually(`ZooKeeper server ${server.number} serves`, async () => {
        if (server.child === undefined || server.child.exitCode !== null)
          throw new Hopeless('a ZooKeeper server ended');
        return (await modeOf(server)) !== undefined;
      });
    }
  }

  /** The number of the server that leads the others. */
  async leader(): Promise<number> {
    return eventually('ZooKeeper has a leader', async () => {
      for (const server of this.#servers)
        if (server.child !== undefined && (await modeOf(server)) === 'leader') return server.number;
      return undefined;
    });
  }

  /** By its number, from 1. */
  async kill(number: number): Promise<void> {
    const server = this.#server(number);
    const { child } = server;
    server.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** SIGSTOP or SIGCONT. */
  signal(number: number, signal: NodeJS.Signals): void {
    this.#server(number).child?.kill(signal);
  }

  /** Cuts a server off from the others, without a word to anybody; its clients still reach it. */
  isolate(number: number): void {
    for (const proxy of this.#server(number).proxies) proxy.hold();
  }

  restart(number: number): void {
    const server = this.#server(number);
    const options = [
      '-Xmx128m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    ];
    const main = [
      '-cp',
      libraries,
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      join(server.directory, 'zoo.cfg'),
    ];
    const java = ['--pdeathsig', 'KILL', '--', 'java', ...options, ...main];
    server.child = spawn('setpriv', java, { stdio: 'ignore' });
    server.child.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map(({ number }) => this.kill(number)));
    for (const proxy of new Set(this.#servers.flatMap(({ proxies }) => proxies))) await proxy.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #server(number: number): ServerProcess {
    const server = this.#servers[number - 1];
    assert.ok(server, `no ZooKeeper server ${number}`);
    return server;
  }
}

/** Each hears of the others: by the addresses of proxies of its own where they are to be isolated. */
async function introduce(servers: readonly ServerProcess[], isolable: boolean): Promise<void> {
  for (const server of servers) {
    const ports = [await freePort(), await freePort()];
    for (const other of servers) {
      const reached = [...ports];
      if (isolable && other !== server) {
        for (const [index, port] of ports.entries()) {
          const proxy = await TcpProxy.open(`127.0.0.1:${port}`);
          server.proxies.push(proxy);
          other.proxies.push(proxy);
          reached[index] = Number(proxy.address.split(':')[1]);
        }
      }
      other.members.push(`server.${server.number}=127.0.0.1:${reached.join(':')}`);
    }
  }
}

async function configure({ number, directory, port, members }: ServerProcess): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'myid'), String(number));
  const lines = [
    `tickTime=${tick}`,
    'initLimit=20',
    'syncLimit=6',
    `dataDir=${directory}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    'forceSync=no',
    ...members,
  ];
  await writeFile(join(directory, 'zoo.cfg'), `${lines.join('\n')}\n`);
}

/** `leader`, `follower` or `standalone`; undefined while it serves nobody. */
function modeOf({ port }: ServerProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('srvr'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(/^Mode: (\w+)$/m.exec(said)?.[1]));
  });
}
