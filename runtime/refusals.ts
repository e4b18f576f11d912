import type { FastifyReply } from 'fastify';

function send(reply: FastifyReply, code: number, text: string): FastifyReply {
  return reply.code(code).type('text/plain; charset=utf-8').send(text);
}

/** Answers to requests that cannot be served, in the form of Mesos: plain text, one sentence. */
export const refuse = {
  badRequest: (reply: FastifyReply, text: string): FastifyReply => send(reply, 400, text),
  forbidden: (reply: FastifyReply, text: string): FastifyReply => send(reply, 403, text),
  notFound: (reply: FastifyReply, text = '404 Not Found.'): FastifyReply => send(reply, 404, text),
  method: (reply: FastifyReply, received: string, allowed: string[]): FastifyReply => {
    const names = allowed.map((name) => `'${name}'`).join(', ');
    const text = `405 Method Not Allowed. Expecting one of { ${names} }, but received '${received}'.`;
    return send(reply.header('Allow', allowed.join(', ')), 405, text);
  },
  notAcceptable: (reply: FastifyReply, text: string): FastifyReply => send(reply, 406, text),
  conflict: (reply: FastifyReply, text: string): FastifyReply => send(reply, 409, text),
  mediaType: (reply: FastifyReply, text: string): FastifyReply => send(reply, 415, text),
  tooMany: (reply: FastifyReply, text: string): FastifyReply => send(reply, 429, text),
  failed: (reply: FastifyReply, text: string): FastifyReply => send(reply, 500, text),
  notImplemented: (reply: FastifyReply, text = '501 Not Implemented.'): FastifyReply => send(reply, 501, text),
  unavailable: (reply: FastifyReply, text: string): FastifyReply => send(reply, 503, text),
};
