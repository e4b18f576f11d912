import type { FastifyInstance, FastifyRequest } from 'fastify';
import { asAgentId } from '../../protocol/ids.ts';
import { refuse } from '../../runtime/refusals.ts';
import type { MasterState } from '../state.ts';

/** Bytes of a form that are looked at. */
const longestForm = 1024 * 1024;

/**
 * Unversioned endpoints whose changes a later version will perform: they are checked as Mesos checks them, and then refused
 * plainly, never passed over.
 */
export function laterRoutes(server: FastifyInstance, state: MasterState): void {
  for (const [path, member] of [
    ['/reserve', 'resources'],
    ['/unreserve', 'resources'],
    ['/create-volumes', 'volumes'],
    ['/destroy-volumes', 'volumes'],
  ] as const) {
    server.all(path, (request, reply) => {
      if (request.method !== 'POST') return refuse.method(reply, request.method, ['POST']);
      const wrong = invalidForm(state, request, member);
      return wrong === undefined ? refuse.notImplemented(reply) : refuse.badRequest(reply, wrong);
    });
  }
}

function invalidForm(state: MasterState, { body }: FastifyRequest, member: string): string | undefined {
  const form = new URLSearchParams(Buffer.isBuffer(body) ? body.subarray(0, longestForm).toString() : '');
  for (const name of ['slaveId', member])
    if (!form.has(name)) return `Missing '${name}' query parameter in the request body`;
  const known = state.agents.has(asAgentId(form.get('slaveId') ?? ''));
  return known ? undefined : 'No agent found with specified ID';
}
