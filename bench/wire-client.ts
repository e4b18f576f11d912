import { connect, type Socket } from 'node:net';
import { RecordDecoder } from '../protocol/record-io.ts';

/** Where requests go: the master, or its bare peer. */
export interface Target {
  host: string;
  port: number;
}

/**
 * A keep-alive connection that sends one request after the other, and costs the load generator as little as it can:
 * what counts is the server's time.
 */
export class CallConnection {
  readonly #socket: Socket;
  readonly #head: string;
  #received = '';
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, head: string) {
    this.#socket = socket;
    this.#head = head;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#failed?.(new Error('the server has closed the connection')));
  }

  /** `headers`: lines that every request carries. */
  static async open(target: Target, path: string, headers: readonly string[] = []): Promise<CallConnection> {
    const socket = connect(target);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const lines = [`POST ${path} HTTP/1.1`, 'Host: bench', 'Content-Type: application/json', ...headers];
    return new CallConnection(socket, `${lines.join('\r\n')}\r\n`);
  }

  /** The status of the answer, whose body must be empty. */
  call(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(`${this.#head}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    if (!this.#received.endsWith('\r\n\r\n')) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = '';
    this.#failed = undefined;
    this.#answered?.(status);
  }
}

/** A subscription; `onRecord` gets each record without its length. */
export class RecordSubscription {
  readonly streamId: string;
  readonly #socket: Socket;
  #bytes: ByteCount | undefined;

  private constructor(socket: Socket, streamId: string, onRecord: (record: string) => void) {
    this.streamId = streamId;
    this.#socket = socket;
    const records = new RecordDecoder({ maximumLength: 1e8 });
    const chunks = new ChunkReader((chunk) => {
      for (const record of records.push(chunk).records) onRecord(record.toString('latin1'));
    });
    socket.on('data', (bytes: Buffer) => {
      if (this.#bytes === undefined) chunks.push(bytes);
      else if (this.#bytes.push(bytes)) this.#bytes = undefined;
    });
    socket.on('error', () => undefined);
  }

  static async open(
    target: Target,
    path: string,
    body: string,
    onRecord: (record: string) => void,
  ): Promise<RecordSubscription> {
    const socket = connect(target);
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let head = Buffer.alloc(0);
    const receive = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.pause().off('data', receive).off('error', reject);
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      resolve(head.toString('latin1', 0, end));
    };
    socket.on('data', receive).on('error', reject);
    const answer = await promise;
    if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`${path} was answered ${answer}`);
    const subscription = new RecordSubscription(
      socket,
      /^mesos-stream-id: (.*)$/im.exec(answer)?.[1]?.trim() ?? '',
      onRecord,
    );
    socket.resume();
    return subscription;
  }

  /**
   * Resolves when `text` came so many times, at the end of a record each time the last: nothing else is made of what
   * comes, so that the reader is no slower than whoever writes.
   */
  count(text: string, times: number): Promise<void> {
    return new Promise((resolve) => {
      this.#bytes = new ByteCount(Buffer.from(text), times, resolve);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Takes chunks apart, wherever they are cut by what is read at a time. */
class ChunkReader {
  readonly #take: (chunk: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: (chunk: Buffer) => void) {
    this.#take = take;
  }

  push(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      const lineEnd = all.indexOf('\r\n', at);
      if (lineEnd === -1) break;
      const length = Number.parseInt(all.toString('latin1', at, lineEnd), 16);
      if (all.length < lineEnd + length + 4) break;
      this.#take(all.subarray(lineEnd + 2, lineEnd + 2 + length));
      at = lineEnd + length + 4;
    }
    this.#rest = all.subarray(at);
  }
}

/** Counts a text in a stream of bytes. */
class ByteCount {
  readonly #text: Buffer;
  readonly #done: () => void;
  #left: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(text: Buffer, times: number, done: () => void) {
    this.#text = text;
    this.#left = times;
    this.#done = done;
  }

  /** True when all has come, to the end of the last chunk. */
  push(bytes: Buffer): boolean {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let from = 0;
    for (let at = all.indexOf(this.#text); at !== -1; at = all.indexOf(this.#text, from)) {
      this.#left--;
      from = at + this.#text.length;
    }
    this.#rest = all.subarray(Math.max(from, all.length - this.#text.length + 1));
    if (this.#left > 0 || !all.subarray(-2).equals(Buffer.from('\r\n'))) return false;
    this.#done();
    return true;
  }
}
