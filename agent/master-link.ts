import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { Agent as Connections, type Dispatcher } from 'undici';
import {
  type AgentMessage,
  type AgentSubscription,
  agentLinkPath,
  type MasterMessage,
} from '../protocol/agent-link.ts';
import { describeError } from '../protocol/errors.ts';
import { linkJson } from '../protocol/link-json.ts';
import { backoff } from '../runtime/backoff.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import { followEventStream, Redirect } from '../runtime/event-stream.ts';
import type { LeaderSource } from '../runtime/leader-source.ts';
import type { Log } from '../runtime/log.ts';

export interface MasterLinkOptions {
  /** Closed with the link. */
  leaders: LeaderSource;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Milliseconds: the first wait before dialling again. */
  backoff: number;
  /** Resolves when the agent may dial. */
  ready?(): Promise<void>;
  /** What the agent is and runs, at the moment of dialling. */
  subscription(): AgentSubscription;
  /** A master, at host:port, has taken the subscription; its messages follow. */
  onOpen?(master: string): void;
  onMessage(message: MasterMessage): void;
  onBroken(reason: string): void;
}

interface OpenLink {
  readonly connections: Dispatcher;
  readonly origin: string;
  readonly controller: AbortController;
  /** The id of the subscription, which messages carry. */
  readonly stream: string;
  /** Said, and not yet on its way. */
  outbox: AgentMessage[];
  posting: Promise<void> | undefined;
}

/** How an attempt went. `leader`: where another master leads, by the word of the one that was asked. */
interface Attempt {
  reason: string;
  opened: boolean;
  leader?: string | undefined;
}

const connecting = { connect: { timeout: 5_000 }, keepAliveTimeout: 60_000, pipelining: 1 };
const longestBackoffMs = 15_000;
// Messages that wait for a master that does not take them; those of executors are dropped beyond.
const longestOutbox = 10_000;
const mostRedirects = 10;
const longestRecord = 256 * 1024 * 1024;
// Until the master tells its own.
const firstSilenceMs = 75_000;
const postTimeoutMs = 30_000;
// How long `stop` waits for the last words to arrive.
const partingMs = 5_000;

/**
 * The agent's end of the link to the master; protocol/agent-link.ts describes it.
 *
 * INVARIANTS
 * - At most one POST of messages is under way; what is said meanwhile goes with the next one, in order.
 * - A POST that fails breaks the link, and a broken link gives its POST up: after the next subscription the agent says all
 *   that matters again.
 */
export class MasterLink {
  readonly #options: MasterLinkOptions;
  /** Those of the link that there is, or that is being made. */
  #connections: Dispatcher | undefined;
  readonly #stopping = new AbortController();
  #current: OpenLink | undefined;
  /** The addresses that are being tried; none while it waits, undefined while they are being found. */
  #tried: readonly string[] | undefined;
  #silenceMs = firstSilenceMs;
  readonly #process = randomUUID();
  #attempts = 0;

  constructor(options: MasterLinkOptions) {
    this.#options = options;
  }

  /** Dials until `stop`; each break is followed by another try after a random wait. A link to a master that leads no longer is given up. */
  async run(): Promise<void> {
    const { clock, log, leaders, onBroken } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const before = clock.now();
      const moved = new AbortController();
      const unwatch = leaders.watch((address) => {
        if (this.#tried?.includes(address) === false) moved.abort();
      });
      const reason = await this.#tryMasters(moved.signal);
      if (!signal.aborted) {
        const master = this.#tried?.join(',') ?? '';
        this.#tried = [];
        log.warn({ master, reason: moved.signal.aborted ? 'another master leads' : reason }, 'no link to the master');
        onBroken(reason);
        // A link that lasted a while was a good one: begin again with short waits.
        if (clock.now() - before > longestBackoffMs) attempt = 0;
        if (!moved.signal.aborted) await this.#pause(attempt, AbortSignal.any([signal, moved.signal]));
        if (moved.signal.aborted) {
          // All agents of a cluster hear of an election at once.
          attempt = 0;
          await this.#pause(attempt, signal);
        }
      }
      this.#tried = undefined;
      unwatch();
    }
  }

  /** Says something to the master; lost when the link is broken. */
  send(message: AgentMessage): void {
    const link = this.#current;
    if (link === undefined) return;
    // Only these may come in any number, and nobody may count on them.
    if (message.type === 'EXECUTOR_MESSAGE' && link.outbox.length >= longestOutbox) return;
    link.outbox.push(message);
    link.posting ??= this.#post(link);
  }

  /** Waits until all that was said has arrived, but no longer than 5 s, then hangs up. */
  async stop(): Promise<void> {
    const parted = new AbortController();
    const posting = this.#current?.posting;
    if (posting !== undefined) await Promise.race([posting, sleep(this.#options.clock, partingMs, parted.signal)]);
    parted.abort();
    this.hangUp();
    await Promise.all([this.#connections?.destroy(), this.#options.leaders.close()]);
  }

  /** Ends this link, and dials again: not to this master. */
  breakOff(reason: string): void {
    this.#current?.controller.abort(new Error(reason));
  }

  /** Ends the link in the middle of a word, and dials no more: the master wants nothing to do with this agent. */
  hangUp(): void {
    this.#stopping.abort();
    this.#current?.controller.abort();
  }

  /** The answer to an HTTP_REQUEST, as fast as the one who asked takes it. */
  async answer(requestId: string, answer: { status: number; contentType: string; body: Readable }): Promise<void> {
    const link = this.#current;
    // Who asked has gone with the link.
    if (link === undefined) return;
    const path = `${agentLinkPath}/relay/${requestId}`;
    const headers = { 'content-type': answer.contentType, 'mesita-status': String(answer.status) };
    const { origin, connections } = link;
    const { body } = await connections.request({ origin, path, method: 'POST', headers, body: answer.body });
    await body.dump();
  }

  #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random, backoff: initial } = this.#options;
    return sleep(clock, backoff(attempt, { initial, maximum: longestBackoffMs }, random), signal);
  }

  /** Goes through the masters until one of them takes the subscription, and follows that link to its end. */
  async #tryMasters(moved: AbortSignal): Promise<string> {
    const { signal } = this.#stopping;
    let reason = 'no address of a master is known';
    try {
      this.#tried = await this.#options.leaders.find(signal);
    } catch (error) {
      return describeError(error);
    }
    for (const address of this.#tried) {
      let origin: string | undefined = `http://${address}`;
      for (let redirects = 0; origin !== undefined && redirects <= mostRedirects; redirects++) {
        if (signal.aborted || moved.aborted) return reason;
        const attempt: Attempt = await this.#once(origin, moved);
        if (attempt.opened) return attempt.reason;
        reason = attempt.reason;
        origin = attempt.leader;
      }
    }
    return reason;
  }

  async #once(origin: string, moved: AbortSignal): Promise<Attempt> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#stopping.signal.addEventListener('abort', abort);
    moved.addEventListener('abort', abort);
    let link: OpenLink | undefined;
    // None is used again: on those of a broken link, nothing may arrive any more.
    const connections = new Connections(connecting);
    this.#connections = connections;
    try {
      await this.#options.ready?.();
      const reason = await followEventStream({
        dispatcher: connections,
        clock: this.#options.clock,
        origin,
        path: agentLinkPath,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: linkJson({ ...this.#options.subscription(), attempt: this.#attempt() }),
        signal: controller.signal,
        maximumRecord: longestRecord,
        silence: () => this.#silenceMs,
        onOpen: (headers) => {
          link = {
            origin,
            connections,
            controller,
            stream: String(headers['mesos-stream-id']),
            outbox: [],
            posting: undefined,
          };
          this.#current = link;
          this.#options.onOpen?.(new URL(origin).host);
        },
        onRecord: (record) => this.#receive(JSON.parse(record.toString()) as MasterMessage),
      });
      return { reason, opened: true };
    } catch (error) {
      const leader = error instanceof Redirect ? URL.parse(error.location, origin)?.origin : undefined;
      return { reason: describeError(error), opened: link !== undefined, leader };
    } finally {
      this.#stopping.signal.removeEventListener('abort', abort);
      moved.removeEventListener('abort', abort);
      controller.abort();
      if (this.#current === link) this.#current = undefined;
      await connections.destroy();
    }
  }

  #attempt(): AgentSubscription['attempt'] {
    return { process: this.#process, number: ++this.#attempts };
  }

  #receive(message: MasterMessage): void {
    if (message.type === 'REGISTERED') this.#silenceMs = message.ping_timeout_seconds * 1000;
    if (message.type === 'PING') this.send({ type: 'PONG' });
    this.#options.onMessage(message);
  }

  async #post(link: OpenLink): Promise<void> {
    const { signal } = link.controller;
    while (link.outbox.length > 0 && !signal.aborted) {
      // What is said in the same turn of the event loop goes together.
      await setImmediate();
      const messages = link.outbox;
      link.outbox = [];
      try {
        const { statusCode, body } = await link.connections.request({
          origin: link.origin,
          path: `${agentLinkPath}/messages`,
          method: 'POST',
          headers: { 'content-type': 'application/json', 'mesos-stream-id': link.stream },
          body: linkJson(messages),
          signal,
          headersTimeout: postTimeoutMs,
        });
        await body.dump();
        if (statusCode !== 202) throw new Error(`the master answers ${statusCode}`);
      } catch (error) {
        if (!signal.aborted)
          this.#options.log.warn({ error: describeError(error) }, 'messages did not reach the master');
        link.controller.abort();
      }
    }
    // In the same turn as the last look: nothing that is said from now on is left lying.
    link.posting = undefined;
  }
}
