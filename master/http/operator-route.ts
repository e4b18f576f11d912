import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeMessage, type MediaType } from '../../protocol/codec.ts';
import type { MasterCall, MasterResponse } from '../../protocol/messages.ts';
import { takeAnswerMedia, withCall } from '../../runtime/call-intake.ts';
import { readFiles } from '../../runtime/file-calls.ts';
import { openStream } from '../../runtime/http-server.ts';
import type { LoggingLevel } from '../../runtime/logging-level.ts';
import { refuse } from '../../runtime/refusals.ts';
import type { ShownFiles } from '../../runtime/shown-files.ts';
import type { EventSubscribers } from '../event-subscribers.ts';
import { invalidOperatorCall } from '../operator/call-validation.ts';
import { type OperatorCall, operate } from '../operator/calls.ts';
import type { Performer } from '../performer.ts';

export interface OperatorRouteOptions {
  performer: Performer;
  subscribers: EventSubscribers;
  flags: Readonly<Record<string, string>>;
  loggingLevel: LoggingLevel;
  files: ShownFiles;
}

type FileCall = MasterCall & { type: 'LIST_FILES' | 'READ_FILE' };

/** `POST /api/v1`: the operator API, with its checks in the order of Mesos' master. */
export function operatorRoute(server: FastifyInstance, options: OperatorRouteOptions): void {
  const answerOf = (request: FastifyRequest, reply: FastifyReply, call: MasterCall) => {
    const media = takeAnswerMedia(request, reply);
    if (media === undefined) return reply;
    if (isFileCall(call)) return answerFiles(reply, media, call, options.files);
    if (!isOperatorCall(call)) return openEvents(reply, media, options.subscribers);
    return answer(reply, media, call, options);
  };
  server.all('/api/v1', (request, reply) =>
    withCall(request, reply, 'MasterCall', invalidOperatorCall, (call) => answerOf(request, reply, call)),
  );
}

function isOperatorCall(call: MasterCall): call is OperatorCall {
  return call.type !== undefined && call.type !== 'SUBSCRIBE';
}

function isFileCall(call: MasterCall): call is FileCall {
  return call.type === 'LIST_FILES' || call.type === 'READ_FILE';
}

async function answerFiles(
  reply: FastifyReply,
  media: MediaType,
  call: FileCall,
  files: ShownFiles,
): Promise<FastifyReply> {
  const outcome = await readFiles(files, call);
  if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
  return send(reply, media, { type: call.type, ...outcome.response });
}

function openEvents(reply: FastifyReply, media: MediaType, subscribers: EventSubscribers): FastifyReply {
  subscribers.subscribe(media, (onClose) => openStream(reply, { 'Content-Type': media }, onClose));
  return reply;
}

function answer(
  reply: FastifyReply,
  media: MediaType,
  call: OperatorCall,
  { performer, flags, loggingLevel }: OperatorRouteOptions,
): FastifyReply {
  const { state, clock } = performer;
  const outcome = operate({ state, now: clock.now(), flags, loggingLevel }, call);
  if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
  if ('effects' in outcome) {
    performer.perform(outcome.effects);
    return reply
      .code(outcome.accepted ? 202 : 200)
      .header('content-length', '0')
      .send();
  }
  return send(reply, media, outcome.response);
}

function send(reply: FastifyReply, media: MediaType, response: MasterResponse): FastifyReply {
  return reply
    .code(200)
    .header('content-type', media)
    .send(encodeMessage(media, 'MasterResponse', response));
}
