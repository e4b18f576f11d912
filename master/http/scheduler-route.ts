import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeEvent } from '../../protocol/codec.ts';
import { asFrameworkId, asStreamId, type IdSource } from '../../protocol/ids.ts';
import type { SchedulerCall, SchedulerEvent } from '../../protocol/messages.ts';
import { type Answer, takeAnswerMedia, withCall } from '../../runtime/call-intake.ts';
import { openStream } from '../../runtime/http-server.ts';
import { refuse } from '../../runtime/refusals.ts';
import { carryOut, invalidCall, isPlain } from '../commands/scheduler-call.ts';
import { subscribe } from '../commands/subscribe.ts';
import { updateFramework } from '../commands/update-framework.ts';
import { countCall } from '../metrics.ts';
import type { Performer } from '../performer.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { Framework } from '../state.ts';

/** `POST /api/v1/scheduler`, with its checks in the order of Mesos' master; then calls wait for their turn, where there are limits. */
export function schedulerRoute(
  server: FastifyInstance,
  performer: Performer,
  ids: IdSource,
  limits: RateLimits | undefined,
): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, received: SchedulerCall) => {
    if (received.subscribe !== undefined && received.type === 'SUBSCRIBE') {
      return openSubscription(request, reply, performer, received.subscribe, ids);
    }
    // Mesos answered it with a body once, and still looks at what the client would take.
    if (received.type === 'RECONCILE_OPERATIONS' && takeAnswerMedia(request, reply) === undefined) return reply;
    return limits === undefined
      ? call(request, reply, performer, received)
      : callInTurn(request, reply, performer, received, limits);
  };
  server.all('/api/v1/scheduler', (request, reply) =>
    withCall(request, reply, 'SchedulerCall', invalidCall, (received) => answer(request, reply, received)),
  );
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
  const headers = { 'Mesos-Stream-Id': id, 'Content-Type': media };
  if ('refusal' in subscription) {
    const stream = openStream(reply, headers, () => undefined);
    const error = encodeEvent(media, 'SchedulerEvent', { type: 'ERROR', error: { message: subscription.refusal } });
    performer.pass(() => {
      stream.write(error);
      stream.end();
    });
    return reply;
  }
  const { framework, before, after } = subscription;
  performer.perform(before);
  const encode = (event: SchedulerEvent) => encodeEvent(media, 'SchedulerEvent', event);
  const stream = openStream(reply, headers, {
    onClose: () => performer.subscriptionClosed(framework, id),
    farewell: (reason) => encode({ type: 'ERROR', error: { message: `Framework disconnected: ${reason}` } }),
  });
  performer.subscribe(framework, { id, stream, encode });
  performer.perform(after);
  return reply;
}

function callInTurn(
  request: FastifyRequest,
  reply: FastifyReply,
  performer: Performer,
  content: SchedulerCall,
  limits: RateLimits,
): Answer {
  const framework = performer.state.frameworks.get(asFrameworkId(content.framework_id?.value ?? ''));
  if (framework === undefined) return call(request, reply, performer, content);
  const { promise, resolve, reject } = Promise.withResolvers<FastifyReply>();
  limits.pass(framework.info.principal, {
    bytes: Buffer.isBuffer(request.body) ? request.body.length : 0,
    takeUp: () => {
      try {
        resolve(call(request, reply, performer, content));
      } catch (error) {
        reject(error);
      }
    },
    drop: (reason, status) => {
      const say = status === 429 ? refuse.tooMany : refuse.unavailable;
      resolve(say(reply, `Message ${content.type} dropped: ${reason}`));
    },
  });
  return promise;
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
  if (content.type === 'UPDATE_FRAMEWORK') return update(reply, performer, framework, content);
  if (content.type === undefined || !isPlain(content.type)) return refuse.notImplemented(reply);
  performer.perform(carryOut(state, framework, content, clock.now()));
  return reply.code(202).header('content-length', '0').send();
}

/** The one call that tells what came of it. */
function update(reply: FastifyReply, performer: Performer, framework: Framework, content: SchedulerCall): FastifyReply {
  const { state, clock } = performer;
  countCall(state, framework, content);
  if (content.update_framework === undefined) throw new Error('a call without its member was not refused');
  const outcome = updateFramework(state, framework, content.update_framework, clock.now());
  if ('refusal' in outcome) return refuse.badRequest(reply, outcome.refusal);
  performer.perform(outcome.effects);
  return reply.code(200).header('content-length', '0').send();
}
