import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { decodeJson } from '../../protocol/json-codec.ts';
import { double, embed } from '../../protocol/v0-json.ts';
import { sendDocument } from '../../runtime/document-reply.ts';
import { refuse } from '../../runtime/refusals.ts';
import { removeQuota, setQuota } from '../commands/quota.ts';
import { updateWeights } from '../commands/weights.ts';
import type { Effect } from '../effects.ts';
import { quotaStatus, weightInfos } from '../operator/quota-status.ts';
import type { Performer } from '../performer.ts';
import { bodyOf, readList } from './json-list.ts';

type Outcome = { refusal: 'badRequest' | 'conflict'; text: string } | { effects: Effect[] };

/** `/weights` and `/quota`, as operators' scripts call them. */
export function quotaRoutes(server: FastifyInstance, performer: Performer): void {
  const { state, clock } = performer;

  server.all('/weights', (request, reply) => {
    if (request.method === 'GET')
      return sendDocument(
        request,
        reply,
        weightInfos(state).map(({ role, weight }) => ({ role, weight: double(weight) })),
      );
    if (request.method !== 'PUT') return refuse.method(reply, request.method, ['GET', 'PUT']);
    const body = bodyOf(request);
    const infos = readList('WeightInfo', body);
    if ('error' in infos) return unreadable(reply, 'update weights', body, infos.error);
    const outcome = updateWeights(state, infos.value, clock.now());
    return answer(reply, performer, 'refusal' in outcome ? { refusal: 'badRequest', text: outcome.refusal } : outcome);
  });

  // A role may follow in the path, as in every path of Mesos'; DELETE alone looks at it.
  server.all('/quota', (request, reply) => {
    if (request.method === 'GET') return sendDocument(request, reply, embed('QuotaQuotaStatus', quotaStatus(state)));
    if (request.method === 'DELETE') return answer(reply, performer, remove(performer, request));
    if (request.method !== 'POST') return refuse.method(reply, request.method, ['GET', 'POST', 'DELETE']);
    const body = bodyOf(request);
    const quota = decodeJson('QuotaQuotaRequest', body);
    if (!quota.ok) return unreadable(reply, 'set quota', body, quota.error);
    return answer(reply, performer, setQuota(state, quota.value, clock.now()));
  });
}

function remove({ state }: Performer, request: FastifyRequest): Outcome {
  const path = request.originalUrl.replace(/\?.*/, '');
  const [role, ...more] = path
    .replace(/^.*?\/quota/, '')
    .split('/')
    .filter((token) => token !== '');
  const place = `for path '${path}'`;
  if (role === undefined || more.length > 0) {
    const found = path.split('/').filter((token) => token !== '').length;
    const text = `Failed to parse remove quota request ${place}: 3 tokens ('master', 'quota', 'role') required, found ${found} token(s)`;
    return { refusal: 'badRequest', text };
  }
  return removeQuota(state, role, `Failed to remove quota ${place}`);
}

function unreadable(reply: FastifyReply, what: string, body: Buffer, error: string): FastifyReply {
  return refuse.badRequest(reply, `Failed to parse ${what} request JSON '${body}': ${error}`);
}

function answer(reply: FastifyReply, performer: Performer, outcome: Outcome): FastifyReply {
  if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
  performer.perform(outcome.effects);
  return reply.code(200).header('content-length', '0').send();
}
