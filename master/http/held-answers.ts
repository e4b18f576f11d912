import type { FastifyInstance } from 'fastify';
import { splitTarget } from '../../runtime/http-routing.ts';
import type { Registrar } from '../registry/registrar.ts';
import { local } from './leader-redirect.ts';

/**
 * Holds every answer back until what was decided before it is in the registry: what was asked for is done for good then, and what was read
 * will not turn out to have never been. What says how the master itself is does not wait.
 */
export function holdAnswers(server: FastifyInstance, registrar: Registrar): void {
  server.addHook('onSend', (request, _reply, payload, done) => {
    if (local.test(splitTarget(request.url).path)) done(null, payload);
    else registrar.pass(() => done(null, payload));
  });
}
