import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MediaType } from '../protocol/codec.ts';
import { decodeJsonInPieces } from '../protocol/large-json.ts';
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

/** Bytes of a body from which on it is decoded in turns with other work. */
const large = 256 * 1024;

/**
 * The checks that come before a call is looked at, in the order of Mesos: method (405), content type (400, 415), decoding
 * (400), validation (400). When all is well, `answer` is called: at once, or after a while where the body is large.
 *
 * @param invalidCall The first thing wrong with a decoded call, in Mesos' words.
 */
export function withCall<Name extends CallType>(
  request: FastifyRequest,
  reply: FastifyReply,
  type: Name,
  invalidCall: (call: Messages[Name]) => string | undefined,
  answer: (call: Messages[Name]) => Answer,
): Answer {
  if (request.method !== 'POST') return refuse.method(reply, request.method, ['POST']);
  if (request.headers['content-type'] === undefined) {
    return refuse.badRequest(reply, "Expecting 'Content-Type' to be present");
  }
  const media = mediaOfBody(request.headers);
  if (media === undefined) {
    return refuse.mediaType(reply, "Expecting 'Content-Type' of application/json or application/x-protobuf");
  }
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const validate = (call: Messages[Name]): Answer => {
    const wrong = invalidCall(call);
    return wrong === undefined
      ? answer(call)
      : refuse.badRequest(reply, `Failed to validate ${mesosNames[type]}: ${wrong}`);
  };
  const decode = (): Answer => {
    const decoded = decodeCall(media, type, body);
    return 'error' in decoded ? refuse.badRequest(reply, decoded.error) : validate(decoded.value);
  };
  if (body.length < large || media !== 'application/json') return decode();
  const { longWork } = reply.server;
  if (longWork.isFull(body.length)) return refuse.tooMany(reply, '429 Too Many Requests.');
  const work = longWork.run(decodeJsonInPieces(type, body), body.length);
  return work.then((call) => (call === undefined ? decode() : validate(call)));
}

/** What a route returns. */
export type Answer = FastifyReply | Promise<FastifyReply>;

/** The form of the answer; undefined when none is acceptable, and the request has been refused (406). */
export function takeAnswerMedia(request: FastifyRequest, reply: FastifyReply): MediaType | undefined {
  const media = mediaOfAnswer(request.headers);
  if (media === undefined) {
    refuse.notAcceptable(reply, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
  }
  return media;
}
