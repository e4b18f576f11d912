import { connect, type Socket } from 'node:net';
import { describeError } from '../../protocol/errors.ts';
import { JuteReader, JuteWriter } from './jute.ts';
import { type RequestType, requestTypes } from './operations.ts';
import { refusedByServer, ZooKeeperError } from './zookeeper-error.ts';

export interface Server {
  host: string;
  port: number;
}

interface Pending {
  readonly what: string;
  readonly answered: (answer: JuteReader) => void;
  readonly failed: (error: ZooKeeperError) => void;
}

export interface ConnectionOptions {
  server: Server;
  /** Milliseconds until the connection stands. */
  timeout: number;
  /** Closes it. */
  signal: AbortSignal;
  /** Something changed at a path that a request asked to watch. */
  onWatch(path: string): void;
  /** The highest transaction that the server has told of. */
  onTransaction(id: bigint): void;
}

// Numbers of requests that the protocol gives a meaning.
const watchNumber = -1;
const fixedNumbers: Partial<Record<RequestType, number>> = { ping: -2, authenticate: -4 };

/** One TCP connection to one server: requests, and what comes back. */
export class Connection {
  /** Resolves with the reason when it is over. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #end = Promise.withResolvers<string>();
  /** The answer to the greeting, which is a message without number. */
  #greeted: Pending | undefined;
  #received = Buffer.alloc(0);
  #number = 0;
  #reason: string | undefined;

  /** Connects, and sends the greeting; resolves with its answer. Throws ZooKeeperError. */
  static async open(options: ConnectionOptions, greeting: Buffer): Promise<[Connection, JuteReader]> {
    const connection = new Connection(options);
    const answer = await new Promise<JuteReader>((answered, failed) => {
      if (connection.#reason !== undefined) return failed(lost(options.server, connection.#reason));
      connection.#greeted = { what: 'the greeting', answered, failed };
      connection.#socket.write(greeting);
    });
    return [connection, answer];
  }

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    const { server, timeout, signal } = options;
    this.closed = this.#end.promise;
    this.#socket = connect({ host: server.host, port: server.port, noDelay: true });
    const late = setTimeout(() => this.close(`no answer within ${Math.round(timeout)} ms`), timeout);
    this.#socket.once('data', () => clearTimeout(late));
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.close(describeError(error)));
    const stop = () => this.close('the session is over');
    signal.addEventListener('abort', stop);
    this.#socket.on('close', () => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      this.close('the server closed the connection');
    });
    if (signal.aborted) stop();
  }

  /** Resolves with the answer's content; `onAnswer` is called before the server's next message is looked at. Throws ZooKeeperError. */
  request(
    type: RequestType,
    what: string,
    write: (writer: JuteWriter) => void,
    onAnswer: () => void = () => undefined,
  ): Promise<JuteReader> {
    const number = fixedNumbers[type] ?? ++this.#number;
    return new Promise((resolve, failed) => {
      if (this.#reason !== undefined) return failed(lost(this.#options.server, this.#reason));
      const answered = (answer: JuteReader) => {
        onAnswer();
        resolve(answer);
      };
      this.#pending.set(number, { what: `${type} ${what}`.trim(), answered, failed });
      const writer = new JuteWriter().int(number).int(requestTypes[type]);
      write(writer);
      this.#socket.write(writer.frame());
    });
  }

  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#socket.destroy();
    const error = lost(this.#options.server, reason);
    this.#greeted?.failed(error);
    for (const { failed } of this.#pending.values()) failed(error);
    this.#pending.clear();
    this.#end.resolve(reason);
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE();
      if (this.#received.length < end) return;
      const message = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      try {
        this.#take(new JuteReader(message));
      } catch (error) {
        this.close(`an answer cannot be read: ${describeError(error)}`);
        return;
      }
    }
  }

  #take(message: JuteReader): void {
    const greeted = this.#greeted;
    if (greeted !== undefined) {
      this.#greeted = undefined;
      greeted.answered(message);
      return;
    }
    const number = message.int();
    const transaction = message.long();
    const error = message.int();
    if (number === watchNumber) {
      // Its type and the state of the session, which do not matter here.
      message.int();
      message.int();
      this.#options.onWatch(message.text());
      return;
    }
    if (transaction > 0n) this.#options.onTransaction(transaction);
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    if (pending === undefined) throw new Error(`nothing was asked under number ${number}`);
    if (error === 0) pending.answered(message);
    else pending.failed(refusedByServer(error, pending.what));
  }
}

function lost({ host, port }: Server, reason: string): ZooKeeperError {
  return new ZooKeeperError('connection lost', `No connection to ZooKeeper at ${host}:${port}: ${reason}`);
}
