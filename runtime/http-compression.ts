import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

/** Shorter bodies are sent as they are, as by Mesos. */
const shortest = 1024;

/** Compresses what is answered in one piece, where the client takes gzip. Streams are never compressed. */
export function compressAnswers(server: FastifyInstance): void {
  server.addHook('onSend', (request, reply, payload, done) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return done(null, payload);
    if (payload.length < shortest || reply.hasHeader('content-encoding')) return done(null, payload);
    if (!acceptsGzip(request.headers['accept-encoding'])) return done(null, payload);
    gzip(payload, (error, compressed) => {
      if (error !== null) return done(error);
      reply.header('content-encoding', 'gzip').header('content-length', String(compressed.length));
      done(null, compressed);
    });
  });
}

/** Whether an Accept-Encoding header allows gzip, by its name or by `*`; weights count only when they are 0. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const entries = String(header ?? '')
    .toLowerCase()
    .replaceAll(/\s/g, '')
    .split(',')
    .map((entry) => entry.split(';'));
  const entry = entries.find(([name]) => name === 'gzip') ?? entries.find(([name]) => name === '*');
  return entry !== undefined && !entry.slice(1).some((parameter) => /^q=0(\.0*)?$/.test(parameter));
}
