import type { FastifyInstance } from 'fastify';
import { asFrameworkId } from '../../protocol/ids.ts';
import { refuse } from '../../runtime/refusals.ts';
import { removeFramework } from '../commands/remove-framework.ts';
import type { Performer } from '../performer.ts';

/** Bytes that are looked at: a form of millions of members would take much memory. */
const longestForm = 64 * 1024;

/** `POST /teardown` with a form `frameworkId=…`: an operator ends a framework and its tasks. */
export function teardownRoute(server: FastifyInstance, performer: Performer): void {
  server.all('/teardown', (request, reply) => {
    if (request.method !== 'POST') return refuse.method(reply, request.method, ['POST']);
    const form = Buffer.isBuffer(request.body) ? request.body.subarray(0, longestForm).toString() : '';
    const id = new URLSearchParams(form).get('frameworkId');
    if (id === null) return refuse.badRequest(reply, "Missing 'frameworkId' query parameter in the request body");
    const framework = performer.state.frameworks.get(asFrameworkId(id));
    if (framework === undefined) return refuse.badRequest(reply, 'No framework found with specified ID');
    performer.perform(removeFramework(performer.state, framework, performer.clock.now()));
    return reply.code(200).header('content-length', '0').send();
  });
}
