import type { FastifyInstance, FastifyReply } from 'fastify';
import { agentLinkPath } from '../../protocol/agent-link.ts';
import { asAgentId, type IdSource } from '../../protocol/ids.ts';
import { refuse } from '../../runtime/refusals.ts';
import { sendToAgent } from '../effects.ts';
import type { Performer } from '../performer.ts';

const patienceMs = 30_000;

/**
 * `GET /mesita/v1/agents/<agent id>/<path>`: a request to an agent's own HTTP server by way of its link, so that clients
 * need to reach nothing but the master. The agent posts the answer, which is passed on as it streams in.
 */
export function relayRoute(server: FastifyInstance, performer: Performer, ids: IdSource): void {
  const waiting = new Map<string, { reply: FastifyReply; cancel: () => void }>();

  server.get('/mesita/v1/agents/:agent/*', (request, reply) => {
    const { agent, '*': path } = request.params as { agent: string; '*': string };
    const known = performer.state.agents.get(asAgentId(agent));
    if (known === undefined) return refuse.notFound(reply);
    if (!known.connected) return refuse.unavailable(reply, `Agent ${agent} is disconnected`);
    const id = ids.uuid();
    const mark = request.raw.url?.indexOf('?') ?? -1;
    const query = mark === -1 ? '' : (request.raw.url ?? '').slice(mark);
    const cancel = performer.clock.after(patienceMs, () => {
      waiting.delete(id);
      refuse.unavailable(reply, `Agent ${agent} does not answer`);
    });
    waiting.set(id, { reply, cancel });
    reply.raw.once('close', () => {
      cancel();
      waiting.delete(id);
    });
    performer.perform([sendToAgent(known.id, { type: 'HTTP_REQUEST', request_id: id, url: `/${path}${query}` })]);
    return reply;
  });

  // The body is passed on unread, whatever its size.
  server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, proceed) => proceed(null));
    scope.post(`${agentLinkPath}/relay/:id`, async (request, reply) => {
      const { id } = request.params as { id: string };
      const client = waiting.get(id);
      if (client === undefined) return refuse.notFound(reply);
      waiting.delete(id);
      client.cancel();
      const status = Number(request.headers['mesita-status'] ?? 200);
      const type = String(request.headers['content-type'] ?? 'application/octet-stream');
      client.reply.code(status).header('content-type', type).send(request.raw);
      await new Promise((resolve) => request.raw.once('close', resolve));
      return reply.code(202).send();
    });
    done();
  });
}
