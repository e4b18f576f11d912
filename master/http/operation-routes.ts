import type { FastifyInstance } from 'fastify';
import { asAgentId } from '../../protocol/ids.ts';
import type { OfferOperation, Resource } from '../../protocol/messages.ts';
import { refuse } from '../../runtime/refusals.ts';
import { type OperationOutcome, operateOnAgent } from '../commands/operator-operations.ts';
import type { Performer } from '../performer.ts';
import { readList } from './json-list.ts';

/** Bytes of a form that are looked at. */
const longestForm = 1024 * 1024;

interface Endpoint {
  /** Of the form, with the resources that the operation names. */
  member: 'resources' | 'volumes';
  make(resources: Resource[], source: Resource[]): OfferOperation;
}

const endpoints: Record<string, Endpoint> = {
  '/reserve': {
    member: 'resources',
    make: (resources, source) => ({ type: 'RESERVE', reserve: { resources, source } }),
  },
  '/unreserve': { member: 'resources', make: (resources) => ({ type: 'UNRESERVE', unreserve: { resources } }) },
  '/create-volumes': { member: 'volumes', make: (volumes) => ({ type: 'CREATE', create: { volumes } }) },
  '/destroy-volumes': { member: 'volumes', make: (volumes) => ({ type: 'DESTROY', destroy: { volumes } }) },
};

/** An operator's operations as forms: `slaveId=…&resources=[…]`. */
export function operationRoutes(server: FastifyInstance, performer: Performer): void {
  for (const [path, endpoint] of Object.entries(endpoints)) {
    server.all(path, (request, reply) => {
      if (request.method !== 'POST') return refuse.method(reply, request.method, ['POST']);
      const body = Buffer.isBuffer(request.body) ? request.body.subarray(0, longestForm).toString() : '';
      const outcome = carryOut(performer, endpoint, new URLSearchParams(body));
      if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
      performer.perform(outcome.effects);
      return reply.code(202).header('content-length', '0').send();
    });
  }
}

function carryOut({ state, clock }: Performer, { member, make }: Endpoint, form: URLSearchParams): OperationOutcome {
  for (const name of ['slaveId', member])
    if (!form.has(name)) return badRequest(`Missing '${name}' query parameter in the request body`);
  const agent = state.agents.get(asAgentId(form.get('slaveId') ?? ''));
  if (agent === undefined) return badRequest('No agent found with specified ID');
  const resources = read(form, member);
  if ('refusal' in resources) return resources;
  const source = form.has('source') ? read(form, 'source') : { value: [] };
  if ('refusal' in source) return source;
  return operateOnAgent(state, agent, make(resources.value, source.value), clock.now());
}

function read(form: URLSearchParams, name: string): { value: Resource[] } | (OperationOutcome & { refusal: string }) {
  const list = readList('Resource', Buffer.from(form.get(name) ?? ''));
  if ('value' in list) return list;
  return badRequest(`Error parsing '${name}' query parameter in the request body: ${list.error}`);
}

function badRequest(text: string): OperationOutcome & { refusal: 'badRequest' } {
  return { refusal: 'badRequest', text };
}
