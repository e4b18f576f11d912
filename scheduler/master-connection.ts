import { Agent as Connections } from 'undici';
import { decodeMessage, encodeMessage, type MediaType } from '../protocol/codec.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { SchedulerCall, SchedulerEvent } from '../protocol/messages.ts';
import { backoff } from '../runtime/backoff.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import { followEventStream, Redirect } from '../runtime/event-stream.ts';
import type { LeaderSource } from '../runtime/leader-source.ts';
import { noLeader } from './leader-finder.ts';

export interface MasterConnectionOptions {
  /** Closed with the connection. */
  leaders: LeaderSource;
  mediaType: MediaType;
  clock: Clock;
  random: () => number;
  /** Whether to go on when the very first attempt reaches no master. */
  patient: boolean;
  /** No new subscription from here on. */
  stopping: AbortSignal;
  /** Ends the subscription that there is. */
  hangUp: AbortSignal;
  /** The SUBSCRIBE call at the moment of dialling. */
  subscription(): SchedulerCall;
  /** `current()`: whether the subscription on which the event came still stands. */
  onEvent(event: SchedulerEvent, current: () => boolean): void;
  /** There is no subscription: it broke, or could not be made. Waited for before the next attempt. */
  onBroken(reason: string): Promise<void>;
}

interface Subscription {
  readonly origin: string;
  readonly stream: string;
}

/** How an attempt to subscribe went: a reason and, when there was a subscription, how long it stood. */
interface Attempt {
  reason: string;
  stoodMs: number | undefined;
}

const path = '/api/v1/scheduler';
const backoffMs = { initial: 200, maximum: 10_000 };
const connecting = { connect: { timeout: 5_000 }, keepAliveTimeout: 60_000 };
const longestRecord = 256 * 1024 * 1024;
const callTimeoutMs = 30_000;
const mostRedirects = 10;
const missedHeartbeats = 5;
// As long as an election takes.
const electionPatienceMs = 15_000;
// Until the master tells its own.
const heartbeatIntervalMs = 15_000;

/**
 * A subscription to whichever master leads, made again whenever it breaks, and the calls that go with it.
 *
 * INVARIANTS
 * - At most one subscription stands at a time; a call goes to the master that gave it, with its stream id.
 * - Calls arrive in the order in which they are made: a DECLINE or SUPPRESS that came behind a later REVIVE would undo it.
 */
export class MasterConnection {
  readonly #options: MasterConnectionOptions;
  readonly #streams = new Connections(connecting);
  /** One connection, on which each call waits for the answer to the one before. */
  readonly #calls = new Connections({ ...connecting, connections: 1, pipelining: 1 });
  #current: Subscription | undefined;
  #heartbeatMs = heartbeatIntervalMs;
  /** The addresses that are being tried; none while it waits, undefined while they are being found. */
  #tried: readonly string[] | undefined;
  /** A reason why the stream cannot be followed any more. */
  #unreadable: MesitaError | undefined;

  constructor(options: MasterConnectionOptions) {
    this.#options = options;
  }

  /**
   * Subscribes, again and again, until `stopping` aborts. Throws MESITA_MASTER_REFUSED when a master refuses, MESITA_MESSAGE_INVALID when an
   * event cannot be read, MESITA_MASTER_UNREACHABLE when none answers the first time and the options do not ask for patience.
   */
  async run(): Promise<void> {
    const { stopping, clock, random, patient, onBroken, leaders } = this.#options;
    let subscribedOnce = patient;
    for (let failures = 0; !stopping.aborted; failures++) {
      // Another master is elected: what stands with the one before is given up, and nothing is waited for.
      const moved = new AbortController();
      const unwatch = leaders.watch((address) => {
        if (this.#tried?.includes(address) === false) moved.abort();
      });
      try {
        const { reason, stoodMs } = await this.#tryMasters(moved.signal, subscribedOnce);
        this.#tried = [];
        if (stopping.aborted) return;
        if (stoodMs !== undefined) subscribedOnce = true;
        if (!subscribedOnce && !moved.signal.aborted)
          throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message: reason });
        await onBroken(moved.signal.aborted ? 'another master leads' : reason);
        // One that stood for a while was a good one: begin again with short waits.
        if (stoodMs !== undefined && stoodMs > backoffMs.maximum) failures = 0;
        if (!moved.signal.aborted)
          await sleep(clock, backoff(failures, backoffMs, random), AbortSignal.any([stopping, moved.signal]));
        if (moved.signal.aborted) failures = 0;
      } finally {
        this.#tried = undefined;
        unwatch();
      }
    }
  }

  /** Any call but SUBSCRIBE. Throws MESITA_MASTER_REFUSED with the master's text, MESITA_MASTER_UNREACHABLE. */
  async post(call: SchedulerCall): Promise<void> {
    const subscription = this.#current;
    if (subscription === undefined) {
      throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message: `${call.type}: there is no subscription now` });
    }
    const { origin, stream } = subscription;
    const { mediaType } = this.#options;
    const body = encodeMessage(mediaType, 'SchedulerCall', call);
    const headers = { 'content-type': mediaType, accept: mediaType, 'mesos-stream-id': stream };
    const answer = await this.#calls
      .request({ origin, path, method: 'POST', headers, body, headersTimeout: callTimeoutMs })
      .then(async ({ statusCode, body }) => ({ status: statusCode, text: await body.text() }))
      .catch((cause: unknown) => {
        const message = `${call.type} did not reach ${origin}: ${describeError(cause)}`;
        throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message, cause });
      });
    if (answer.status === 202 || answer.status === 200) return;
    const message = `${call.type}: ${answer.status} ${answer.text}`.trim();
    throw new MesitaError(isOutdated(answer) ? 'MESITA_MASTER_UNREACHABLE' : 'MESITA_MASTER_REFUSED', { message });
  }

  async close(): Promise<void> {
    await Promise.all([this.#streams.destroy(), this.#calls.destroy(), this.#options.leaders.close()]);
  }

  /** Goes through the masters until one of them gives a subscription, and follows that to its end. */
  async #tryMasters(moved: AbortSignal, patient: boolean): Promise<Attempt> {
    const { stopping } = this.#options;
    let reason = 'No address of a master is known';
    this.#tried = await this.#find(patient);
    for (const address of this.#tried) {
      if (stopping.aborted || moved.aborted) break;
      const attempt = await this.#tryMaster(originOf(address), moved);
      if (attempt.stoodMs !== undefined) return attempt;
      reason = attempt.reason;
    }
    return { reason, stoodMs: undefined };
  }

  async #find(patient: boolean): Promise<readonly string[]> {
    const { leaders, stopping, clock } = this.#options;
    const late = new AbortController();
    const cancel = patient ? () => undefined : clock.after(electionPatienceMs, () => late.abort());
    try {
      return await leaders.find(AbortSignal.any([stopping, late.signal]));
    } catch (error) {
      if (stopping.aborted) return [];
      if (late.signal.aborted) throw noLeader(leaders);
      throw error;
    } finally {
      cancel();
    }
  }

  async #tryMaster(address: string, moved: AbortSignal): Promise<Attempt> {
    let origin = address;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      try {
        return await this.#subscribe(origin, moved);
      } catch (error) {
        if (!(error instanceof MesitaError)) throw error;
        if (!(error instanceof Redirect)) {
          if (error.code !== 'MESITA_MASTER_UNREACHABLE') throw error;
          return { reason: error.message, stoodMs: undefined };
        }
        const leader = URL.parse(error.location, origin);
        if (leader === null) return { reason: `${origin} redirects to ${error.location}`, stoodMs: undefined };
        origin = leader.origin;
      }
    }
    return { reason: `${address} leads to no leader: too many redirects`, stoodMs: undefined };
  }

  async #subscribe(origin: string, moved: AbortSignal): Promise<Attempt> {
    const { mediaType, clock, hangUp, subscription } = this.#options;
    let opened: number | undefined;
    try {
      const reason = await followEventStream({
        dispatcher: this.#streams,
        clock,
        origin,
        path,
        headers: { 'content-type': mediaType, accept: mediaType },
        body: encodeMessage(mediaType, 'SchedulerCall', subscription()),
        signal: AbortSignal.any([hangUp, moved]),
        maximumRecord: longestRecord,
        silence: () => missedHeartbeats * this.#heartbeatMs,
        onOpen: (headers) => {
          opened = clock.now();
          this.#current = { origin, stream: String(headers['mesos-stream-id']) };
        },
        onRecord: (record) => this.#receive(record),
      });
      if (this.#unreadable !== undefined) throw this.#unreadable;
      return { reason, stoodMs: opened === undefined ? undefined : clock.now() - opened };
    } finally {
      this.#current = undefined;
    }
  }

  #receive(record: Buffer): void {
    const decoded = decodeMessage(this.#options.mediaType, 'SchedulerEvent', record);
    if (!decoded.ok) {
      const message = `An event cannot be read: ${decoded.error}`;
      this.#unreadable = new MesitaError('MESITA_MESSAGE_INVALID', { message });
      throw this.#unreadable;
    }
    const interval = decoded.value.subscribed?.heartbeat_interval_seconds;
    if (interval !== undefined && interval > 0) this.#heartbeatMs = interval * 1000;
    const subscription = this.#current;
    this.#options.onEvent(decoded.value, () => this.#current === subscription);
  }
}

function originOf(address: string): string {
  return address.includes('://') ? address : `http://${address}`;
}

/** Whether a call met a subscription that is over, or a master that does not lead any more: the break is noticed on the stream, too. */
function isOutdated({ status, text }: { status: number; text: string }): boolean {
  if (status === 307 || status >= 500) return true;
  return (status === 400 || status === 403) && /not subscribed|cannot be found|stream ID/i.test(text);
}
