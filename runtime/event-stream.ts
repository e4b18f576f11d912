import type { Dispatcher } from 'undici';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { RecordDecoder } from '../protocol/record-io.ts';

export interface EventStreamOptions {
  dispatcher: Dispatcher;
  /** e.g. `http://127.0.0.1:5050` */
  origin: string;
  path: string;
  headers: Record<string, string>;
  body: string | Buffer;
  signal: AbortSignal;
  /** Bytes of a record at the most. */
  maximumRecord: number;
  /** Milliseconds without any byte after which the stream counts as broken; 0: never. */
  silence: number;
  /** The answer's head is there; from here on records come. */
  onOpen(headers: Record<string, string | string[] | undefined>): void;
  onRecord(record: Buffer): void;
}

/**
 * Posts a subscription and hands over the records of the answer until the stream ends.
 * Resolves with the reason of the end; throws MESITA_MASTER_UNREACHABLE when nobody answers or no master leads, and MESITA_MASTER_REFUSED
 * (with the answer's text, and `location` in the message of a redirect) when the answer is no stream.
 */
export async function followEventStream(options: EventStreamOptions): Promise<string> {
  const { dispatcher, origin, path, headers, body, signal } = options;
  let response: Dispatcher.ResponseData;
  try {
    const method = 'POST';
    const bodyTimeout = options.silence;
    response = await dispatcher.request({
      origin,
      path,
      method,
      headers,
      body,
      signal,
      bodyTimeout,
      headersTimeout: 30_000,
    });
  } catch (cause) {
    if (signal.aborted) return 'stopped';
    throw new MesitaError('MESITA_MASTER_UNREACHABLE', {
      message: `No master answers at ${origin}: ${describeError(cause)}`,
      cause,
    });
  }
  if (response.statusCode !== 200) throw await refusal(response, origin);
  options.onOpen(response.headers);
  const decoder = new RecordDecoder({ maximumLength: options.maximumRecord });
  try {
    for await (const chunk of response.body) {
      const { records, error } = decoder.push(chunk as Buffer);
      for (const record of records) options.onRecord(record);
      if (error !== undefined) return error;
    }
    return decoder.atBoundary ? 'the other side closed the stream' : 'the stream ended within a record';
  } catch (error) {
    return signal.aborted ? 'stopped' : describeError(error);
  }
}

async function refusal(response: Dispatcher.ResponseData, origin: string): Promise<MesitaError> {
  const text = await response.body.text().catch(() => '');
  const { location } = response.headers;
  if (response.statusCode === 307 && typeof location === 'string') return new Redirect(location);
  // No leader at the moment, or one that is still reading its registry.
  const code = response.statusCode === 503 ? 'MESITA_MASTER_UNREACHABLE' : 'MESITA_MASTER_REFUSED';
  return new MesitaError(code, {
    message: `${origin} answers ${response.statusCode}: ${text.trim() || 'no text'}`,
  });
}

/** The master is not the leader; `location` is where the leader is, without a scheme. */
export class Redirect extends MesitaError {
  readonly location: string;

  constructor(location: string) {
    super('MESITA_MASTER_REFUSED', { message: `The leading master is at ${location}` });
    this.location = location;
  }
}
