import { randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { Agent as Connections, type Dispatcher } from 'undici';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { AgentCall, AgentProcessIO, AgentResponse, ContainerID, TTYInfoWindowSize } from '../protocol/messages.ts';
import { encodeRecord, RecordDecoder } from '../protocol/record-io.ts';

const json = 'application/json';
const recordIo = 'application/recordio';
const heartbeatSeconds = 30;
const connectMs = 5_000;
const longestRecord = 16 * 1024 * 1024;

export interface SessionDraft {
  /** Of the task. */
  container: ContainerID;
  command: string[];
  /** Asks for a terminal, of that size where it is known. */
  terminal?: Partial<TTYInfoWindowSize>;
}

export interface Sinks {
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

/** A command in the container of a running task, by the operator API of the task's agent, to which it connects itself. */
export class AgentSession {
  readonly #origin: string;
  readonly #connections = new Connections({ connect: { timeout: connectMs }, headersTimeout: 0, bodyTimeout: 0 });
  readonly #input = new PassThrough();
  readonly #id: ContainerID;

  /** `address`: host:port */
  constructor(address: string, container: ContainerID) {
    this.#origin = `http://${address}`;
    this.#id = { value: randomUUID(), parent: container };
  }

  /**
   * Runs the command; resolves with its exit code when it has ended and its output is with the sinks. It is killed when the signal aborts.
   * Throws MESITA_AGENT_NOT_REACHED, MESITA_EXEC_FAILED.
   */
  async run(
    { command, terminal }: Omit<SessionDraft, 'container'>,
    sinks: Sinks,
    signal: AbortSignal,
  ): Promise<number> {
    const [value = '', ...others] = command;
    const output = await this.#post(
      {
        type: 'LAUNCH_NESTED_CONTAINER_SESSION',
        launch_nested_container_session: {
          container_id: this.#id,
          command: { shell: false, value, arguments: [value, ...others] },
          ...(terminal === undefined ? {} : { container: { type: 'MESOS', tty_info: sizeOf(terminal) } }),
        },
      },
      { accept: recordIo, 'message-accept': json, signal },
    );
    const status = this.#wait(signal);
    const input = this.#attach(signal);
    // They are looked at when the output has ended.
    for (const pending of [status, input]) pending.catch(() => undefined);
    const heartbeat = setInterval(() => this.#tell(heartbeatMessage), heartbeatSeconds * 1000);
    try {
      await copyOutput(output, sinks);
      return exitCode(await status);
    } finally {
      clearInterval(heartbeat);
      this.#input.end();
      await Promise.allSettled([status, input]);
    }
  }

  /** False where more should wait for `drained`. */
  write(bytes: Uint8Array): boolean {
    return this.#tell(stdinMessage(Buffer.from(bytes).toString('base64')));
  }

  drained(then: () => void): void {
    this.#input.once('drain', then);
  }

  endInput(): void {
    this.#tell(stdinMessage(''));
  }

  resize(size: TTYInfoWindowSize): void {
    this.#tell({ type: 'CONTROL', control: { type: 'TTY_INFO', tty_info: { window_size: size } } });
  }

  close(): Promise<void> {
    return this.#connections.destroy();
  }

  #tell(process_io: AgentProcessIO): boolean {
    if (!this.#input.writable) return true;
    const call: AgentCall = {
      type: 'ATTACH_CONTAINER_INPUT',
      attach_container_input: { type: 'PROCESS_IO', process_io },
    };
    return this.#input.write(encodeRecord(JSON.stringify(call)));
  }

  /** The records that name the container come first, then all that is told. */
  async #attach(signal: AbortSignal): Promise<void> {
    const call: AgentCall = {
      type: 'ATTACH_CONTAINER_INPUT',
      attach_container_input: { type: 'CONTAINER_ID', container_id: this.#id },
    };
    const input = this.#input;
    async function* records() {
      yield encodeRecord(JSON.stringify(call));
      yield* input;
    }
    const headers = { 'content-type': recordIo, 'message-content-type': json, accept: json };
    const { body } = await this.#request(Readable.from(records()), headers, signal);
    await body.dump();
  }

  async #wait(signal: AbortSignal): Promise<number> {
    const call: AgentCall = {
      type: 'WAIT_NESTED_CONTAINER',
      wait_nested_container: { container_id: this.#id },
    };
    const body = await this.#post(call, { accept: json, signal });
    const { wait_nested_container } = (await body.json()) as AgentResponse;
    return wait_nested_container?.exit_status ?? 0;
  }

  async #post(
    call: AgentCall,
    { signal, ...headers }: { signal: AbortSignal } & Record<string, unknown>,
  ): Promise<Dispatcher.ResponseData['body']> {
    const all = { 'content-type': json, ...(headers as Record<string, string>) };
    const { statusCode, body } = await this.#request(JSON.stringify(call), all, signal);
    if (statusCode === 200) return body;
    throw new MesitaError('MESITA_EXEC_FAILED', { message: `The agent answers ${statusCode}: ${await body.text()}` });
  }

  async #request(
    body: string | Readable,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const origin = this.#origin;
    try {
      return await this.#connections.request({
        origin,
        path: '/api/v1',
        method: 'POST',
        body,
        headers,
        signal,
      });
    } catch (cause) {
      signal.throwIfAborted();
      const message = `The task's agent does not answer at ${origin}: ${describeError(cause)}`;
      throw new MesitaError('MESITA_AGENT_NOT_REACHED', { message, cause });
    }
  }
}

const heartbeatMessage: AgentProcessIO = {
  type: 'CONTROL',
  control: { type: 'HEARTBEAT', heartbeat: { interval: { nanoseconds: heartbeatSeconds * 1e9 } } },
};

function stdinMessage(data: string): AgentProcessIO {
  return { type: 'DATA', data: { type: 'STDIN', data } };
}

function sizeOf({ rows, columns }: Partial<TTYInfoWindowSize>): { window_size?: TTYInfoWindowSize } {
  return rows === undefined || columns === undefined ? {} : { window_size: { rows, columns } };
}

async function copyOutput(output: AsyncIterable<Buffer>, sinks: Sinks): Promise<void> {
  const decoder = new RecordDecoder({ maximumLength: longestRecord });
  for await (const chunk of output) {
    for (const record of decoder.push(chunk).records) {
      const { data } = JSON.parse(record.toString()) as AgentProcessIO;
      if (data?.data === undefined) continue;
      const sink = data.type === 'STDERR' ? sinks.stderr : sinks.stdout;
      const bytes = Buffer.from(data.data, 'base64');
      // Called back when it is written: the agent, and the command, wait for a slow reader.
      if (sink.writable) await new Promise<void>((resolve) => sink.write(bytes, () => resolve()));
    }
  }
}

/** Of a status as wait(2) has it; of a signal as shells tell it. */
function exitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? status >> 8 : 128 + signal;
}
