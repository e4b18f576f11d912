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
import { followEventStream } from '../runtime/event-stream.ts';
import type { Log } from '../runtime/log.ts';

export interface MasterLinkOptions {
  /** host:port */
  master: string;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Milliseconds: the first wait before dialling again. */
  backoff: number;
  /** What the agent is and runs, at the moment of dialling. */
  subscription(): AgentSubscription;
  onMessage(message: MasterMessage): void;
  onBroken(reason: string): void;
}

interface OpenLink {
  readonly controller: AbortController;
  /** The id of the subscription, which messages carry. */
  readonly stream: string;
  /** Said, and not yet on its way. */
  outbox: AgentMessage[];
  posting: Promise<void> | undefined;
}

const longestBackoffMs = 15_000;
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
  readonly #origin: string;
  readonly #connections: Dispatcher;
  readonly #stopping = new AbortController();
  #current: OpenLink | undefined;
  #silenceMs = firstSilenceMs;

  constructor(options: MasterLinkOptions) {
    this.#options = options;
    this.#origin = `http://${options.master}`;
    this.#connections = new Connections({ connect: { timeout: 5_000 }, keepAliveTimeout: 60_000, pipelining: 1 });
  }

  /** Dials until `stop`; each break is followed by another try after a random wait. */
  async run(): Promise<void> {
    const { clock, random, log, onBroken } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const before = clock.now();
      const reason = await this.#once();
      if (signal.aborted) return;
      log.warn({ master: this.#options.master, reason }, 'no link to the master');
      onBroken(reason);
      // A link that lasted a while was a good one: begin again with short waits.
      if (clock.now() - before > longestBackoffMs) attempt = 0;
      await sleep(
        clock,
        backoff(attempt, { initial: this.#options.backoff, maximum: longestBackoffMs }, random),
        signal,
      );
    }
  }

  /** Says something to the master; lost when the link is broken. */
  send(message: AgentMessage): void {
    const link = this.#current;
    if (link === undefined) return;
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
    await this.#connections.destroy();
  }

  /** Ends the link in the middle of a word, and dials no more: the master wants nothing to do with this agent. */
  hangUp(): void {
    this.#stopping.abort();
    this.#current?.controller.abort();
  }

  /** The answer to an HTTP_REQUEST. */
  async answer(requestId: string, answer: { status: number; contentType: string; body: Buffer }): Promise<void> {
    const path = `${agentLinkPath}/relay/${requestId}`;
    const headers = { 'content-type': answer.contentType, 'mesita-status': String(answer.status) };
    const { body } = await this.#connections.request({
      origin: this.#origin,
      path,
      method: 'POST',
      headers,
      body: answer.body,
    });
    await body.dump();
  }

  async #once(): Promise<string> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#stopping.signal.addEventListener('abort', abort);
    let link: OpenLink | undefined;
    try {
      return await followEventStream({
        dispatcher: this.#connections,
        clock: this.#options.clock,
        origin: this.#origin,
        path: agentLinkPath,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: linkJson(this.#options.subscription()),
        signal: controller.signal,
        maximumRecord: longestRecord,
        silence: () => this.#silenceMs,
        onOpen: (headers) => {
          link = { controller, stream: String(headers['mesos-stream-id']), outbox: [], posting: undefined };
          this.#current = link;
        },
        onRecord: (record) => this.#receive(JSON.parse(record.toString()) as MasterMessage),
      });
    } catch (error) {
      return describeError(error);
    } finally {
      this.#stopping.signal.removeEventListener('abort', abort);
      controller.abort();
      if (this.#current === link) this.#current = undefined;
    }
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
        const { statusCode, body } = await this.#connections.request({
          origin: this.#origin,
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
