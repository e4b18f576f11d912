import type { FastifyInstance } from 'fastify';

/** Answers of this size and more count. */
const large = 1024 * 1024;

/**
 * Large documents wait in memory for their clients to take them.
 *
 * INVARIANT: together they have so many bytes at the most; who asks for one more meanwhile is refused (429).
 */
export function boundAnswers(server: FastifyInstance, mostBytes: number): void {
  let held = 0;
  server.addHook('onSend', (_request, reply, payload, done) => {
    if ((typeof payload !== 'string' && !Buffer.isBuffer(payload)) || payload.length < large)
      return done(null, payload);
    const { length } = payload;
    if (held > 0 && held + length > mostBytes) {
      reply.code(429).type('text/plain; charset=utf-8').removeHeader('content-length');
      return done(null, '429 Too Many Requests.');
    }
    held += length;
    reply.raw.once('close', () => {
      held -= length;
    });
    done(null, payload);
  });
}
