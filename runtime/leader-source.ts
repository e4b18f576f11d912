import { MesitaError } from '../protocol/errors.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import { LeaderDetector } from './zookeeper/leader-detector.ts';
import { isZooKeeperUrl, parseZooKeeperUrl } from './zookeeper/zookeeper-url.ts';

/** Where the leading master is to be found. */
export interface LeaderSource {
  /** The addresses to try, in order, each host:port; one of them may send on to the leader. Waits for an election; throws what the signal was aborted with. */
  find(signal: AbortSignal): Promise<readonly string[]>;
  /** Calls back with the new leader's address whenever another master is elected; returns what ends that. */
  watch(onElection: (address: string) => void): () => void;
  close(): Promise<void>;
  /** Why `find` waits, where that is known. */
  readonly problem?: unknown;
}

export interface LeaderSourceOptions {
  /** Milliseconds that a session with ZooKeeper outlives its last sign of life. */
  sessionTimeout: number;
  clock: Clock;
  random: () => number;
  log: Log;
}

/** Whichever answers knows the leader. */
export class KnownMasters implements LeaderSource {
  readonly #addresses: readonly string[];

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  async find(): Promise<readonly string[]> {
    return this.#addresses;
  }

  watch(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {}
}

/** `zk://…`, or the host:port of one master or of several. Throws MESITA_FLAG_INVALID. */
export function openLeaderSource(master: string, options: LeaderSourceOptions): LeaderSource {
  if (!isZooKeeperUrl(master)) return new KnownMasters(listedMasters(master));
  const parsed = parseZooKeeperUrl(master);
  if ('error' in parsed) throw new MesitaError('MESITA_FLAG_INVALID', { message: `The master's URL: ${parsed.error}` });
  return new LeaderDetector({ url: parsed.value, ...options });
}

export function listedMasters(master: string): string[] {
  return master.split(',').map((address) => address.trim());
}
