import type { FastifyInstance } from 'fastify';
import { sendDocument } from '../../runtime/document-reply.ts';
import { metricsRoute } from '../../runtime/metrics-route.ts';
import { versionDocument } from '../../runtime/version-document.ts';
import { agentsDocument } from '../documents/agents.ts';
import { frameworksDocument } from '../documents/frameworks.ts';
import { rolesDocument } from '../documents/roles.ts';
import { stateDocument } from '../documents/state.ts';
import { stateSummaryDocument } from '../documents/state-summary.ts';
import { tasksDocument } from '../documents/tasks.ts';
import { metricsSnapshot } from '../metrics-snapshot.ts';
import type { Performer } from '../performer.ts';
import type { MasterState } from '../state.ts';

type Query = Record<string, string | undefined>;

/** The unversioned endpoints. They take any method, as Mesos' do. */
export function readOnlyRoutes(server: FastifyInstance, performer: Performer, flags: Record<string, string>): void {
  const { state } = performer;
  for (const [path, make] of Object.entries(documents(state, flags)))
    server.all(path, (request, reply) => sendDocument(request, reply, make(firstValues(request.query))));
  metricsRoute(server, () => metricsSnapshot(state, performer.clock.now()));
  server.all('/health', (_request, reply) => reply.code(200).header('content-length', '0').send());
}

function documents(state: MasterState, flags: Record<string, string>): Record<string, (query: Query) => unknown> {
  return {
    '/version': () => versionDocument(state.startedAt),
    '/flags': () => ({ flags }),
    '/state': () => stateDocument(state, flags),
    '/state-summary': () => stateSummaryDocument(state),
    '/slaves': (query) => agentsDocument(state, query.slave_id),
    '/frameworks': (query) => frameworksDocument(state, query.framework_id),
    '/tasks': (query) => tasksDocument(state, query),
    '/roles': () => rolesDocument(state),
  };
}

/** Of a parameter that is repeated, the first counts. */
function firstValues(query: unknown): Query {
  return Object.fromEntries(
    Object.entries(query as Record<string, string | string[]>).map(([name, value]) => [name, [value].flat()[0]]),
  );
}
