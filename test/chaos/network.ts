import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Direction } from './schedule.ts';
import { addressOf, hostsOf, observer, type Shape } from './shape.ts';

const runFile = promisify(execFile);

async function run(command: string, ...args: string[]): Promise<string> {
  return (await runFile(command, args)).stdout;
}

/** The namespace of the switch that all hosts hang on. */
const hub = 'switch';
const link = 'eth0';

/**
 * Hosts as network namespaces on a bridge, in a mount namespace that this process has to itself (see main.ts), so that all of it is gone with
 * the run. The run's own namespace is the host `observer`.
 */
export class Network {
  readonly #shape: Shape;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  async open(): Promise<void> {
    await run('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns');
    await run('ip', 'netns', 'add', hub);
    await run('ip', '-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
    await run('ip', '-n', hub, 'link', 'set', 'br0', 'up');
    for (const host of hostsOf(this.#shape)) await this.#addHost(host);
  }

  async #addHost(host: string): Promise<void> {
    const inside = host === observer ? [] : ['-n', host];
    if (host !== observer) await run('ip', 'netns', 'add', host);
    // The switch's end of the cable is made there, the other one then moved to its host.
    const here = host === observer ? String(process.pid) : host;
    await run('ip', '-n', hub, 'link', 'add', `p-${host}`, 'type', 'veth', 'peer', 'name', link, 'netns', here);
    await run('ip', '-n', hub, 'link', 'set', `p-${host}`, 'master', 'br0', 'up');
    await run('ip', ...inside, 'addr', 'add', `${addressOf(this.#shape, host)}/16`, 'dev', link);
    await run('ip', ...inside, 'link', 'set', link, 'up');
    await run('ip', ...inside, 'link', 'set', 'lo', 'up');
  }

  /** The command that runs another one on a host. */
  static on(host: string): string[] {
    return ['nsenter', `--net=/run/netns/${host}`];
  }

  /** Drops what a host gets from, or sends to, another one, or `all`. */
  async cut(host: string, from: string, direction: Direction): Promise<void> {
    for (const rule of this.#cuts(from, direction)) await this.#filter(host, '-A', rule);
  }

  async mend(host: string, from: string, direction: Direction): Promise<void> {
    for (const rule of this.#cuts(from, direction)) await this.#filter(host, '-D', rule);
  }

  #cuts(from: string, direction: Direction): string[][] {
    const at = (flag: string) => (from === 'all' ? [] : [flag, addressOf(this.#shape, from)]);
    const rules: string[][] = [];
    if (direction !== 'out') rules.push(['INPUT', '-i', link, ...at('-s'), '-j', 'DROP']);
    if (direction !== 'in') rules.push(['OUTPUT', '-o', link, ...at('-d'), '-j', 'DROP']);
    return rules;
  }

  /** 256 kbit/s, and one packet in ten is lost: delays by queueing and by sending again. (netem is not in every kernel.) */
  async slow(host: string): Promise<void> {
    await run(
      'tc',
      '-n',
      host,
      'qdisc',
      'add',
      'dev',
      link,
      'root',
      'tbf',
      ...['rate', '256kbit', 'burst', '4000', 'latency', '500ms'],
    );
    await this.#filter(host, '-A', losses);
  }

  async quicken(host: string): Promise<void> {
    await run('tc', '-n', host, 'qdisc', 'del', 'dev', link, 'root');
    await this.#filter(host, '-D', losses);
  }

  /** Ends all connections of a host that go to others, in both ends. */
  async reset(host: string): Promise<void> {
    await run(...onHost(host), 'ss', '--kill', '--tcp', 'dst', '10.77.0.0/16');
  }

  async #filter(host: string, action: '-A' | '-D', rule: string[]): Promise<void> {
    const [chain = '', ...rest] = rule;
    await run(...onHost(host), 'iptables', '-w', action, chain, ...rest);
  }
}

const losses = ['INPUT', '-i', link, '-m', 'statistic', '--mode', 'random', '--probability', '0.1', '-j', 'DROP'];

function onHost(host: string): [string, ...string[]] {
  const [command = '', ...args] = Network.on(host);
  return [command, ...args];
}
