import type { FastifyInstance } from 'fastify';
import { splitTarget } from '../../runtime/http-routing.ts';
import { refuse } from '../../runtime/refusals.ts';

/** Who leads: this master, another that clients reach at an address, or nobody that is known. */
export type Leader = 'self' | { hostname: string; port: number } | undefined;

/** What every master answers itself. */
export const local = /^\/(health|flags|version|metrics\/snapshot|files\/[^/]+|redirect)$/;

/**
 * Sends requests for what only the leader knows to it (307; 503 while there is none, or it does not know yet), before anything else is looked at.
 * The location has no scheme, and the path and query of the request. `/redirect` names the leader at any rate.
 */
export function leaderRedirect(
  server: FastifyInstance,
  leader: () => Leader | 'recovering',
  self: () => { hostname: string; port: number },
): void {
  server.addHook('onRequest', (request, reply, done) => {
    const found = leader();
    if (found === 'self' || request.is404 || local.test(splitTarget(request.url).path)) return done();
    if (found === 'recovering') return refuse.unavailable(reply, 'Master has not finished recovery');
    if (found === undefined) return refuse.unavailable(reply, 'No leader elected');
    const { path, query } = splitTarget(request.originalUrl);
    reply
      .code(307)
      .header('Location', `${baseOf(found)}${path}${query}`)
      .header('content-length', '0')
      .send();
  });

  server.all('/redirect', (request, reply) => {
    // The one endpoint that does not answer for what is below it.
    if (!/\/redirect\/*$/.test(splitTarget(request.originalUrl).path)) return refuse.notFound(reply);
    const found = leader();
    const base = baseOf(typeof found === 'object' ? found : self());
    return reply.code(307).header('Location', base).header('content-length', '0').send();
  });
}

function baseOf({ hostname, port }: { hostname: string; port: number }): string {
  return `//${hostname}:${port}`;
}
