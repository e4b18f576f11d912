import { Agent as Connections } from 'undici';
import type { AgentProcessIO, ContainerID } from '../../protocol/messages.ts';
import { encodeRecord, RecordDecoder } from '../../protocol/record-io.ts';

const json = 'application/json';
const io = 'application/recordio';
const recordIo = { 'content-type': json, accept: io, 'message-accept': json };

/** Speaks the operator API with an agent, streams of both directions too. */
export class OperatorClient {
  readonly #origin: string;
  readonly #connections = new Connections({ headersTimeout: 0, bodyTimeout: 0 });

  /** `address`: host:port */
  constructor(address: string) {
    this.#origin = `http://${address}`;
  }

  send(body: unknown, headers: Record<string, string> = { 'content-type': json }) {
    const content = typeof body === 'object' && !(Symbol.asyncIterator in (body ?? {})) ? JSON.stringify(body) : body;
    const request = {
      origin: this.#origin,
      path: '/api/v1',
      method: 'POST',
      headers,
      body: content as string,
    } as const;
    return this.#connections.request(request);
  }

  async call(type: string, content: object): Promise<[number, string]> {
    const { statusCode, body } = await this.send({ type, [type.toLowerCase()]: content });
    return [statusCode, await body.text()];
  }

  /** Its status, as wait(2) has it. */
  async wait(container_id: ContainerID): Promise<number | undefined> {
    const [, text] = await this.call('WAIT_CONTAINER', { container_id });
    return JSON.parse(text).wait_container?.exit_status;
  }

  /** A call that is answered with a stream. */
  async open(type: string, content: object) {
    const { statusCode, headers, body } = await this.send({ type, [type.toLowerCase()]: content }, recordIo);
    const decoder = new RecordDecoder({ maximumLength: 1e6 });
    const messages: AgentProcessIO[] = [];
    const refusal: Buffer[] = [];
    const ended = (async () => {
      for await (const chunk of body) {
        if (statusCode !== 200) refusal.push(chunk);
        else for (const record of decoder.push(chunk).records) messages.push(JSON.parse(String(record)));
      }
    })().catch(() => undefined);
    const text = (stream: string) =>
      Buffer.concat(
        messages.filter(({ data }) => data?.type === stream).map(({ data }) => Buffer.from(data?.data ?? '', 'base64')),
      ).toString();
    const refused = () => ended.then(() => Buffer.concat(refusal).toString());
    return { statusCode, headers, messages, ended, text, refused, close: () => body.destroy() };
  }

  attachInput(container_id: ContainerID, ...messages: AgentProcessIO[]) {
    const inputs = [
      { type: 'CONTAINER_ID', container_id },
      ...messages.map((process_io) => ({ type: 'PROCESS_IO', process_io })),
    ];
    const records = inputs.map((attach_container_input) =>
      encodeRecord(JSON.stringify({ type: 'ATTACH_CONTAINER_INPUT', attach_container_input })),
    );
    const body = (async function* () {
      yield* records;
    })();
    return this.send(body, { 'content-type': io, 'message-content-type': json, accept: json });
  }

  close(): Promise<void> {
    return this.#connections.destroy();
  }
}

export function stdin(text: string): AgentProcessIO {
  return { type: 'DATA', data: { type: 'STDIN', data: Buffer.from(text).toString('base64') } };
}
