import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Log } from './log.ts';

/** Requests that one connection may have waiting; who pipelines more is cut off. */
const mostWaiting = 100;

/**
 * The turns of the requests on each connection.
 *
 * INVARIANT: a request is taken up when the answer to the one before it has ended, so that pipelined calls take effect
 * in their order. Behind an event stream it waits until that ends; when the client hangs up first, it was never made.
 */
export class ConnectionTurns {
  readonly #latest = new WeakMap<Socket, ServerResponse>();
  readonly #waiting = new WeakMap<Socket, number>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  install(server: FastifyInstance): void {
    server.addHook('onRequest', (request, reply, done) => {
      const { socket } = request.raw;
      const previous = this.#latest.get(socket);
      this.#latest.set(socket, reply.raw);
      if (previous === undefined || previous.writableEnded) return done();
      const waiting = (this.#waiting.get(socket) ?? 0) + 1;
      this.#waiting.set(socket, waiting);
      if (waiting > mostWaiting) {
        this.#log.warn({ client: request.ip, waiting }, 'too many requests wait on one connection: closing it');
        socket.destroy();
        return;
      }
      previous.once('close', () => {
        this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
        if (!socket.destroyed) done();
      });
    });
  }

  /** What is no HTTP, or did not come in time: answered where nothing else is being answered, then closed. */
  onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const latest = this.#latest.get(socket);
    if (latest !== undefined && !latest.writableEnded) {
      // A whole request before the garbage still gets its answer.
      if (latest.req.complete && !latest.headersSent && socket.writable) latest.once('close', () => socket.destroy());
      else socket.destroy();
      return;
    }
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = statusOf(error.code);
    const text = `${status} ${STATUS_CODES[status]}.`;
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${text.length}`,
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
    socket.destroySoon();
  }
}

function statusOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}
