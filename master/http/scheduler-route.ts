import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeMessage } from '../../protocol/codec.ts';
import { asFrameworkId, asStreamId, type IdSource } from '../../protocol/ids.ts';
import type { SchedulerCall } from '../../protocol/messages.ts';
import { takeAnswerMedia, takeCall } from '../../runtime/call-intake.ts';
import { RecordStream } from '../../runtime/record-stream.ts';
import { refuse } from '../../runtime/refusals.ts';
import { carryOut, invalidCall } from '../commands/scheduler-call.ts';
import { subscribe } from '../commands/subscribe.ts';
import type { Performer } from '../performer.ts';

/** `POST /api/v1/scheduler`, with its checks in the order of Mesos' master. */
export function schedulerRoute(server: FastifyInstance, performer: Performer, ids: IdSource): void {
  server.all('/api/v1/scheduler', (request, reply) => {
    const received = takeCall(request, reply, 'SchedulerCall', invalidCall);
    if (received === undefined) return reply;
    if (received.subscribe !== undefined && received.type === 'SUBSCRIBE') {
      return openSubscription(request, reply, performer, received.subscribe, ids);
    }
    return call(request, reply, performer, received);
  });
}

function openSubscription(
  request: FastifyRequest,
  reply: FastifyReply,
  performer: Performer,
  content: NonNullable<SchedulerCall['subscribe']>,
  ids: IdSource,
): FastifyReply {
  const media = takeAnswerMedia(request, reply);
  if (media === undefined) return reply;
  if (request.headers['mesos-stream-id'] !== undefined) {
    return refuse.badRequest(reply, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  const id = asStreamId(ids.uuid());
  const subscription = subscribe(performer.state, content, performer.clock.now());
  reply.hijack();
  const headers = { 'Mesos-Stream-Id': id, 'Content-Type': media };
  if ('refusal' in subscription) {
    const stream = new RecordStream(reply.raw, headers, () => undefined);
    stream.write(encodeMessage(media, 'SchedulerEvent', { type: 'ERROR', error: { message: subscription.refusal } }));
    stream.end();
    return reply;
  }
  const { framework, before, after } = subscription;
  performer.perform(before);
  const stream = new RecordStream(reply.raw, headers, () => performer.subscriptionClosed(framework, id));
  performer.subscribe(framework, { id, stream, encode: (event) => encodeMessage(media, 'SchedulerEvent', event) });
  performer.perform(after);
  return reply;
}

function call(
  request: FastifyRequest,
  reply: FastifyReply,
  performer: Performer,
  content: SchedulerCall,
): FastifyReply {
  const { state, clock } = performer;
  const id = asFrameworkId(content.framework_id?.value ?? '');
  const framework = state.frameworks.get(id);
  if (framework === undefined) return refuse.badRequest(reply, 'Framework cannot be found');
  const subscriber = performer.subscriberOf(id);
  if (!framework.connected || subscriber === undefined) return refuse.forbidden(reply, 'Framework is not subscribed');
  const given = request.headers['mesos-stream-id'];
  if (given === undefined) {
    return refuse.badRequest(reply, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  }
  if (given !== subscriber.id) {
    const text = `The stream ID '${String(given)}' included in this request didn't match the stream ID currently associated with framework ID ${id}`;
    return refuse.badRequest(reply, text);
  }
  if (content.type === 'UNKNOWN') return refuse.notImplemented(reply);
  performer.perform(carryOut(state, framework, content, clock.now()));
  return reply.code(202).header('content-length', '0').send();
}
