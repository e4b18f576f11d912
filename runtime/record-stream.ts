import type { ServerResponse } from 'node:http';
import { encodeRecord } from '../protocol/record-io.ts';
import type { Log } from './log.ts';

// What has gathered in one turn is written when the turn is over, or as soon as it is as long as this, in bytes.
const longestGathering = 64 * 1024;
/** Bytes that come before and behind a record: the length of the chunk, that of the record, and ends of lines. */
const longestFrame = 32;
// A burst (all tasks reconciled at once) may wait for so long, in ms; and be so many times as long as the limit.
const burstPatience = 10_000;
const burstFactor = 4;

// How long a client may take to read the rest of a stream that is at its end.
const partingMs = 10_000;

export interface StreamLimits {
  /** Bytes that may wait for the client. */
  backlog: number;
  log: Log;
  /** A client that did not read was cut off. */
  onCutOff?: () => void;
}

export interface StreamListener {
  /** Called once, when the client goes away, is cut off, or `end` was called. */
  onClose(): void;
  /** A last record for a client that is cut off, should it read on. */
  farewell?(reason: string): string | Uint8Array;
}

/**
 * The writing end of a RecordIO answer.
 *
 * INVARIANT: one record is one HTTP chunk; several clients depend on it. The chunks of one turn of the event loop go to
 * the kernel in one piece, which is what makes thousands of small records a second cheap.
 *
 * A client that does not read is cut off: what waits for it is bounded, but for the records of one turn. So is one that does
 * not take the end, or whose link is dead: its connection is closed after a while.
 */
export class RecordStream {
  readonly #response: ServerResponse;
  #open = true;
  #ended = false;
  #gathered: (string | Uint8Array)[] = [];
  #gatheredLength = 0;
  readonly #limits: StreamLimits;
  readonly #listener: StreamListener;
  #closed = false;
  /** Bytes of the longest record so far, which may wait besides: the state of a large cluster is longer than any limit. */
  #longest = 0;
  /** Since when more waits than may. */
  #overfullSince: number | undefined;

  /** Takes over the answer. */
  constructor(
    response: ServerResponse,
    headers: Record<string, string>,
    limits: StreamLimits,
    listener: StreamListener,
  ) {
    this.#response = response;
    this.#limits = limits;
    this.#listener = listener;
    // Chunked by Mesos for clients of HTTP/1.0 too.
    response.writeHead(200, { 'Transfer-Encoding': 'chunked', ...headers });
    // A stream never has a Content-Length, and its head goes out before the first record.
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    response.socket?.setTimeout(0);
    response.once('close', () => {
      this.#open = false;
      this.#gathered = [];
      this.#gatheredLength = 0;
      this.#tellClosed();
    });
    response.on('error', () => response.destroy());
  }

  get open(): boolean {
    return this.#open;
  }

  /** Bytes that the client has not taken yet. */
  get backlog(): number {
    return this.#gatheredLength + (this.#response.socket?.writableLength ?? this.#response.writableLength);
  }

  write(payload: string | Uint8Array): void {
    if (!this.#open || this.#ended) return;
    if (this.#gathered.length === 0) {
      if (this.#isOverfull()) {
        this.#cutOff();
        return;
      }
      setImmediate(() => this.#whenConnected(() => this.#flush()));
    }
    this.#longest = Math.max(this.#longest, payload.length + longestFrame);
    this.#gathered.push(payload);
    this.#gatheredLength += payload.length + longestFrame;
    if (this.#gatheredLength >= longestGathering) this.#flush();
  }

  /** Resolves when the client has taken what was written, or is gone: for writers that can wait. */
  async drained(): Promise<void> {
    this.#whenConnected(() => this.#flush());
    const { socket } = this.#response;
    if (!this.#open || socket === null || !socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        socket.off('drain', settle);
        this.#response.off('close', settle);
        resolve();
      };
      socket.on('drain', settle);
      this.#response.on('close', settle);
    });
  }

  /** Ends when all that was written is out; what is written from now on is dropped. */
  end(): void {
    this.#ended = true;
    this.#whenConnected(() => {
      this.#flush();
      this.#response.end();
      this.#destroyLater();
    });
  }

  /** Ends without ceremony: the client sees a broken stream. */
  destroy(): void {
    this.#response.destroy();
  }

  #isOverfull(): boolean {
    const { backlog } = this.#limits;
    const waiting = this.backlog - this.#longest;
    if (waiting <= backlog) {
      this.#overfullSince = undefined;
      return false;
    }
    this.#overfullSince ??= performance.now();
    return waiting > backlog * burstFactor || performance.now() - this.#overfullSince > burstPatience;
  }

  #cutOff(): void {
    const client = this.#response.socket?.remoteAddress;
    const waiting = this.backlog;
    this.#limits.log.warn({ client, waiting }, 'a subscriber does not read its stream: closing it');
    this.#limits.onCutOff?.();
    const { farewell } = this.#listener;
    if (farewell === undefined) {
      this.#open = false;
      this.#response.destroy();
      return;
    }
    this.#gathered.push(farewell(`it does not read its events, of which ${waiting} bytes wait`));
    this.#gatheredLength = this.#gathered.reduce((length, { length: bytes }) => length + bytes + longestFrame, 0);
    this.end();
    // Not within the command whose effect was to be written.
    setImmediate(() => this.#tellClosed());
  }

  #tellClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.onClose();
  }

  #destroyLater(): void {
    const timer = setTimeout(() => this.#response.destroy(), partingMs).unref();
    this.#response.once('close', () => clearTimeout(timer));
  }

  /** An answer has no connection of its own until those to earlier requests of its connection are out. */
  #whenConnected(action: () => void): void {
    if (!this.#open) return;
    if (this.#response.socket !== null) action();
    else this.#response.once('socket', () => process.nextTick(() => this.#open && action()));
  }

  #flush(): void {
    const { socket, chunkedEncoding } = this.#response;
    if (this.#gathered.length === 0 || socket === null) return;
    const gathered = this.#gathered;
    const longest = this.#gatheredLength;
    this.#gathered = [];
    this.#gatheredLength = 0;
    socket.write(
      framedText(gathered, longest, chunkedEncoding) ??
        Buffer.concat(gathered.map((payload) => framed(payload, chunkedEncoding))),
    );
  }
}

/** Records that are ASCII, as most are, with their frames; undefined when there is another one. This is a hot path. */
function framedText(records: readonly (string | Uint8Array)[], longest: number, chunked: boolean): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(longest);
  let at = 0;
  for (const record of records) {
    if (typeof record !== 'string') return undefined;
    const length = `${record.length}\n`;
    const text = chunked
      ? `${(length.length + record.length).toString(16)}\r\n${length}${record}\r\n`
      : `${length}${record}`;
    if (bytes.write(text, at) !== text.length) return undefined;
    at += text.length;
  }
  return bytes.subarray(0, at);
}

function framed(payload: string | Uint8Array, chunked: boolean): Uint8Array {
  const record = encodeRecord(payload);
  if (!chunked) return record;
  return Buffer.concat([Buffer.from(`${record.length.toString(16)}\r\n`), record, Buffer.from('\r\n')]);
}
