import type { FastifyInstance } from 'fastify';
import { parseDuration } from '../protocol/duration.ts';
import { double } from '../protocol/v0-json.ts';
import { sendDocument } from './document-reply.ts';
import type { LoggingLevel } from './logging-level.ts';
import { refuse } from './refusals.ts';
import { systemMetrics } from './system-metrics.ts';

/** What libprocess serves for every process, as far as it is used: `/logging/toggle` and `/system/stats.json`. */
export function processRoutes(server: FastifyInstance, loggingLevel: Pick<LoggingLevel, 'level' | 'set'>): void {
  server.all('/logging/toggle', (request, reply) => {
    const { level, duration } = request.query as { level?: string; duration?: string };
    if (level === undefined && duration === undefined)
      return reply.type('text/plain; charset=utf-8').send(`${loggingLevel.level}\n`);
    for (const [name, value] of Object.entries({ level, duration }))
      if (value === undefined) return refuse.badRequest(reply, `Expecting '${name}=value' in query.\n`);
    if (!/^-?\d+$/.test(level ?? '')) return refuse.badRequest(reply, `Failed to convert '${level}' to number.\n`);
    const seconds = parseDuration(duration ?? '');
    if (seconds === undefined) return refuse.badRequest(reply, `Invalid duration '${duration}'.\n`);
    loggingLevel.set(Number(level), seconds);
    return reply.code(200).header('content-length', '0').send();
  });
  server.all('/system/stats.json', (request, reply) => {
    const stats = systemMetrics().map(([name, value]): [string, unknown] => [
      name.replace('system/', '').replace('load_', 'avg_load_'),
      name.includes('load') ? double(value) : value,
    ]);
    return sendDocument(request, reply, Object.fromEntries(stats.sort(([left], [right]) => (left < right ? -1 : 1))));
  });
}
