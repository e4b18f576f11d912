import type { FastifyInstance } from 'fastify';
import { asFrameworkId, asTaskId } from '../../protocol/ids.ts';
import { parseJsonBody } from '../../runtime/json-body.ts';
import { refuse } from '../../runtime/refusals.ts';
import { kill } from '../commands/kill.ts';
import type { Performer } from '../performer.ts';

/** Seconds. */
const longestGrace = 1e9;

/**
 * `POST /mesita/v1/kill {framework_id, task_id, grace_seconds?}`: an operator's kill of one task, whosever it is; the
 * framework hears TASK_KILLED as after its own KILL. Mesos has no such call.
 */
export function killRoute(server: FastifyInstance, performer: Performer): void {
  server.post('/mesita/v1/kill', (request, reply) => {
    const asked = parse(request.body);
    if (asked === undefined) return refuse.badRequest(reply, 'Expecting a JSON object with framework_id and task_id');
    const framework = performer.state.frameworks.get(asFrameworkId(asked.framework_id));
    if (framework === undefined || !framework.tasks.has(asTaskId(asked.task_id))) return refuse.notFound(reply);
    const { grace_seconds } = asked;
    const policy =
      grace_seconds === undefined
        ? {}
        : { kill_policy: { grace_period: { nanoseconds: Math.round(grace_seconds * 1e9) } } };
    const call = { task_id: { value: asked.task_id }, ...policy };
    performer.perform(kill(performer.state, framework, call, performer.clock.now()));
    return reply.code(202).header('content-length', '0').send();
  });
}

function parse(body: unknown): { framework_id: string; task_id: string; grace_seconds?: number } | undefined {
  const value = parseJsonBody(body);
  if (typeof value !== 'object' || value === null) return undefined;
  const { framework_id, task_id, grace_seconds } = value as Record<string, unknown>;
  if (typeof framework_id !== 'string' || typeof task_id !== 'string') return undefined;
  if (grace_seconds === undefined) return { framework_id, task_id };
  return typeof grace_seconds === 'number' && grace_seconds >= 0 && grace_seconds <= longestGrace
    ? { framework_id, task_id, grace_seconds }
    : undefined;
}
