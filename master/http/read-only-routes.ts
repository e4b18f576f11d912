import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { MasterState } from '../state.ts';
import { agentDocument, frameworkDocument, stateDocument, taskDocument, versionDocument } from './state-document.ts';

/** The unversioned endpoints. They take any method, as Mesos' do. */
export function readOnlyRoutes(server: FastifyInstance, state: MasterState, flags: Record<string, string>): void {
  server.all('/health', (_request, reply) => reply.code(200).header('content-length', '0').send());
  server.all('/redirect', (_request, reply) => {
    const { hostname, port } = state.master;
    return reply.code(307).header('Location', `//${hostname}:${port}`).header('content-length', '0').send();
  });
  const documents: Record<string, () => unknown> = {
    '/version': () => versionDocument(state.startedAt),
    '/flags': () => ({ flags }),
    '/state': () => stateDocument(state, flags),
    '/slaves': () => ({
      slaves: [...state.agents.values()].map((agent) => agentDocument(state, agent)),
      recovered_slaves: [],
    }),
    '/frameworks': () => ({
      frameworks: [...state.frameworks.values()].map((framework) => frameworkDocument(state, framework)),
      completed_frameworks: [...state.completedFrameworks.values()].map((framework) =>
        frameworkDocument(state, framework),
      ),
      unregistered_frameworks: [],
    }),
    '/tasks': () => ({
      tasks: [...state.frameworks.values(), ...state.completedFrameworks.values()].flatMap((framework) =>
        [...framework.tasks.values(), ...framework.unreachableTasks.values(), ...framework.completedTasks].map((task) =>
          taskDocument(framework, task),
        ),
      ),
    }),
  };
  for (const [path, make] of Object.entries(documents))
    server.all(path, (request, reply) => sendDocument(request, reply, make()));
}

/** JSON, or with `?jsonp=fn` a script that calls fn. */
function sendDocument(request: FastifyRequest, reply: FastifyReply, document: unknown): FastifyReply {
  const text = JSON.stringify(document);
  const { jsonp } = request.query as { jsonp?: string };
  if (jsonp === undefined) return reply.header('content-type', 'application/json').serializer(String).send(text);
  return reply.header('content-type', 'text/javascript').send(`${jsonp}(${text})`);
}
