import type { Dispatcher } from 'undici';
import type { ErrorCode } from '../protocol/error-codes.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { RecordDecoder } from '../protocol/record-io.ts';
import type { Clock } from './clock.ts';

/** Whose stream it is: a master's, unless it is said. */
type Peer = 'master' | 'agent';

const errorCodes: Record<Peer, { unreachable: ErrorCode; refused: ErrorCode }> = {
  master: { unreachable: 'MESITA_MASTER_UNREACHABLE', refused: 'MESITA_MASTER_REFUSED' },
  agent: { unreachable: 'MESITA_AGENT_UNREACHABLE', refused: 'MESITA_AGENT_REFUSED' },
};

export interface EventStreamOptions {
  peer?: Peer;
  dispatcher: Dispatcher;
  clock: Clock;
  /** e.g. `http://127.0.0.1:5050` */
  origin: string;
  path: string;
  headers: Record<string, string>;
  body: string | Buffer;
  signal: AbortSignal;
  /** Bytes of a record at the most. */
  maximumRecord: number;
  /** Milliseconds without any byte after which the stream counts as broken; asked anew each time, since the other side may tell its own. */
  silence(): number;
  /** The answer's head is there; from here on records come. */
  onOpen(headers: Record<string, string | string[] | undefined>): void;
  onRecord(record: Buffer): void;
}

const answerTimeoutMs = 30_000;

/**
 * Posts a subscription and hands over the records of the answer until the stream ends.
 * Resolves with the reason of the end; throws MESITA_MASTER_UNREACHABLE when nobody answers or no master leads, Redirect when another
 * master leads, and MESITA_MASTER_REFUSED (with the answer's text) when the answer is no stream for another reason;
 * of an agent's stream MESITA_AGENT_UNREACHABLE and MESITA_AGENT_REFUSED.
 */
export async function followEventStream(options: EventStreamOptions): Promise<string> {
  const { peer = 'master', dispatcher, origin, path, headers, body, signal } = options;
  let response: Dispatcher.ResponseData;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    const timeouts = { bodyTimeout: 0, headersTimeout: answerTimeoutMs };
    const asked = dispatcher.request({ origin, path, method: 'POST', headers, body, signal, ...timeouts });
    // undici itself takes no notice of the signal while it connects, which takes seconds where a machine is gone.
    response = await Promise.race([asked, aborted.promise]);
  } catch (cause) {
    if (signal.aborted) return 'stopped';
    throw new MesitaError(errorCodes[peer].unreachable, {
      message: `No ${peer} answers at ${origin}: ${describeError(cause)}`,
      cause,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  if (response.statusCode !== 200) throw await refusal(response, origin, peer);
  options.onOpen(response.headers);
  const decoder = new RecordDecoder({ maximumLength: options.maximumRecord });
  const watch = watchSilence(options, () => response.body.destroy());
  try {
    for await (const chunk of response.body) {
      const { records, error } = decoder.push(chunk as Buffer);
      for (const record of records) options.onRecord(record);
      watch.heard();
      if (error !== undefined) return error;
    }
    if (watch.silent) return silent(options);
    return decoder.atBoundary ? 'the other side closed the stream' : 'the stream ended within a record';
  } catch (error) {
    if (signal.aborted) return 'stopped';
    return watch.silent ? silent(options) : describeError(error);
  } finally {
    watch.stop();
  }
}

function silent({ silence }: EventStreamOptions): string {
  return `nothing came for ${silence() / 1000} s`;
}

/** One timer that looks after the time of the last byte, so that a busy stream does not start a timer a chunk. */
function watchSilence({ clock, silence }: EventStreamOptions, onSilence: () => void) {
  let last = clock.now();
  let lookAt = 0;
  let cancel: () => void = () => undefined;
  const lookAfter = (milliseconds: number) => {
    lookAt = clock.now() + milliseconds;
    cancel = clock.after(milliseconds, look);
  };
  const watch = {
    silent: false,
    heard: () => {
      last = clock.now();
      if (last + silence() >= lookAt) return;
      // The other side has told a shorter time.
      cancel();
      lookAfter(silence());
    },
    stop: () => cancel(),
  };
  const look = () => {
    const left = last + silence() - clock.now();
    if (left > 0) {
      lookAfter(left);
      return;
    }
    watch.silent = true;
    onSilence();
  };
  lookAfter(silence());
  return watch;
}

async function refusal(response: Dispatcher.ResponseData, origin: string, peer: Peer): Promise<MesitaError> {
  const text = await response.body.text().catch(() => '');
  const { location } = response.headers;
  if (response.statusCode === 307 && typeof location === 'string') return new Redirect(location);
  // No leader at the moment, or one that is still reading its registry, or that has a trouble of its own.
  const { unreachable, refused } = errorCodes[peer];
  const code = response.statusCode >= 500 ? unreachable : refused;
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
