import { describeError, MesitaError } from '../../protocol/errors.ts';
import type { MasterInfo } from '../../protocol/messages.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import {
  type Candidate,
  candidatePrefix,
  candidatesOf,
  describeCandidate,
  watchCandidates,
} from '../../runtime/zookeeper/candidates.ts';
import { openAccess, readableAccess } from '../../runtime/zookeeper/operations.ts';
import { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { isProblem } from '../../runtime/zookeeper/zookeeper-error.ts';
import type { ZooKeeperUrl } from '../../runtime/zookeeper/zookeeper-url.ts';
import type { Leader } from '../http/leader-redirect.ts';

export interface CandidacyOptions {
  url: ZooKeeperUrl;
  /** Milliseconds: how long others wait for a leader that is not heard of. */
  sessionTimeout: number;
  /** What this master's node says. */
  info: MasterInfo;
  clock: Clock;
  /** Milliseconds of a clock that nobody sets. */
  monotonic: () => number;
  random: () => number;
  log: Log;
}

/** The time in which one master leads. */
export interface Term {
  /** With which it leads, and which it ends with. */
  readonly session: ZooKeeperSession;
  /** Whether nobody else can have been elected yet; asked before anything is said that only a leader may say. */
  holds(): boolean;
  /** Aborted, with a MESITA_LEADERSHIP_LOST, when it is over; not by `close`. */
  readonly over: AbortSignal;
}

const pauseMs = 1_000;

/**
 * A master that stands for election, as Mesos' masters do: a node of its own below the URL's path, which goes away with its session. The lowest
 * number leads; the others follow, and stand again when their session is over. A master leads once: when its term is over its process is to end.
 */
export class Candidacy {
  readonly elected: Promise<Term>;
  readonly #options: CandidacyOptions;
  readonly #closing = new AbortController();
  readonly #election = Promise.withResolvers<Term>();
  readonly #lost = new AbortController();
  readonly #standing: Promise<void>;
  #leader: Candidate | undefined;
  /** The name of this master's node, while it leads. */
  #led: string | undefined;

  constructor(options: CandidacyOptions) {
    this.#options = options;
    this.elected = this.#election.promise;
    this.#standing = this.#stand();
  }

  /** Who leads, as far as this master knows. */
  get leader(): Leader {
    if (this.#led !== undefined) return this.#lost.signal.aborted ? undefined : 'self';
    return this.#leader;
  }

  /** Gives the candidacy up, and the lead with it: the next in line follows at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#standing;
  }

  async #stand(): Promise<void> {
    const { url, sessionTimeout: timeout, clock, monotonic, random, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted && !this.#lost.signal.aborted) {
      const session = new ZooKeeperSession({ ...url, timeout, leads: true, clock, monotonic, random, log });
      const close = () => void session.close();
      signal.addEventListener('abort', close);
      try {
        await this.#follow(session);
      } catch (error) {
        if (!signal.aborted) log.warn({ error: describeError(error) }, 'no election: ZooKeeper does not take part');
      }
      signal.removeEventListener('abort', close);
      if (!signal.aborted) this.#leave(describeError(session.over.reason ?? 'its node has been removed'));
      this.#leader = undefined;
      await session.close();
      await sleep(clock, random() * pauseMs, signal);
    }
  }

  /** Until the session is over, or what it stands for is lost otherwise. */
  async #follow(session: ZooKeeperSession): Promise<void> {
    const { url, clock, log } = this.#options;
    const over = () => this.#leave(describeError(session.over.reason));
    session.over.addEventListener('abort', over);
    await session.createPath(url.path, url.credentials === undefined ? openAccess : readableAccess);
    const own = await this.#enter(session);
    log.info({ candidate: own }, 'stands for election');
    await watchCandidates(session, url.path, clock, (leader, names) => {
      this.#leader = leader;
      if (!names.includes(own)) void session.close();
      else if (names[0] === own && this.#led === undefined) this.#lead(own, session);
      else if (names[0] !== own && this.#led !== undefined) this.#leave('another master leads');
    });
  }

  /** The name of this session's node. Where the answer to its making got lost, it is there already. */
  async #enter(session: ZooKeeperSession): Promise<string> {
    const { url, info } = this.#options;
    const options = {
      access: url.credentials === undefined ? openAccess : readableAccess,
      ephemeral: true,
      sequential: true,
    };
    for (;;) {
      for (const name of candidatesOf((await session.children(url.path)) ?? []))
        if ((await session.get(`${url.path}/${name}`))?.owner === session.id) return name;
      try {
        const made = await session.create(`${url.path}/${candidatePrefix}`, describeCandidate(info), options);
        return made.slice(url.path.length + 1);
      } catch (error) {
        if (!isProblem(error, 'connection lost')) throw error;
      }
    }
  }

  #lead(own: string, session: ZooKeeperSession): void {
    this.#led = own;
    const { signal } = this.#lost;
    this.#options.log.info({ candidate: own }, 'elected as the leading master');
    this.#election.resolve({ session, holds: () => session.good && !signal.aborted, over: signal });
  }

  #leave(reason: string): void {
    if (this.#led === undefined || this.#closing.signal.aborted) return;
    if (this.#lost.signal.aborted) return;
    const message = `This master leads no longer: ${reason}`;
    this.#options.log.error({ candidate: this.#led, reason }, 'leads no longer');
    this.#lost.abort(new MesitaError('MESITA_LEADERSHIP_LOST', { message }));
  }
}
