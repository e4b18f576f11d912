import { describeError } from '../../protocol/errors.ts';
import { type Clock, sleep } from '../clock.ts';
import type { Log } from '../log.ts';
import { Connection, type Server } from './connection.ts';
import { type JuteReader, JuteWriter } from './jute.ts';
import {
  type Access,
  type Change,
  type CreateOptions,
  type NodeStatus,
  type RequestType,
  readMulti,
  readStatus,
  writeChange,
  writeMulti,
} from './operations.ts';
import { isProblem, ZooKeeperError } from './zookeeper-error.ts';

export interface SessionOptions {
  servers: readonly Server[];
  /** `user:password`, where there is one. */
  credentials?: string | undefined;
  /** Milliseconds that the session outlives its last sign of life; the servers may make it shorter or longer. */
  timeout: number;
  /** Whether something depends on `good`: then a majority of the servers is asked, where an observer asks one. */
  leads: boolean;
  clock: Clock;
  /** Milliseconds of a clock that nobody sets. */
  monotonic: () => number;
  random: () => number;
  log: Log;
}

export interface Node extends NodeStatus {
  data: Buffer;
}

const noPassword = Buffer.alloc(16);
// After all of the servers were tried in vain.
const longestPauseMs = 1_000;
const partingMs = 1_000;
const shortestTryMs = 500;

/**
 * One session with a ZooKeeper ensemble: found anew at another server when a connection breaks, and over once and for all when the
 * servers say so, or may have said so: this client's own clock counts, too.
 *
 * INVARIANTS
 * - While `good` is true no server has ended the session, so what it owns is still there for everybody to see. It is counted from the *sending* of what was
 *   answered. With `leads` these are requests that go by way of ZooKeeper's leader, and the one before the last answered counts: the server that
 *   this client talks to tells the leader of its sign of life a little later than it answers, and never when it is cut off.
 * - A change whose connection broke may have been made (`connection lost`); what only reads is asked again.
 * - A watch is called once, for a change or because the connection broke; not when the session is over.
 */
export class ZooKeeperSession {
  readonly #options: SessionOptions;
  readonly #over = new AbortController();
  readonly #watches = new Map<string, Set<() => void>>();
  readonly #running: Promise<void>;
  #connection = Promise.withResolvers<Connection>();
  #connected: Connection | undefined;
  #id = 0n;
  #password: Buffer = noPassword;
  #transaction = 0n;
  #timeout: number;
  #goodUntil = Number.NEGATIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#timeout = options.timeout;
    this.#connection.promise.catch(() => undefined);
    this.#running = this.#run();
  }

  /** Aborted when the session is over, with the ZooKeeperError that says why. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether the session stands for certain; false also before it began. */
  get good(): boolean {
    return !this.over.aborted && this.#options.monotonic() < this.#goodUntil;
  }

  /** 0 before it began. */
  get id(): bigint {
    return this.#id;
  }

  /** Throws ZooKeeperError, also `connection lost`; resolves with the path, which a sequential one has its number in. */
  async create(path: string, data: Uint8Array, options: CreateOptions): Promise<string> {
    const change = { type: 'create', path, data, options } as const;
    const answer = await this.#request('create', path, (writer) => writeChange(writer, change));
    return answer.text();
  }

  /** A node that stays, with all above it. What is there already is left as it is. */
  async createPath(path: string, access: readonly Access[]): Promise<void> {
    const names = path.split('/').filter((name) => name !== '');
    for (const [index] of names.entries()) {
      const part = `/${names.slice(0, index + 1).join('/')}`;
      if ((await this.#status(part)) !== undefined) continue;
      await this.#again(() => this.create(part, Buffer.alloc(0), { access })).catch((error: unknown) => {
        if (!isProblem(error, 'node exists')) throw error;
      });
    }
  }

  /** Undefined where there is no such node. */
  get(path: string): Promise<Node | undefined> {
    return this.#read('get', path, undefined, (answer) => ({ data: answer.buffer(), ...readStatus(answer) }));
  }

  /** The names below a node; undefined where there is no such node, and then nothing is watched. */
  children(path: string, watch?: () => void): Promise<string[] | undefined> {
    return this.#read('children', path, watch, (answer) => answer.list(() => answer.text()));
  }

  /** All of the changes or none. Throws ZooKeeperError, also `connection lost`. */
  async multi(changes: readonly Change[]): Promise<void> {
    const answer = await this.#request('multi', '', (writer) => writeMulti(writer, changes));
    readMulti(answer, changes);
  }

  /** The node's version after the change. Throws ZooKeeperError, also `connection lost`. */
  async set(path: string, data: Uint8Array, version?: number): Promise<number> {
    const change = { type: 'set', path, data, ...(version !== undefined && { version }) } as const;
    const answer = await this.#request('set', path, (writer) => writeChange(writer, change));
    return readStatus(answer).version;
  }

  /** Ends the session, and with it what it owns; without the servers' answer after a second at the latest. */
  async close(): Promise<void> {
    const connection = this.#connected;
    if (connection !== undefined && !this.over.aborted) {
      const parted = new AbortController();
      const told = connection.request('closeSession', '', () => undefined).catch(() => undefined);
      await Promise.race([told, sleep(this.#options.clock, partingMs, parted.signal)]);
      parted.abort();
    }
    this.#end('closed by this client');
    await this.#running;
  }

  #status(path: string): Promise<NodeStatus | undefined> {
    return this.#read('exists', path, undefined, readStatus);
  }

  #read<T>(
    type: RequestType,
    path: string,
    watch: (() => void) | undefined,
    read: (answer: JuteReader) => T,
  ): Promise<T | undefined> {
    return this.#again(async () => {
      try {
        const write = (writer: JuteWriter) => writer.text(path).flag(watch !== undefined);
        const answer = await this.#request(type, path, write, () => {
          if (watch !== undefined) this.#watch(path, watch);
        });
        return read(answer);
      } catch (error) {
        if (isProblem(error, 'no node')) return undefined;
        throw error;
      }
    });
  }

  /** `answered`: at the moment of the answer, before whatever the servers say next. */
  async #request(
    type: RequestType,
    what: string,
    write: (writer: JuteWriter) => void,
    answered?: () => void,
  ): Promise<JuteReader> {
    if (this.over.aborted) throw this.over.reason;
    const connection = this.#connected ?? (await this.#connection.promise);
    return connection.request(type, what, write, answered);
  }

  /** Until it does not fail for a broken connection. */
  async #again<T>(action: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        if (!isProblem(error, 'connection lost')) throw error;
      }
    }
  }

  #watch(path: string, watch: () => void): void {
    const watches = this.#watches.get(path) ?? new Set();
    this.#watches.set(path, watches.add(watch));
  }

  #changed(path: string): void {
    const watches = this.#watches.get(path);
    this.#watches.delete(path);
    for (const watch of watches ?? []) watch();
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#options;
    const servers = shuffled(this.#options.servers, random);
    let failures = 0;
    for (let index = 0; !this.over.aborted; index++) {
      const server = servers[index % servers.length];
      if (server === undefined) return;
      try {
        const reason = await this.#serve(server);
        failures = 0;
        if (!this.over.aborted) log.info({ server: textOf(server), reason }, 'the connection to ZooKeeper broke');
      } catch (error) {
        failures++;
        const fields = { server: textOf(server), error: describeError(error) };
        // Once when all of them have been tried.
        if (failures === servers.length) log.warn(fields, 'no ZooKeeper server answers');
        else log.debug(fields, 'a ZooKeeper server does not answer');
        if (failures % servers.length === 0) await sleep(clock, random() * longestPauseMs, this.over);
      }
    }
  }

  /** Goes on with the session at a server; resolves when the connection is over. */
  async #serve(server: Server): Promise<string> {
    const connection = await this.#join(server);
    if (!this.over.aborted) {
      this.#connected = connection;
      this.#connection.resolve(connection);
      void this.#beat(connection);
    }
    const reason = await connection.closed;
    this.#connected = undefined;
    if (this.over.aborted) return reason;
    this.#connection = Promise.withResolvers();
    this.#connection.promise.catch(() => undefined);
    for (const path of [...this.#watches.keys()]) this.#changed(path);
    return reason;
  }

  async #join(server: Server): Promise<Connection> {
    const { servers, credentials, monotonic } = this.#options;
    const sent = monotonic();
    const greeting = new JuteWriter()
      .int(0)
      .long(this.#transaction)
      .int(this.#options.timeout)
      .long(this.#id)
      .buffer(this.#password)
      .flag(false)
      .frame();
    const [connection, answer] = await Connection.open(
      {
        server,
        timeout: Math.max(shortestTryMs, this.#timeout / servers.length),
        signal: this.over,
        onWatch: (path) => this.#changed(path),
        onTransaction: (id) => {
          this.#transaction = id;
        },
      },
      greeting,
    );
    answer.int();
    const timeout = answer.int();
    const isNew = this.#id === 0n;
    this.#id = answer.long();
    this.#password = answer.buffer();
    if (timeout <= 0) {
      this.#end('the servers have ended it');
      return connection;
    }
    this.#timeout = timeout;
    this.#goodUntil = sent + timeout;
    if (isNew) this.#watchTime();
    if (credentials !== undefined) await this.#authenticate(connection, credentials);
    return connection;
  }

  async #authenticate(connection: Connection, credentials: string): Promise<void> {
    try {
      await connection.request('authenticate', '', (writer) =>
        writer.int(0).text('digest').buffer(Buffer.from(credentials)),
      );
    } catch (error) {
      if (isProblem(error, 'not permitted')) this.#end('the servers refuse the user and password of the URL');
      connection.close('no authentication');
      throw error;
    }
  }

  /** Signs of life, one at a time; a server that does not answer is left. */
  async #beat(connection: Connection): Promise<void> {
    const { leads, clock, monotonic } = this.#options;
    const closed = new AbortController();
    void connection.closed.then(() => closed.abort());
    let previous = this.#goodUntil - this.#timeout;
    while (!closed.signal.aborted) {
      const patience = clock.after((this.#timeout * 2) / 3, () => connection.close('the server does not answer'));
      const sent = monotonic();
      try {
        await (leads
          ? connection.request('sync', '/', (writer) => writer.text('/'))
          : connection.request('ping', '', () => undefined));
        const counted = leads ? previous : sent;
        this.#goodUntil = Math.max(this.#goodUntil, counted + this.#timeout);
        previous = sent;
      } catch (error) {
        connection.close(describeError(error));
      } finally {
        patience();
      }
      await sleep(clock, this.#timeout / (leads ? 6 : 3), closed.signal);
    }
  }

  /** Ends the session when it may be over for the servers. */
  #watchTime(): void {
    const { clock, monotonic } = this.#options;
    const look = () => {
      const left = this.#goodUntil - monotonic();
      if (left > 0) cancel = clock.after(left, look);
      else this.#end(`nothing was heard from the servers within the session's ${this.#timeout} ms`);
    };
    let cancel = clock.after(this.#timeout, look);
    this.over.addEventListener('abort', () => cancel());
  }

  #end(reason: string): void {
    if (this.over.aborted) return;
    const error = new ZooKeeperError('session over', `The ZooKeeper session is over: ${reason}`);
    this.#over.abort(error);
    this.#connection.reject(error);
    this.#watches.clear();
  }
}

function textOf({ host, port }: Server): string {
  return `${host}:${port}`;
}

/** So that a crowd of clients spreads over the servers. */
function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
