import { connect, type Socket } from 'node:net';
import type { Header } from './recording.ts';

/** How the body of an answer ended: as its length said, by a last chunk, or because the connection did. */
export type Ending = 'length' | 'last-chunk' | 'closed';

type Phase = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-closed' | 'complete';

/**
 * One HTTP/1.1 answer, taken apart as its bytes arrive. Node's own client does not tell where a chunk ends, and
 * clients of this API rely on a record a chunk.
 */
export class HttpAnswer {
  status = 0;
  reason = '';
  headers: Header[] = [];
  /** HTTP chunks; a body that came without them is one. */
  readonly chunks: Buffer[] = [];
  ending: Ending | undefined;
  readonly #bodiless: boolean;
  #phase: Phase = 'head';
  #left = 0;
  #buffer = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  /** @param bodiless the answer to a HEAD request has none. */
  constructor(bodiless: boolean) {
    this.#bodiless = bodiless;
  }

  get hasHead(): boolean {
    return this.#phase !== 'head';
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Takes bytes; returns those that are not of this answer any more. */
  push(bytes: Buffer): Buffer {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    while (this.#phase !== 'complete' && this.#step());
    for (const wake of this.#wake.splice(0)) wake();
    if (this.#phase !== 'complete') return Buffer.alloc(0);
    const rest = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    return rest;
  }

  /** The connection is closed. */
  close(): void {
    if (this.#phase === 'until-closed' && this.#buffer.length > 0) this.chunks.push(this.#buffer);
    if (this.#phase !== 'complete') this.ending = 'closed';
    this.#phase = 'complete';
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves at the next sign of life, or after `milliseconds`. */
  change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Whether something could be taken from the buffer. */
  #step(): boolean {
    switch (this.#phase) {
      case 'head':
        return this.#line('\r\n\r\n', (head) => this.#readHead(head));
      case 'chunk-size':
        return this.#line('\r\n', (size) => {
          this.#left = Number.parseInt(size, 16);
          this.#phase = this.#left === 0 ? 'trailer' : 'chunk';
        });
      case 'chunk-end':
        return this.#line('\r\n', () => {
          this.#phase = 'chunk-size';
        });
      case 'trailer':
        return this.#line('\r\n', (line) => line === '' && this.#end('last-chunk'));
      case 'chunk':
      case 'length':
        return this.#block();
      default:
        return false;
    }
  }

  #line(end: string, read: (text: string) => unknown): boolean {
    const at = this.#buffer.indexOf(end);
    if (at < 0) return false;
    const text = this.#buffer.subarray(0, at).toString('latin1');
    this.#buffer = this.#buffer.subarray(at + end.length);
    read(text);
    return true;
  }

  #block(): boolean {
    if (this.#buffer.length < this.#left) return false;
    this.chunks.push(this.#buffer.subarray(0, this.#left));
    this.#buffer = this.#buffer.subarray(this.#left);
    if (this.#phase === 'length') this.#end('length');
    else this.#phase = 'chunk-end';
    return true;
  }

  #readHead(head: string): void {
    const [first = '', ...lines] = head.split('\r\n');
    const [, status = '', reason = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first) ?? [];
    this.status = Number(status);
    this.reason = reason;
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
    const of = (name: string) => this.headers.find(([key]) => key.toLowerCase() === name)?.[1];
    const length = of('content-length');
    this.#left = Number(length ?? 0);
    if (this.#bodiless || this.status === 204 || this.status === 304) this.#end('length');
    else if (of('transfer-encoding') === 'chunked') this.#phase = 'chunk-size';
    else if (length === undefined) this.#phase = 'until-closed';
    else if (this.#left === 0) this.#end('length');
    else this.#phase = 'length';
  }

  #end(ending: Ending): void {
    this.ending = ending;
    this.#phase = 'complete';
  }
}

/** An answer that may go on, and the way to leave it. */
export interface Conversation {
  answer: HttpAnswer;
  close(): void;
}

/** Writes a request on a connection of its own. What goes wrong with the connection reads as its end. */
export function converse(address: string, request: Buffer, bodiless: boolean): Conversation {
  const answer = new HttpAnswer(bodiless);
  const socket: Socket = connect({ host: hostOf(address), port: portOf(address) });
  socket.on('data', (bytes) => {
    answer.push(bytes);
    if (answer.ending !== undefined) socket.destroy();
  });
  socket.on('error', () => answer.close());
  socket.on('close', () => answer.close());
  socket.write(request);
  return { answer, close: () => socket.destroy() };
}

export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
