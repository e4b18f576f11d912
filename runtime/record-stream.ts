import type { ServerResponse } from 'node:http';
import { encodeRecord } from '../protocol/record-io.ts';

// What has gathered in one turn is written when the turn is over, or as soon as it is as long as this, in bytes.
const longestGathering = 64 * 1024;

/**
 * The writing end of a RecordIO answer.
 *
 * INVARIANT: one record is one HTTP chunk; several clients depend on it. The chunks of one turn of the event loop go to
 * the kernel in one piece, which is what makes thousands of small records a second cheap.
 */
export class RecordStream {
  readonly #response: ServerResponse;
  #open = true;
  #gathered: (string | Uint8Array)[] = [];
  #gatheredLength = 0;

  /** Takes over the answer; `onClose` is called once, when the client goes away or `end` was called. */
  constructor(response: ServerResponse, headers: Record<string, string>, onClose: () => void) {
    this.#response = response;
    response.writeHead(200, headers);
    // A stream never has a Content-Length, and its head goes out before the first record.
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    response.socket?.setTimeout(0);
    response.once('close', () => {
      this.#open = false;
      this.#gathered = [];
      this.#gatheredLength = 0;
      onClose();
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
    if (!this.#open) return;
    if (this.#gathered.length === 0) process.nextTick(() => this.#whenConnected(() => this.#flush()));
    const chunk = this.#chunk(payload);
    this.#gathered.push(chunk);
    this.#gatheredLength += chunk.length;
    if (this.#gatheredLength >= longestGathering) this.#flush();
  }

  end(): void {
    this.#whenConnected(() => {
      this.#flush();
      this.#response.end();
    });
  }

  /** Ends without ceremony: the client sees a broken stream. */
  destroy(): void {
    this.#response.destroy();
  }

  /** ASCII stays a string until it is written: joining strings is far cheaper than joining buffers. */
  #chunk(payload: string | Uint8Array): string | Uint8Array {
    if (typeof payload !== 'string' || Buffer.byteLength(payload) !== payload.length) {
      const record = encodeRecord(payload);
      if (!this.#response.chunkedEncoding) return record;
      return Buffer.concat([Buffer.from(`${record.length.toString(16)}\r\n`), record, Buffer.from('\r\n')]);
    }
    const record = `${payload.length}\n${payload}`;
    return this.#response.chunkedEncoding ? `${record.length.toString(16)}\r\n${record}\r\n` : record;
  }

  /** An answer has no connection of its own until those to earlier requests of its connection are out. */
  #whenConnected(action: () => void): void {
    if (!this.#open) return;
    if (this.#response.socket !== null) action();
    else this.#response.once('socket', () => process.nextTick(() => this.#open && action()));
  }

  #flush(): void {
    const { socket } = this.#response;
    if (this.#gathered.length === 0 || socket === null) return;
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredLength = 0;
    if (gathered.every((chunk) => typeof chunk === 'string')) socket.write(gathered.join(''), 'latin1');
    else socket.write(Buffer.concat(gathered.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk))));
  }
}
