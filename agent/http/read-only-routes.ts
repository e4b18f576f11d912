import type { FastifyInstance } from 'fastify';
import { sendDocument } from '../../runtime/document-reply.ts';
import { metricsRoute, type Snapshot } from '../../runtime/metrics-route.ts';
import { versionDocument } from '../../runtime/version-document.ts';
import type { ContainerStatistics } from '../container-statistics.ts';
import { containerDocument, monitorDocument } from '../documents/containers.ts';
import { stateDocument } from '../documents/state.ts';
import type { AgentIdentity } from '../identity.ts';
import type { AgentState } from '../state.ts';

export interface ReadOnlyOptions {
  state: AgentState;
  identity: () => AgentIdentity;
  statistics: ContainerStatistics;
  metrics: () => Snapshot;
}

/** The agent's unversioned endpoints. They take any method, as Mesos' do. */
export function readOnlyRoutes(server: FastifyInstance, options: ReadOnlyOptions): void {
  const { state, identity, statistics, metrics } = options;
  const documents: Record<string, () => unknown> = {
    '/version': () => versionDocument(identity().startedAt),
    '/flags': () => ({ flags: identity().flags }),
    '/state': () => stateDocument(state, identity()),
    // Images are pulled and containers made without anything that an operator could look into.
    '/containerizer/debug': () => ({ pending: [] }),
  };
  for (const [path, make] of Object.entries(documents))
    server.all(path, (request, reply) => sendDocument(request, reply, make()));
  server.all('/health', (_request, reply) => reply.code(200).header('content-length', '0').send());
  server.all('/monitor/statistics', async (request, reply) =>
    sendDocument(request, reply, monitorDocument(await statistics.measure())),
  );
  server.all('/containers', async (request, reply) => {
    const { container_id } = request.query as { container_id?: string | string[] };
    const measured = await statistics.measure({ only: [container_id].flat()[0] });
    return sendDocument(request, reply, measured.map(containerDocument));
  });
  metricsRoute(server, metrics);
}
