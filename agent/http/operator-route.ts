import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeMessage, isMediaType, type MediaType } from '../../protocol/codec.ts';
import type { AgentCall, AgentCallType } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { allows, decodeCall, mediaOfAnswer } from '../../runtime/media.ts';
import { refuse } from '../../runtime/refusals.ts';
import { invalidAgentCall } from '../operator/call-validation.ts';
import { type Operated, operate } from '../operator/calls.ts';

const recordIo = 'application/recordio';
const messageTypes = 'application/json or application/x-protobuf';
const allTypes = `${messageTypes} or ${recordIo}`;

type Call = AgentCall & { type: AgentCallType };

/** Whether request and answer are streams of records, and the form of the messages in them. */
interface Negotiated {
  body: MediaType;
  bodyStreams: boolean;
  answer: MediaType;
  answerStreams: boolean;
}

/** `POST /api/v1`: the operator API, with its checks in the order of Mesos' agent, which are not those of its master. */
export function operatorRoute(server: FastifyInstance, operated: Operated): void {
  server.all('/api/v1', async (request, reply) => {
    const negotiated = negotiate(request, reply);
    if (negotiated === undefined) return reply;
    const call = takeCall(request, reply, negotiated);
    if (call === undefined) return reply;
    const outcome = await operate(operated, call);
    if (outcome === 'done') return reply.code(200).header('content-length', '0').send();
    if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
    return reply
      .code(200)
      .header('content-type', negotiated.answer)
      .send(encodeMessage(negotiated.answer, 'AgentResponse', outcome.response));
  });
}

/** The request has been refused; the route has but to return the reply. */
const refused = (_reply: FastifyReply): undefined => undefined;

function negotiate(request: FastifyRequest, reply: FastifyReply): Negotiated | undefined {
  if (request.method !== 'POST') return refused(refuse.method(reply, request.method, ['POST']));
  const { 'content-type': type, 'message-content-type': messageType } = request.headers;
  if (type === undefined) return refused(refuse.badRequest(reply, "Expecting 'Content-Type' to be present"));
  const bodyStreams = type === recordIo;
  if (!bodyStreams && !isMediaType(type))
    return refused(refuse.mediaType(reply, `Expecting 'Content-Type' of ${allTypes}`));
  if (bodyStreams && messageType === undefined)
    return refused(refuse.badRequest(reply, "Expecting 'Message-Content-Type' to be set for streaming requests"));
  if (!bodyStreams && messageType !== undefined)
    return refused(
      refuse.mediaType(reply, "Expecting 'Message-Content-Type' to be not set for non-streaming requests"),
    );
  const body = bodyStreams ? String(messageType) : type;
  if (!isMediaType(body))
    return refused(refuse.mediaType(reply, `Expecting 'Message-Content-Type' of ${messageTypes}`));
  return negotiateAnswer(request, reply, { body, bodyStreams });
}

function negotiateAnswer(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  request: Pick<Negotiated, 'body' | 'bodyStreams'>,
): Negotiated | undefined {
  const { 'message-accept': messageAccept } = headers;
  const plain = mediaOfAnswer(headers);
  if (plain !== undefined) {
    if (messageAccept === undefined) return { ...request, answer: plain, answerStreams: false };
    return refused(refuse.notAcceptable(reply, "Expecting 'Message-Accept' to be not set for non-streaming responses"));
  }
  if (!allows(headers.accept ?? '', recordIo))
    return refused(refuse.notAcceptable(reply, `Expecting 'Accept' to allow ${allTypes}`));
  const inRecords = mediaOfAnswer(messageAccept === undefined ? {} : { accept: String(messageAccept) });
  if (inRecords === undefined)
    return refused(refuse.notAcceptable(reply, `Expecting 'Message-Accept' to allow ${messageTypes}`));
  return { ...request, answer: inRecords, answerStreams: true };
}

function takeCall(request: FastifyRequest, reply: FastifyReply, negotiated: Negotiated): Call | undefined {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const first = negotiated.bodyStreams ? firstRecord(body) : { value: body };
  if ('error' in first) return refused(refuse.badRequest(reply, first.error));
  const decoded = decodeCall(negotiated.body, 'AgentCall', first.value);
  if ('error' in decoded) return refused(refuse.badRequest(reply, decoded.error));
  const call = decoded.value;
  const wrong = invalidAgentCall(call);
  if (wrong !== undefined) return refused(refuse.badRequest(reply, `Failed to validate agent::Call: ${wrong}`));
  const { type = 'UNKNOWN' } = call;
  if (negotiated.bodyStreams !== (type === 'ATTACH_CONTAINER_INPUT')) {
    const text = negotiated.bodyStreams
      ? `Streaming 'Content-Type' ${recordIo} is not supported for ${type} call`
      : `Expecting 'Content-Type' to be ${recordIo} for ${type} call`;
    return refused(refuse.mediaType(reply, text));
  }
  const mayStream = type === 'ATTACH_CONTAINER_OUTPUT' || type === 'LAUNCH_NESTED_CONTAINER_SESSION';
  if (negotiated.answerStreams && !mayStream)
    return refused(refuse.notAcceptable(reply, `Streaming response is not supported for ${type} call`));
  return { ...call, type };
}

function firstRecord(body: Buffer): { value: Buffer } | { error: string } {
  const { records, error } = new RecordDecoder({ maximumLength: body.length }).push(body);
  const [first] = records;
  if (first !== undefined) return { value: first };
  // Without the end of its line, a length is still on its way.
  const cut = error === undefined || !body.includes('\n');
  return { error: cut ? 'Received EOF while reading request body' : `Decoder failure: ${error}` };
}
