import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MediaType } from '../protocol/codec.ts';
import type { Messages } from '../protocol/messages.ts';
import { type CallType, decodeCall, mediaOfAnswer, mediaOfBody } from './media.ts';
import { refuse } from './refusals.ts';

/** How Mesos calls the messages in `Failed to validate …`. */
const mesosNames: Record<CallType, string> = {
  SchedulerCall: 'scheduler::Call',
  MasterCall: 'master::Call',
  AgentCall: 'agent::Call',
  ExecutorCall: 'Executor::Call',
};

/**
 * The checks that come before a call is looked at, in the order of Mesos: method (405), content type (400, 415), decoding
 * (400), validation (400). Undefined when the request has been refused; the route has then but to return the reply.
 *
 * @param invalidCall The first thing wrong with a decoded call, in Mesos' words.
 */
export function takeCall<Name extends CallType>(
  request: FastifyRequest,
  reply: FastifyReply,
  type: Name,
  invalidCall: (call: Messages[Name]) => string | undefined,
): Messages[Name] | undefined {
  const refused = (_reply: FastifyReply) => undefined;
  if (request.method !== 'POST') return refused(refuse.method(reply, request.method, ['POST']));
  if (request.headers['content-type'] === undefined) {
    return refused(refuse.badRequest(reply, "Expecting 'Content-Type' to be present"));
  }
  const media = mediaOfBody(request.headers);
  if (media === undefined) {
    return refused(refuse.mediaType(reply, "Expecting 'Content-Type' of application/json or application/x-protobuf"));
  }
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const decoded = decodeCall(media, type, body);
  if ('error' in decoded) return refused(refuse.badRequest(reply, decoded.error));
  const wrong = invalidCall(decoded.value);
  if (wrong === undefined) return decoded.value;
  return refused(refuse.badRequest(reply, `Failed to validate ${mesosNames[type]}: ${wrong}`));
}

/** The form of the answer; undefined when none is acceptable, and the request has been refused (406). */
export function takeAnswerMedia(request: FastifyRequest, reply: FastifyReply): MediaType | undefined {
  const media = mediaOfAnswer(request.headers);
  if (media === undefined) {
    refuse.notAcceptable(reply, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
  }
  return media;
}
