import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { boundAnswers } from './http-answers.ts';
import { BodyRefusal, readBodies, refuseWhileSending } from './http-body.ts';
import { compressAnswers } from './http-compression.ts';
import { ConnectionTurns } from './http-connection.ts';
import { endpointOf, targetProblem } from './http-routing.ts';
import type { Log } from './log.ts';
import { LongWork } from './long-work.ts';
import { RecordStream, type StreamLimits, type StreamListener } from './record-stream.ts';
import { refuse } from './refusals.ts';

export interface HttpServerOptions {
  log: Log;
  /** The name that may stand before the endpoints: `master`, `slave(1)`. */
  actor: string;
  /** Bytes of a request's body at the most, also after decompression. */
  bodyLimit: number;
  timeouts?: HttpTimeouts;
  /** Bytes that may wait for the client of a stream. */
  streamBacklog?: number;
  /** Such a client was cut off. */
  onCutOff?: () => void;
  /** Bytes of all large answers that are being sent at a time. */
  answerLimit?: number;
  /** Its end is that of `gentleEnd`: answers are not cut off. */
  gentle?: boolean;
}

/** Milliseconds. */
export interface HttpTimeouts {
  /** From the first byte of a request to the end of its head. */
  head: number;
  /** From there to the end of its body, where that is collected. */
  body: number;
  /** A connection on which nothing moves for so long is closed; streams are exempt. */
  idle: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    streamLimits: StreamLimits;
    longWork: LongWork;
  }
}

/** Makes a stream of records of an answer; a listener that is but a function is its `onClose`. */
export function openStream(
  reply: FastifyReply,
  headers: Record<string, string>,
  listener: StreamListener | (() => void),
): RecordStream {
  reply.hijack();
  const { streamLimits } = reply.server;
  return new RecordStream(
    reply.raw,
    headers,
    streamLimits,
    typeof listener === 'function' ? { onClose: listener } : listener,
  );
}

/** What libprocess itself serves, which is never found below the actor's name. */
const global = new Set(['version', 'metrics', 'files', 'logging', 'profiler', 'system', 'help', 'memory-profiler']);

/** The recorded Mesos takes a header of 70,000 bytes. */
const longestHead = 128 * 1024;
const defaultStreamBacklog = 32 * 1024 * 1024;
const defaultTimeouts: HttpTimeouts = { head: 30_000, body: 300_000, idle: 75_000 };
/** Bytes of large bodies that are being received at a time. */
const mostHeld = 256 * 1024 * 1024;
/** Bytes of large answers that are being sent at a time. */
const mostAnswered = 1024 * 1024 * 1024;

/**
 * A fastify server that hands every body over as a Buffer, and does as libprocess does in routing, compression and the
 * order of answers. Bodies that come slowly, never or without end, and what is no HTTP, are refused or cut off.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const paths = new Set<string>();
  const { head, body, idle } = options.timeouts ?? defaultTimeouts;
  const turns = new ConnectionTurns(options.log);
  const server = Fastify({
    http: {
      requireHostHeader: false,
      maxHeaderSize: longestHead,
      headersTimeout: head,
      connectionsCheckingInterval: Math.min(head, 5_000),
    },
    // Of a body's time the body's reader takes care: uploads of files may take as long as something moves.
    requestTimeout: 0,
    connectionTimeout: idle,
    // Streams are ended by whoever opened them, before this.
    forceCloseConnections: options.gentle === true ? 'idle' : true,
    rewriteUrl: (request) => endpointOf(request.url ?? '/', { actor: options.actor, global, paths }),
    exposeHeadRoutes: false,
    clientErrorHandler: (error, socket) => turns.onClientError(error, socket),
    frameworkErrors: (error, _request, reply) => {
      (reply as FastifyReply).code(400).type('text/plain; charset=utf-8').send(error.message);
    },
  });
  // Mesos never refuses an expectation.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));
  server.addHook('onRoute', ({ url }) => void paths.add(url));
  server.decorate('streamLimits', {
    backlog: options.streamBacklog ?? defaultStreamBacklog,
    log: options.log,
    ...(options.onCutOff && { onCutOff: options.onCutOff }),
  });
  server.decorate('longWork', new LongWork());
  turns.install(server);
  server.addHook('onRequest', (request, reply, done) => {
    const problem = targetProblem(request.originalUrl);
    if (problem === undefined) done();
    else refuse.badRequest(reply, problem);
  });
  readBodies(server, { bytes: options.bodyLimit, total: mostHeld, milliseconds: body });
  compressAnswers(server);
  boundAnswers(server, options.answerLimit ?? mostAnswered);
  server.setNotFoundHandler((_request, reply) => refuse.notFound(reply));
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof BodyRefusal && error.sending) return refuseWhileSending(request, reply, error);
    const expected = error instanceof BodyRefusal || (error.statusCode ?? 500) < 500;
    if (!expected) {
      options.log.error({ url: request.url, error: describeError(error), stack: error.stack }, 'request failed');
    }
    const text = expected ? error.message : '500 Internal Server Error.';
    return reply
      .code(error.statusCode ?? 500)
      .type('text/plain; charset=utf-8')
      .send(text);
  });
  return server;
}

/** Listens, or throws MESITA_PORT_IN_USE or MESITA_LISTEN_FAILED. The port that was taken, also for port 0. */
export async function listen(server: FastifyInstance, address: { ip: string; port: number }): Promise<number> {
  try {
    await server.listen({ host: address.ip, port: address.port });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const where = `${address.ip}:${address.port}`;
    if (code === 'EADDRINUSE') {
      throw new MesitaError('MESITA_PORT_IN_USE', { message: `Another process listens on ${where}`, cause });
    }
    throw new MesitaError('MESITA_LISTEN_FAILED', {
      message: `Cannot listen on ${where}: ${describeError(cause)}`,
      cause,
    });
  }
  const bound = server.server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
}

export interface GentleEnd {
  /** Nobody new is let in; calls on connections that are open are answered 503. */
  begin(): void;
  /** Resolves when all answers that were being written are out, or the time is over. */
  finish(): Promise<void>;
}

const closingLookMs = 20;

/** Ends a server in two steps, between which streams are ended. `patience`: milliseconds that answers may take. */
export function gentleEnd(server: FastifyInstance, patience: number): GentleEnd {
  let closed: Promise<unknown> | undefined;
  const begin = () => {
    closed ??= server.close();
  };
  const finish = async () => {
    begin();
    // A connection that has answered its last request stays open on its own.
    const looking = setInterval(() => server.server.closeIdleConnections(), closingLookMs);
    const force = setTimeout(() => server.server.closeAllConnections(), patience);
    await closed;
    clearInterval(looking);
    clearTimeout(force);
  };
  return { begin, finish };
}

const loopback = /^(127\.|::1$|localhost$)/;

export function isLoopback(ip: string): boolean {
  return loopback.test(ip);
}
