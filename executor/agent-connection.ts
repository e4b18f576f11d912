import { Agent as Connections } from 'undici';
import { decodeMessage, encodeMessage, type MediaType } from '../protocol/codec.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { ExecutorCall, ExecutorEvent } from '../protocol/messages.ts';
import type { Clock } from '../runtime/clock.ts';
import { followEventStream } from '../runtime/event-stream.ts';
import type { ExecutorEnvironment } from './environment.ts';

export interface AgentConnectionOptions {
  environment: ExecutorEnvironment;
  mediaType: MediaType;
  clock: Clock;
  /** Ends the subscription that there is, and any attempt at one. */
  hangUp: AbortSignal;
  onOpen(subscription: Subscription): void;
  onEvent(event: ExecutorEvent): void;
}

/** One stream of events, from its opening to its end. */
export interface Subscription {
  /** Aborts when it is over. */
  readonly over: AbortSignal;
  /** Ends it from here; over at once. */
  cut(): void;
}

/** What became of a call: refused for good, to be made again, or possible under a new subscription only. */
export type Answer = { kind: 'taken' | 'unanswered' | 'outdated' } | { kind: 'refused'; message: string };

const path = '/api/v1/executor';
const longestRecord = 256 * 1024 * 1024;
const callTimeoutMs = 30_000;
/** The agent's heartbeats come half an hour apart. */
export const heartbeatMs = 30 * 60_000;
const silenceMs = 2.5 * heartbeatMs;
const mostSockets = 16;

/** An executor's subscription at its agent, and the calls that go with it. INVARIANT: at most one subscription stands at a time. */
export class AgentConnection {
  readonly #options: AgentConnectionOptions;
  readonly #connections = new Connections({ connections: mostSockets, connect: { timeout: 5_000 } });
  readonly #origin: string;

  constructor(options: AgentConnectionOptions) {
    this.#options = options;
    this.#origin = `http://${options.environment.agentEndpoint}`;
  }

  /**
   * Subscribes once, and follows the stream to its end; the reason of the end. Throws MESITA_AGENT_UNREACHABLE, MESITA_AGENT_REFUSED, or
   * MESITA_MESSAGE_INVALID when an event cannot be read.
   */
  async subscribe(call: ExecutorCall): Promise<string> {
    const { clock, hangUp, onOpen } = this.#options;
    const ended = new AbortController();
    const cutting = new AbortController();
    let unreadable: MesitaError | undefined;
    try {
      const reason = await followEventStream({
        peer: 'agent',
        dispatcher: this.#connections,
        clock,
        origin: this.#origin,
        path,
        headers: this.#headers(),
        body: this.#encode(call),
        signal: AbortSignal.any([hangUp, cutting.signal]),
        maximumRecord: longestRecord,
        silence: () => silenceMs,
        onOpen: () => {
          const cut = () => {
            ended.abort();
            cutting.abort();
          };
          onOpen({ over: ended.signal, cut });
        },
        onRecord: (record) => {
          unreadable = this.#receive(record);
          if (unreadable !== undefined) throw unreadable;
        },
      });
      if (unreadable !== undefined) throw unreadable;
      return reason;
    } finally {
      ended.abort();
    }
  }

  /** Any call but SUBSCRIBE. */
  async post(call: ExecutorCall): Promise<Answer> {
    try {
      const { statusCode, body } = await this.#connections.request({
        origin: this.#origin,
        path,
        method: 'POST',
        headers: this.#headers(),
        body: this.#encode(call),
        headersTimeout: callTimeoutMs,
      });
      const text = await body.text();
      if (statusCode === 202 || statusCode === 200) return { kind: 'taken' };
      if (statusCode >= 500) return { kind: 'unanswered' };
      if (/not subscribed|cannot be found/i.test(text)) return { kind: 'outdated' };
      return { kind: 'refused', message: `${call.type}: ${statusCode} ${text}`.trim() };
    } catch (error) {
      // A message that cannot be written is the caller's fault, not the line's.
      if (error instanceof MesitaError) return { kind: 'refused', message: describeError(error) };
      return { kind: 'unanswered' };
    }
  }

  close(): Promise<void> {
    return this.#connections.destroy();
  }

  #receive(record: Buffer): MesitaError | undefined {
    const decoded = decodeMessage(this.#options.mediaType, 'ExecutorEvent', record);
    if (!decoded.ok) {
      return new MesitaError('MESITA_MESSAGE_INVALID', { message: `An event cannot be read: ${decoded.error}` });
    }
    this.#options.onEvent(decoded.value);
    return undefined;
  }

  #encode(call: ExecutorCall): Buffer {
    return encodeMessage(this.#options.mediaType, 'ExecutorCall', call);
  }

  #headers(): Record<string, string> {
    const { mediaType, environment } = this.#options;
    return {
      'content-type': mediaType,
      accept: mediaType,
      ...(environment.token !== undefined && { authorization: `Bearer ${environment.token}` }),
    };
  }
}
