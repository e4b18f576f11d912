import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent as HttpConnections, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentSubscription } from '../../protocol/agent-link.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { frameworkInfo } from './master-messages.ts';
import { MesitaProcess } from './mesita-process.ts';

export interface Given {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Set where the answer is a stream, which goes on. */
  stream?: { records: Buffer[]; hangUp: () => void };
}

/** A real master in a process of its own, that tests may ill-treat. */
export class FuzzTarget {
  readonly process: MesitaProcess;
  readonly port: number;
  /** The most memory that it ever held, in bytes. */
  peak = 0;
  readonly #directory: string;
  readonly #connections = new HttpConnections({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  readonly #hangUps = new Set<() => void>();
  readonly #watch: NodeJS.Timeout;

  private constructor(directory: string, master: MesitaProcess, port: number) {
    this.#directory = directory;
    this.process = master;
    this.port = port;
    this.#watch = setInterval(() => void this.memory().catch(() => undefined), 100);
  }

  static async start(): Promise<FuzzTarget> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-fuzz-'));
    const master = new MesitaProcess(
      ['master', '--port=0', '--allocation_interval=200ms', `--work_dir=${directory}`],
      process.env,
    );
    try {
      const [, port] = await master.says(/master is up.*address=\S*:(\d+)/);
      return new FuzzTarget(directory, master, Number(port));
    } catch (error) {
      await master.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Bytes of memory that the master holds now; 0 where the system does not tell. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.process.pid}/status`, 'latin1').catch(() => '');
    const bytes = 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    this.peak = Math.max(this.peak, bytes);
    return bytes;
  }

  /** Sends a request; fails when no answer comes. `body` in parts is sent as it comes, chunked. */
  send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Buffer | Iterable<Buffer> = Buffer.alloc(0),
  ): Promise<Given> {
    return new Promise((resolve, reject) => {
      const whole = Buffer.isBuffer(body);
      const request = httpRequest({
        port: this.port,
        method,
        path,
        agent: whole ? this.#connections : false,
        headers: whole ? { ...headers, 'content-length': body.length } : headers,
      });
      request.on('error', reject);
      request.on('response', (answer) => {
        const given = { status: answer.statusCode ?? 0, headers: answer.headers };
        const chunks: Buffer[] = [];
        answer.on('error', () => undefined);
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        if (given.status === 200 && answer.headers['transfer-encoding'] === 'chunked') {
          const hangUp = () => {
            this.#hangUps.delete(hangUp);
            request.destroy();
          };
          this.#hangUps.add(hangUp);
          resolve({ ...given, text: '', stream: { records: chunks, hangUp } });
          return;
        }
        answer.once('end', () => resolve({ ...given, text: Buffer.concat(chunks).toString() }));
        answer.once('close', () => reject(new Error('the answer broke off')));
      });
      if (whole) request.end(body);
      else void pour(body, request);
    });
  }

  /** A connection for rubbish. Its end is nobody's failure. */
  async raw(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return socket;
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    for (const hangUp of this.#hangUps) hangUp();
    for (const socket of this.#sockets) socket.destroy();
    this.#connections.destroy();
    await this.process.end('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function pour(parts: Iterable<Buffer>, request: ReturnType<typeof httpRequest>): Promise<void> {
  for (const part of parts) {
    if (request.destroyed) return;
    if (!request.write(part)) {
      await new Promise<void>((resolve) =>
        request.once('drain', resolve).once('close', resolve).once('error', resolve),
      );
    }
  }
  request.end();
}

/** A framework that has nothing to do with the noise: it declines every offer, and counts what comes. */
export class Bystander {
  readonly events: { type: string; at: number }[] = [];
  /** Calls of its that failed. */
  readonly problems: unknown[] = [];
  ended = false;
  #id = '';
  readonly #target: FuzzTarget;
  readonly #stop = new AbortController();

  private constructor(target: FuzzTarget) {
    this.#target = target;
  }

  /** Subscribes with a role, and joins an agent that has resources of that role alone. */
  static async join(target: FuzzTarget, agent: AgentSubscription, role: string): Promise<Bystander> {
    const bystander = new Bystander(target);
    await bystander.#listen('/mesita/v1/agent', agent, (message, headers) => {
      if (message.type === 'PING') void bystander.#post('/mesita/v1/agent/messages', [{ type: 'PONG' }], headers);
    });
    const info = { ...frameworkInfo({ name: 'bystander', role }), failover_timeout: 0 };
    const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: info } };
    await bystander.#listen('/api/v1/scheduler', subscribe, (event, headers) =>
      bystander.#receive(event as SchedulerEvent, headers),
    );
    return bystander;
  }

  /** How many events of a type came since a time. */
  count(type: string, since = 0): number {
    return this.events.filter((event) => event.type === type && event.at >= since).length;
  }

  leave(): void {
    this.#stop.abort();
  }

  #receive(event: SchedulerEvent, headers: IncomingHttpHeaders): void {
    this.events.push({ type: event.type ?? '', at: Date.now() });
    if (event.subscribed !== undefined) this.#id = event.subscribed.framework_id.value;
    for (const { id } of event.offers?.offers ?? []) {
      const decline = { offer_ids: [id], filters: { refuse_seconds: 0.1 } };
      void this.#post('/api/v1/scheduler', { framework_id: { value: this.#id }, type: 'DECLINE', decline }, headers);
    }
  }

  async #post(path: string, body: object, { 'mesos-stream-id': stream }: IncomingHttpHeaders): Promise<void> {
    const headers = { 'content-type': 'application/json', 'mesos-stream-id': String(stream) };
    try {
      const { status, text } = await this.#target.send('POST', path, headers, Buffer.from(JSON.stringify(body)));
      if (status !== 202) this.problems.push(`${status} ${text} for ${JSON.stringify(body)}`);
    } catch (error) {
      this.problems.push(error);
    }
  }

  #listen(
    path: string,
    body: object,
    take: (record: { type?: string | undefined }, headers: IncomingHttpHeaders) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { port } = this.#target;
      const headers = { 'content-type': 'application/json' };
      const request = httpRequest({ port, method: 'POST', path, headers, agent: false, signal: this.#stop.signal });
      request.once('error', reject);
      request.once('response', (answer) => {
        const decoder = new RecordDecoder({ maximumLength: 1e8 });
        answer.on('error', () => undefined);
        answer.once('close', () => {
          this.ended = true;
        });
        answer.on('data', (chunk: Buffer) => {
          for (const record of decoder.push(chunk).records) take(JSON.parse(record.toString()), answer.headers);
          resolve();
        });
      });
      request.end(JSON.stringify(body));
    });
  }
}
