import type { IncomingMessage } from 'node:http';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface BodyLimits {
  /** Bytes of a body at the most, also after decompression. */
  bytes: number;
  /** Bytes of all bodies that are being received at the most, where they are large. */
  total: number;
  /** Milliseconds from head to end of a body at the most. */
  milliseconds: number;
}

/** A refusal in the form in which fastify passes errors on. */
export class BodyRefusal extends Error {
  override readonly name = 'BodyRefusal';
  readonly statusCode: number;
  /** Whether the rest of the body may still be coming. */
  readonly sending: boolean;

  constructor(statusCode: number, message: string, sending: boolean) {
    super(message);
    this.statusCode = statusCode;
    this.sending = sending;
  }
}

/** Up to this size a body does not count towards the total, so that large ones never stand in the way of ordinary calls. */
const small = 1024 * 1024;
/** All bodies together, the small ones too, may be so many times the total. */
const withSmall = 4;
/** How long a client that is refused may go on sending before the connection is closed. */
const lingerMs = 10_000;

/**
 * Hands every body over as a Buffer, decompressed where its `Content-Encoding` is gzip.
 *
 * INVARIANT: what is held of unfinished bodies is bounded, for one, for all together, and in time.
 */
export function readBodies(server: FastifyInstance, limits: BodyLimits): void {
  const held: Held = { large: 0, all: 0 };
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request, payload, done) => {
    collect(payload, limits, held, (error, body) => {
      if (error !== undefined) return done(error);
      if (request.headers['content-encoding'] !== 'gzip') return done(null, body);
      decompress(body, limits.bytes, done);
    });
  });
}

/** Bytes of bodies that are being received. */
interface Held {
  /** Beyond what is small of each. */
  large: number;
  all: number;
}

function collect(
  payload: IncomingMessage,
  limits: BodyLimits,
  held: Held,
  done: (error: BodyRefusal | undefined, body: Buffer) => void,
): void {
  const chunks: Buffer[] = [];
  const announced = Number(payload.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  let size = 0;
  let counted = 0;
  const finish = (error?: BodyRefusal) => {
    clearTimeout(timer);
    held.large -= counted;
    held.all -= size;
    payload.off('data', take).off('end', end).off('close', abort).off('error', abort);
    done(error, error === undefined ? Buffer.concat(chunks) : Buffer.alloc(0));
  };
  const end = () => finish();
  const abort = () => finish(new BodyRefusal(400, '400 Bad Request.', true));
  let timer: NodeJS.Timeout | undefined;
  const take = (chunk: Buffer) => {
    size += chunk.length;
    // Most bodies come in one piece; until the first, the connection's idle timeout watches.
    if (timer === undefined && size < announced) {
      timer = setTimeout(() => finish(new BodyRefusal(408, '408 Request Timeout.', true)), limits.milliseconds).unref();
    }
    const large = Math.max(0, size - small);
    held.large += large - counted;
    held.all += chunk.length;
    counted = large;
    if (size > limits.bytes) return finish(tooLarge(limits.bytes, true));
    if (held.large > limits.total || held.all > limits.total * withSmall)
      return finish(new BodyRefusal(429, '429 Too Many Requests.', true));
    chunks.push(chunk);
  };
  payload.on('data', take).on('end', end).on('close', abort).on('error', abort);
  if (announced > limits.bytes && Number.isFinite(announced)) finish(tooLarge(limits.bytes, true));
}

function decompress(body: Buffer, longest: number, done: (error: Error | null, body?: Buffer) => void): void {
  gunzip(body, { maxOutputLength: longest }, (error, plain) => {
    if (error === null) return done(null, plain);
    // The status and the text are those of Mesos.
    const { code } = error as NodeJS.ErrnoException;
    done(
      code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(longest, false) : new BodyRefusal(500, 'failed to decode body', false),
    );
  });
}

function tooLarge(limit: number, sending: boolean): BodyRefusal {
  return new BodyRefusal(413, `The body of a request may have ${limit} bytes at the most`, sending);
}

/**
 * Answers a request whose body is still coming. The answer is complete for the client, but not ended: that would close
 * the connection, and a client that is still sending would see a reset in place of the answer.
 */
export function refuseWhileSending(request: FastifyRequest, reply: FastifyReply, refusal: BodyRefusal): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  if (request.raw.destroyed) {
    raw.destroy();
    return reply;
  }
  raw.writeHead(refusal.statusCode, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(refusal.message),
    Connection: 'close',
  });
  raw.write(refusal.message);
  const end = () => {
    clearTimeout(timer);
    raw.end();
  };
  const timer = setTimeout(end, lingerMs).unref();
  request.raw.once('end', end).once('close', end).resume();
  return reply;
}
