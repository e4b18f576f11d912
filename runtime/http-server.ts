import Fastify, { type FastifyInstance } from 'fastify';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { Log } from './log.ts';

export interface HttpServerOptions {
  log: Log;
  /** Prefixes that stand for the root, e.g. `/master`. */
  aliases: readonly string[];
  /** Bytes of a request's body at the most. */
  bodyLimit: number;
}

/** A fastify server that hands every body over as a Buffer and routes as libprocess does: aliases, trailing slashes, longest prefix. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const paths = new Set<string>();
  const server = Fastify({
    bodyLimit: options.bodyLimit,
    // Streams are ended by whoever opened them, before this.
    forceCloseConnections: true,
    rewriteUrl: (request) => route(request.url ?? '/', options.aliases, paths),
    exposeHeadRoutes: false,
  });
  server.addHook('onRoute', ({ url }) => void paths.add(url));
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain; charset=utf-8').send('404 Not Found.'),
  );
  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500)
      options.log.error({ url: request.url, error: describeError(error), stack: error.stack }, 'request failed');
    const text = status >= 500 ? '500 Internal Server Error.' : error.message;
    return reply.code(status).type('text/plain; charset=utf-8').send(text);
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

function route(url: string, aliases: readonly string[], paths: ReadonlySet<string>): string {
  const mark = url.indexOf('?');
  const query = mark === -1 ? '' : url.slice(mark);
  let path = `/${(mark === -1 ? url : url.slice(0, mark))
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`;
  for (const alias of aliases) {
    if (path === alias || path.startsWith(`${alias}/`)) path = path.slice(alias.length) || '/';
  }
  if (path.startsWith('/mesita/')) return path + query;
  // A path below a route is the route's, unless a longer route matches.
  for (let prefix = path; prefix !== ''; prefix = prefix.slice(0, prefix.lastIndexOf('/'))) {
    if (paths.has(prefix)) return prefix + query;
  }
  return path + query;
}

const loopback = /^(127\.|::1$|localhost$)/;

export function isLoopback(ip: string): boolean {
  return loopback.test(ip);
}
