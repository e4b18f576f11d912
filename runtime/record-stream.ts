import type { ServerResponse } from 'node:http';
import { encodeRecord } from '../protocol/record-io.ts';

/**
 * The writing end of a RecordIO answer.
 *
 * INVARIANT: one record is one write and so one HTTP chunk; several clients depend on it.
 */
export class RecordStream {
  readonly #response: ServerResponse;
  #open = true;

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
      onClose();
    });
    response.on('error', () => response.destroy());
  }

  get open(): boolean {
    return this.#open;
  }

  /** Bytes that the client has not taken yet. */
  get backlog(): number {
    return this.#response.writableLength;
  }

  write(payload: string | Uint8Array): void {
    if (this.#open) this.#response.write(encodeRecord(payload));
  }

  end(): void {
    if (this.#open) this.#response.end();
  }

  /** Ends without ceremony: the client sees a broken stream. */
  destroy(): void {
    this.#response.destroy();
  }
}
