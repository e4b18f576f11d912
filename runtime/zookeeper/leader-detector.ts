import { describeError } from '../../protocol/errors.ts';
import { type Clock, sleep } from '../clock.ts';
import type { LeaderSource } from '../leader-source.ts';
import type { Log } from '../log.ts';
import { type Candidate, watchCandidates } from './candidates.ts';
import { ZooKeeperSession } from './session.ts';
import { isProblem } from './zookeeper-error.ts';
import type { ZooKeeperUrl } from './zookeeper-url.ts';

export interface LeaderDetectorOptions {
  url: ZooKeeperUrl;
  /** Milliseconds */
  sessionTimeout: number;
  clock: Clock;
  random: () => number;
  log: Log;
}

const pauseMs = 1_000;

/**
 * Finds the leading master through ZooKeeper, and goes on looking from the first question on.
 *
 * INVARIANT: while ZooKeeper cannot be asked, who led last is taken to lead: whether that master answers shows on the link to it.
 */
export class LeaderDetector implements LeaderSource {
  readonly #options: LeaderDetectorOptions;
  readonly #closing = new AbortController();
  readonly #watchers = new Set<(address: string) => void>();
  #looking: Promise<void> | undefined;
  #leader: Candidate | undefined;
  #problem: unknown;

  constructor(options: LeaderDetectorOptions) {
    this.#options = options;
  }

  /** Why there is no answer yet, where ZooKeeper refuses one. */
  get problem(): unknown {
    return this.#problem;
  }

  async find(signal: AbortSignal): Promise<readonly string[]> {
    this.#looking ??= this.#look();
    while (this.#leader === undefined) await this.#election(signal);
    return [addressOf(this.#leader)];
  }

  watch(onElection: (address: string) => void): () => void {
    // Each its own, though two may be the same function.
    const watcher = (address: string) => onElection(address);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#looking;
  }

  #election(signal: AbortSignal): Promise<void> {
    return new Promise((elected, failed) => {
      const closing = this.#closing.signal;
      const either = AbortSignal.any([signal, closing]);
      if (either.aborted) return failed(either.reason);
      const abort = () => {
        unwatch();
        failed(either.reason);
      };
      const unwatch = this.watch(() => {
        unwatch();
        either.removeEventListener('abort', abort);
        elected();
      });
      either.addEventListener('abort', abort);
    });
  }

  async #look(): Promise<void> {
    const { url, clock, random, log, sessionTimeout: timeout } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const session = new ZooKeeperSession({
        ...url,
        timeout,
        leads: false,
        clock,
        monotonic: () => performance.now(),
        random,
        log,
      });
      const close = () => void session.close();
      signal.addEventListener('abort', close);
      try {
        await watchCandidates(session, url.path, clock, (leader) => this.#found(leader));
      } catch (error) {
        if (!signal.aborted) log.warn({ error: describeError(error) }, 'ZooKeeper does not tell who leads');
        if (!isProblem(error, 'session over')) this.#problem = error;
      }
      signal.removeEventListener('abort', close);
      await session.close();
      await sleep(clock, random() * pauseMs, signal);
    }
  }

  #found(leader: Candidate | undefined): void {
    this.#problem = undefined;
    const before = this.#leader;
    this.#leader = leader;
    if (leader === undefined || leader.name === before?.name) return;
    this.#options.log.info({ master: addressOf(leader) }, 'a leading master is there');
    for (const watcher of [...this.#watchers]) watcher(addressOf(leader));
  }
}

function addressOf({ ip, port }: Candidate): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}
