import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeMessage, isMediaType, type MediaType } from '../../protocol/codec.ts';
import { describeError } from '../../protocol/errors.ts';
import type { AgentCall, AgentCallType } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { allows, decodeCall, mediaOfAnswer } from '../../runtime/media.ts';
import { refuse } from '../../runtime/refusals.ts';
import { invalidAgentCall } from '../operator/call-validation.ts';
import { type Operated, operate } from '../operator/calls.ts';
import { streamOutput, takeInput } from './process-io.ts';

const recordIo = 'application/recordio';
// Bytes. What is typed comes in small pieces, what is piped in larger ones.
const longestRecord = 4 * 1024 * 1024;
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
export function operatorRoute(server: FastifyInstance, operated: Operated, clock: Clock = systemClock): void {
  // What follows the first record of such a body comes while it is acted on.
  server.addContentTypeParser(recordIo, (_request, payload, done) => done(null, payload));
  server.all('/api/v1', async (request, reply) => {
    const negotiated = negotiate(request, reply);
    if (negotiated === undefined) return reply;
    const records = negotiated.bodyStreams ? recordsOf(request.raw) : undefined;
    const call = await takeCall(request, reply, negotiated, records);
    if (call === undefined) return reply;
    // Who waits for the end of something may wait long; a request that was injected has no true socket.
    if (/^WAIT_/.test(call.type)) request.raw.socket.setTimeout?.(0);
    const outcome = await operate(operated, call);
    if (outcome === 'done') return reply.code(200).header('content-length', '0').send();
    if (outcome === 'accepted') return reply.code(202).header('content-length', '0').send();
    if ('refusal' in outcome) return refuse[outcome.refusal](reply, outcome.text);
    if ('input' in outcome) {
      if (records === undefined) return reply;
      return takeInput(request, reply, outcome.input, { media: negotiated.body, records });
    }
    if ('output' in outcome) {
      const form = { media: negotiated.answer, inRecords: negotiated.answerStreams };
      streamOutput(reply, form, { container: outcome.output, session: outcome.session, clock });
      return reply;
    }
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

async function takeCall(
  request: FastifyRequest,
  reply: FastifyReply,
  negotiated: Negotiated,
  records: AsyncIterator<Buffer> | undefined,
): Promise<Call | undefined> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const first = records === undefined ? { value: body } : await firstRecord(records);
  if (records !== undefined && !request.raw.complete) reply.header('connection', 'close');
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

async function firstRecord(records: AsyncIterator<Buffer>): Promise<{ value: Buffer } | { error: string }> {
  try {
    const { done, value } = await records.next();
    return done === true ? { error: 'Received EOF while reading request body' } : { value };
  } catch (error) {
    return { error: describeError(error) };
  }
}

/** The records of a body as they come. Throws when what comes is none; what is cut off is passed over. */
async function* recordsOf(body: IncomingMessage): AsyncGenerator<Buffer, undefined> {
  const decoder = new RecordDecoder({ maximumLength: longestRecord });
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    const { records, error } = decoder.push(chunk);
    yield* records;
    if (error === undefined) continue;
    // Without the end of its line, a length is still on its way.
    if (!chunk.includes('\n')) return;
    throw new Error(`Decoder failure: ${error}`);
  }
}
