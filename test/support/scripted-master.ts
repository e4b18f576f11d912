import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { decodeMessage, encodeMessage, isMediaType } from '../../protocol/codec.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { encodeRecord } from '../../protocol/record-io.ts';

export interface ScriptedRequest {
  path: string;
  headers: IncomingMessage['headers'];
  /** The body, from JSON or (a scheduler's call) from protobuf. */
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into it as it likes.
  body: any;
  response: ServerResponse;
  /** Answers with a stream that carries this id, in the form that the request accepts; returns what writes a record. */
  stream(id: string): (record: unknown) => void;
  answer(status: number, text?: string, headers?: Record<string, string>): void;
}

/** An HTTP server that does with each request what the test says, and keeps them all. */
export class ScriptedMaster {
  readonly requests: ScriptedRequest[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(script: (request: ScriptedRequest, index: number) => void): Promise<ScriptedMaster> {
    const server = createServer();
    const master = new ScriptedMaster(server);
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const request = {
          path: incoming.url ?? '',
          headers: incoming.headers,
          body: bodyOf(incoming, Buffer.concat(chunks)),
          response,
          stream: (id: string) => {
            response.writeHead(200, { 'Content-Type': incoming.headers.accept ?? '', 'Mesos-Stream-Id': id });
            response.flushHeaders();
            return (record: unknown) => void response.write(encodeRecord(inForm(incoming.headers.accept, record)));
          },
          answer: (status: number, text = '', headers: Record<string, string> = {}) => {
            response.writeHead(status, headers);
            response.end(text);
          },
        };
        master.requests.push(request);
        script(request, master.requests.length - 1);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return master;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function bodyOf({ headers }: IncomingMessage, body: Buffer): unknown {
  if (headers['content-type'] !== 'application/x-protobuf') return JSON.parse(body.toString() || 'null');
  const decoded = decodeMessage('application/x-protobuf', 'SchedulerCall', body);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

function inForm(media: string | undefined, record: unknown): string | Uint8Array {
  if (media === undefined || !isMediaType(media) || media === 'application/json') return JSON.stringify(record);
  return encodeMessage(media, 'SchedulerEvent', record as SchedulerEvent);
}
