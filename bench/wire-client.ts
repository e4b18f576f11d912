import { request as httpRequest, type IncomingMessage } from 'node:http';
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

  private constructor(socket: Socket, head: string) {
    this.#socket = socket;
    this.#head = head;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', () => undefined);
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
    return new Promise((resolve) => {
      this.#answered = resolve;
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
    this.#answered?.(status);
  }
}

/** A subscription; `onRecord` gets each record without its length. */
export class RecordSubscription {
  readonly streamId: string;
  readonly #answer: IncomingMessage;

  private constructor(answer: IncomingMessage, onRecord: (record: string) => void) {
    this.#answer = answer;
    this.streamId = String(answer.headers['mesos-stream-id']);
    // A chunk that is cut by what is read at a time comes in two events.
    const decoder = new RecordDecoder({ maximumLength: 1e8 });
    answer.on('data', (chunk: Buffer) => {
      for (const record of decoder.push(chunk).records) onRecord(record.toString('latin1'));
    });
    answer.on('error', () => undefined);
  }

  static async open(
    target: Target,
    path: string,
    body: string,
    onRecord: (record: string) => void,
  ): Promise<RecordSubscription> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json' };
      const request = httpRequest({ ...target, path, method: 'POST', headers, agent: false }, resolve);
      request.on('error', reject);
      request.end(body);
    });
    if (answer.statusCode !== 200) throw new Error(`${path} was answered ${answer.statusCode}`);
    return new RecordSubscription(answer, onRecord);
  }

  close(): void {
    this.#answer.destroy();
  }
}
