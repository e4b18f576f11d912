import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { Agent as Connections, type Dispatcher } from 'undici';
import type { AgentMessage, AgentSubscription, MasterMessage } from '../../protocol/agent-link.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { decodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { until } from './virtual-clock.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A stream of records from the master. */
export interface OpenStream<Record> {
  status: number;
  headers: Answer['headers'];
  records: Record[];
  /** The chunks of the answer, as they came. */
  chunks: string[];
  ended: boolean;
  hangUp(): void;
}

/** Clients of a master, wherever it runs. */
export class MasterClients {
  /** host:port */
  readonly address: string;
  readonly #connections = new Connections({ pipelining: 1 });
  readonly #sockets: Socket[] = [];
  readonly #streams: AbortController[] = [];

  constructor(address: string) {
    this.address = address;
  }

  async request(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<Answer> {
    const { statusCode, headers, body } = await this.#connections.request({
      origin: `http://${this.address}`,
      method: method as Dispatcher.HttpMethod,
      path,
      // A stream where an answer was expected is a failure, not a wait.
      bodyTimeout: 1_000,
      ...options,
    });
    return { status: statusCode, headers, text: await body.text() };
  }

  /** A call of a framework, in JSON. */
  call(stream: OpenStream<SchedulerEvent>, call: object): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      'mesos-stream-id': String(stream.headers['mesos-stream-id']),
    };
    const body = JSON.stringify({ framework_id: { value: frameworkOf(stream) }, ...call });
    return this.request('POST', '/api/v1/scheduler', { headers, body });
  }

  /** Subscribes and waits for the first record. */
  async subscribe(frameworkInfo: object, headers: Record<string, string> = {}): Promise<OpenStream<SchedulerEvent>> {
    const id = (frameworkInfo as { id?: object }).id;
    const call = { type: 'SUBSCRIBE', ...(id && { framework_id: id }), subscribe: { framework_info: frameworkInfo } };
    const stream = await this.stream<SchedulerEvent>('/api/v1/scheduler', JSON.stringify(call), headers);
    if (stream.status === 200) await until('the first event', () => stream.records.length > 0 || stream.ended);
    return stream;
  }

  async join(subscription: AgentSubscription): Promise<OpenStream<MasterMessage>> {
    const stream = await this.stream<MasterMessage>('/mesita/v1/agent', JSON.stringify(subscription));
    await until('the agent is registered', () => stream.records.length > 0 || stream.ended);
    return stream;
  }

  tell(stream: OpenStream<MasterMessage>, messages: AgentMessage[]): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      'mesos-stream-id': String(stream.headers['mesos-stream-id']),
    };
    return this.request('POST', '/mesita/v1/agent/messages', { headers, body: JSON.stringify(messages) });
  }

  async stream<Record>(
    path: string,
    body: string,
    extra: { [name: string]: string } = {},
  ): Promise<OpenStream<Record>> {
    const controller = new AbortController();
    this.#streams.push(controller);
    const {
      statusCode,
      headers,
      body: answer,
    } = await this.#connections.request({
      origin: `http://${this.address}`,
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', ...extra },
      body,
      signal: controller.signal,
    });
    const stream: OpenStream<Record> = {
      status: statusCode,
      headers,
      records: [],
      chunks: [],
      ended: false,
      hangUp: () => controller.abort(),
    };
    const type = path === '/api/v1' ? 'MasterEvent' : 'SchedulerEvent';
    const read = headers['content-type'] === 'application/x-protobuf' ? readProtobuf : readJson;
    const decoder = new RecordDecoder({ maximumLength: 1e7 });
    answer.on('data', (chunk: Buffer) => {
      stream.chunks.push(chunk.toString());
      if (statusCode !== 200) return;
      for (const record of decoder.push(chunk).records) stream.records.push(read(record, type) as Record);
    });
    answer.once('close', () => {
      stream.ended = true;
    });
    answer.on('error', () => undefined);
    return stream;
  }

  /** A connection on which the test writes what it likes. */
  async raw(): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> {
    const [ip = '', port] = this.address.split(':');
    const socket = connect({ host: ip, port: Number(port), allowHalfOpen: true });
    this.#sockets.push(socket);
    let text = '';
    let closed = false;
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.once('end', () => {
      closed = true;
    });
    socket.once('close', () => {
      closed = true;
    });
    await new Promise((resolve) => socket.once('connect', resolve));
    return { socket, received: () => text, closed: () => closed };
  }

  /** All hang up. */
  async leave(): Promise<void> {
    for (const controller of this.#streams) controller.abort();
    for (const socket of this.#sockets) socket.destroy();
    await this.#connections.destroy();
  }
}

function readJson(record: Buffer): unknown {
  return JSON.parse(record.toString());
}

function readProtobuf(record: Buffer, type: 'MasterEvent' | 'SchedulerEvent'): unknown {
  const decoded = decodeProtobuf(type, record);
  assert.ok(decoded.ok);
  return decoded.value;
}

export function frameworkOf(stream: OpenStream<SchedulerEvent>): string {
  return stream.records.find(({ subscribed }) => subscribed !== undefined)?.subscribed?.framework_id.value ?? '';
}
