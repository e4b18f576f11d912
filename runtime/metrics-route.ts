import type { FastifyInstance } from 'fastify';
import { parseDuration } from '../protocol/duration.ts';
import { doubles } from '../protocol/v0-documents.ts';
import { sendDocument } from './document-reply.ts';
import { refuse } from './refusals.ts';

/** Name → value, sorted by name. */
export type Snapshot = Record<string, number>;

/** From metrics in any order. */
export function snapshotOf(metrics: Iterable<readonly [string, number]>): Snapshot {
  return Object.fromEntries([...metrics].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** `/metrics/snapshot`: one flat object of numbers. There is nothing to wait for, so that a timeout is but checked. */
export function metricsRoute(server: FastifyInstance, snapshot: () => Snapshot): void {
  server.all('/metrics/snapshot', (request, reply) => {
    const { timeout } = request.query as { timeout?: string | string[] };
    const text = [timeout].flat()[0];
    if (text !== undefined && parseDuration(text) === undefined) {
      const number = /^[-+\d.e]*/.exec(text)?.[0] ?? '';
      return refuse.badRequest(reply, `Invalid timeout '${text}': Failed to convert '${number}' to number.\n`);
    }
    return sendDocument(request, reply, doubles(snapshot()));
  });
}
