import { Agent as Connections } from 'undici';
import { decodeMessage, encodeMessage, type MediaType } from '../../protocol/codec.ts';
import type { ExecutorCall, ExecutorEvent } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';

/** What an executor hears on one of its streams. */
export interface ExecutorHearing {
  status: number;
  readonly events: ExecutorEvent[];
  ended: boolean;
}

/** Speaks the executor API to an agent over HTTP, as a test tells it to. */
export class HttpExecutor {
  readonly #connections = new Connections({ pipelining: 1 });
  readonly #origin: string;
  readonly #media: MediaType;
  readonly #controller = new AbortController();

  constructor(agent: string, media: MediaType = 'application/json') {
    this.#origin = `http://${agent}`;
    this.#media = media;
  }

  async call(call: object): Promise<{ status: number; text: string }> {
    const { statusCode, body } = await this.#post(encodeMessage(this.#media, 'ExecutorCall', call as ExecutorCall));
    return { status: statusCode, text: await body.text() };
  }

  async subscribe(call: object): Promise<ExecutorHearing> {
    const { statusCode, body } = await this.#post(encodeMessage(this.#media, 'ExecutorCall', call as ExecutorCall));
    const hearing: ExecutorHearing = { status: statusCode, events: [], ended: false };
    const decoder = new RecordDecoder({ maximumLength: 1e7 });
    body.on('data', (chunk: Buffer) => {
      for (const record of decoder.push(chunk).records) {
        const decoded = decodeMessage(this.#media, 'ExecutorEvent', record);
        if (!decoded.ok) throw new Error(`an event cannot be read: ${decoded.error}`);
        hearing.events.push(decoded.value);
      }
    });
    body.once('close', () => {
      hearing.ended = true;
    });
    body.on('error', () => undefined);
    return hearing;
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await this.#connections.destroy();
  }

  #post(body: string | Uint8Array) {
    return this.#connections.request({
      origin: this.#origin,
      method: 'POST',
      path: '/api/v1/executor',
      headers: { 'content-type': this.#media, accept: this.#media },
      body,
      signal: this.#controller.signal,
      bodyTimeout: 0,
    });
  }
}
