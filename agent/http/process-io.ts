import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { encodeEvent, type MediaType } from '../../protocol/codec.ts';
import { describeError } from '../../protocol/errors.ts';
import type { AgentCall, AgentProcessIO } from '../../protocol/messages.ts';
import type { Clock } from '../../runtime/clock.ts';
import { openStream } from '../../runtime/http-server.ts';
import { decodeCall } from '../../runtime/media.ts';
import { refuse } from '../../runtime/refusals.ts';
import type { ContainerInput } from '../engine/session.ts';
import type { OperatedContainer } from '../nested/operated-container.ts';

const heartbeatSeconds = 30;
/** What a terminal takes for the end of its input. */
const endOfTransmission = '\x04';

/** Answers with what a container writes; a session ends with the connection of whom it was started for. */
export function streamOutput(
  reply: FastifyReply,
  { media, inRecords }: { media: MediaType; inRecords: boolean },
  { container, session, clock }: { container: OperatedContainer; session: boolean; clock: Clock },
): void {
  let cancelHeartbeat: () => void = () => undefined;
  const close = () => {
    cancelHeartbeat();
    stopFollowing();
    if (session && !container.over) container.kill(9).catch(() => undefined);
  };
  const headers = { 'Content-Type': inRecords ? 'application/recordio' : media };
  const stream = openStream(reply, inRecords ? { ...headers, 'Message-Content-Type': media } : headers, close);
  const write = (message: AgentProcessIO) => stream.write(encodeEvent(media, 'AgentProcessIO', message));
  const beat = () => {
    const interval = { nanoseconds: heartbeatSeconds * 1e9 };
    write({ type: 'CONTROL', control: { type: 'HEARTBEAT', heartbeat: { interval } } });
    cancelHeartbeat = clock.after(heartbeatSeconds * 1000, beat);
  };
  cancelHeartbeat = clock.after(heartbeatSeconds * 1000, beat);
  const stopFollowing = container.follow({
    take: async (type, data) => {
      write({ type: 'DATA', data: { type, data: data.toString('base64') } });
      // A session goes at the pace of its client; others that do not read are cut off.
      if (session) await stream.drained();
    },
    end: () => stream.end(),
  });
  // It had gone before there was a stream.
  if (reply.raw.destroyed) close();
}

export interface Input {
  media: MediaType;
  /** What follows the record that names the container. */
  records: AsyncIterator<Buffer>;
}

/** Takes a container's input to the end of the request, or of the container. */
export async function takeInput(
  request: FastifyRequest,
  reply: FastifyReply,
  container: OperatedContainer,
  input: Input,
): Promise<FastifyReply> {
  const sink = await container.takeInput();
  if (sink === undefined) return refuse.conflict(reply, 'Multiple input connections are not allowed');
  reply.raw.socket?.setTimeout(0);
  const over = container.ended.then(() => undefined);
  try {
    const wrong = await Promise.race([over, copyInput(sink, container, input)]);
    // The rest of the request may never come.
    if (!request.raw.complete) reply.header('connection', 'close');
    return wrong === undefined ? reply.code(200).header('content-length', '0').send() : refuse.badRequest(reply, wrong);
  } finally {
    container.releaseInput();
  }
}

/** What is wrong with the records, if something is. */
async function copyInput(
  sink: ContainerInput,
  container: OperatedContainer,
  { media, records }: Input,
): Promise<string | undefined> {
  for (;;) {
    const record = await records
      .next()
      .catch((error: unknown) => ({ done: true, wrong: describeError(error) }) as const);
    if (record.done === true) return 'wrong' in record ? record.wrong : undefined;
    const decoded = decodeCall(media, 'AgentCall', record.value);
    if ('error' in decoded) return decoded.error;
    const io = processIo(decoded.value);
    if (io === undefined) return "Expecting 'attach_container_input.process_io' to be present";
    const size = io.control?.tty_info?.window_size;
    if (size !== undefined) await sink.resize(size);
    if (io.data === undefined) continue;
    const bytes = Buffer.from(io.data.data ?? '', 'base64');
    if (bytes.length > 0) await write(sink.input, bytes, container.ended);
    else if (container.terminal) sink.input.write(endOfTransmission);
    else sink.input.end();
  }
}

function processIo({ attach_container_input }: AgentCall): AgentProcessIO | undefined {
  return attach_container_input?.type === 'PROCESS_IO' ? attach_container_input.process_io : undefined;
}

async function write(sink: NodeJS.WritableStream, bytes: Buffer, over: Promise<unknown>): Promise<void> {
  if (!sink.writable || sink.write(bytes)) return;
  const given = new AbortController();
  await Promise.race([over, once(sink, 'drain', { signal: given.signal })]).catch(() => undefined);
  given.abort();
}
