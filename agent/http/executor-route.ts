import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeEvent } from '../../protocol/codec.ts';
import type { ExecutorCall } from '../../protocol/messages.ts';
import { takeAnswerMedia, withCall } from '../../runtime/call-intake.ts';
import { openStream } from '../../runtime/http-server.ts';
import { refuse } from '../../runtime/refusals.ts';
import { invalidExecutorCall } from '../executor-call-validation.ts';
import type { Performer } from '../performer.ts';
import { isPod } from '../pods.ts';
import { type ExecutorRecord, executorKey } from '../state.ts';

/** `POST /api/v1/executor`, with its checks in the order of Mesos' agent. */
export function executorRoute(server: FastifyInstance, performer: () => Performer | undefined): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, call: ExecutorCall) => {
    const current = performer();
    if (current === undefined) return refuse.unavailable(reply, 'Agent has not finished recovery');
    if (call.type === 'HEARTBEAT') return accepted(reply);
    if (call.type === 'SUBSCRIBE') return subscribe(request, reply, current, call);
    const executor = namedExecutor(reply, current, call);
    if (executor === undefined) return reply;
    if (!executor.connected) return refuse.forbidden(reply, 'Executor is not subscribed');
    if (call.update !== undefined && call.type === 'UPDATE') current.takeUpdate(executor, call.update.status);
    else if (call.message !== undefined && call.type === 'MESSAGE') current.takeMessage(executor, call.message.data);
    else return refuse.notImplemented(reply);
    return accepted(reply);
  };
  server.all('/api/v1/executor', (request, reply) =>
    withCall(request, reply, 'ExecutorCall', invalidExecutorCall, (call) => answer(request, reply, call)),
  );
}

function subscribe(
  request: FastifyRequest,
  reply: FastifyReply,
  performer: Performer,
  call: ExecutorCall,
): FastifyReply {
  const media = takeAnswerMedia(request, reply);
  if (media === undefined) return reply;
  const executor = namedExecutor(reply, performer, call);
  if (executor === undefined) return reply;
  const stream = openStream(reply, { 'Content-Type': media }, () => performer.executorStreamClosed(executor, stream));
  performer.subscribeExecutor(executor, call.subscribe ?? {}, {
    stream,
    encode: (event) => encodeEvent(media, 'ExecutorEvent', event),
  });
  return reply;
}

/** Undefined when there is none, and the request has been refused. */
function namedExecutor(reply: FastifyReply, { state }: Performer, call: ExecutorCall): ExecutorRecord | undefined {
  const framework = call.framework_id.value;
  const executor = state.executors.get(executorKey(framework, call.executor_id.value));
  // A pod is the agent's own executor, and speaks with nobody.
  if (executor !== undefined && !isPod(executor)) return executor;
  const known = [...state.executors.values(), ...state.tasks.values()].some(
    (run) => run.framework.id?.value === framework,
  );
  refuse.badRequest(reply, known ? 'Executor cannot be found' : 'Framework cannot be found');
  return undefined;
}

function accepted(reply: FastifyReply): FastifyReply {
  return reply.code(202).header('content-length', '0').send();
}
