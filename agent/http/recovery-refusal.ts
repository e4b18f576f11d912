import type { FastifyInstance } from 'fastify';
import { splitTarget } from '../../runtime/http-routing.ts';
import { refuse } from '../../runtime/refusals.ts';

/** What has nothing to do with tasks. */
const local = /^\/(health|flags|version|metrics\/snapshot|(files|logging|system)\/[^/]+)$/;

/**
 * Refuses (503), before anything else is looked at, what would tell of tasks while the agent has not found out what an earlier
 * run left: an answer without them would say that they are gone. Source: Mesos' agent while it recovers.
 */
export function refuseWhileRecovering(server: FastifyInstance, isRecovered: () => boolean): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (isRecovered() || request.is404 || local.test(splitTarget(request.url).path)) return done();
    refuse.unavailable(reply, 'Agent has not finished recovery');
  });
}
