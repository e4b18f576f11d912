import type { FastifyReply, FastifyRequest } from 'fastify';
import { writeV0 } from '../protocol/v0-json.ts';

/** A document of an unversioned endpoint: JSON, or with `?jsonp=fn`, even an empty one, a script that calls fn. */
export function sendDocument(request: FastifyRequest, reply: FastifyReply, document: unknown): FastifyReply {
  const text = writeV0(document);
  const { jsonp } = request.query as { jsonp?: string | string[] };
  if (jsonp === undefined) return reply.header('content-type', 'application/json').serializer(String).send(text);
  return reply.header('content-type', 'text/javascript').send(`${[jsonp].flat()[0]}(${text})`);
}
