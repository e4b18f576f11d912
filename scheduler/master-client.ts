import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Agent as Connections, type Dispatcher } from 'undici';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import type { LeaderSource } from '../runtime/leader-source.ts';
import { leadersOf, noLeader } from './leader-finder.ts';

const mostRedirects = 5;
// As long as an election takes.
const electionPatienceMs = 15_000;

/** Where a task's files are. */
export interface TaskLocation {
  agentId: string;
  frameworkId: string;
  taskId: string;
}

/**
 * What a framework needs of a cluster beside the scheduler API, all of it by way of the master: handing files over to
 * tasks, and reading what they wrote.
 */
export class MasterClient {
  readonly #leaders: LeaderSource;
  /** Where the leader was found. */
  #origin: string | undefined;
  readonly #connections = new Connections({ connect: { timeout: 5_000 } });

  /** `master`: host:port of one or of several with commas between, `zk://…` or `file://…`. Throws MESITA_FLAG_INVALID. */
  constructor(master: string) {
    this.#leaders = leadersOf(master, { clock: systemClock, random: Math.random });
  }

  async close(): Promise<void> {
    await Promise.all([this.#connections.destroy(), this.#leaders.close()]);
  }

  /** A JSON document of the master, e.g. `/state`. Throws MESITA_MASTER_UNREACHABLE, MESITA_MASTER_REFUSED. */
  async document<T>(path: string): Promise<T> {
    const { body } = await this.#request('GET', path);
    return (await body.json()) as T;
  }

  /** Posts JSON; the answer's text. */
  async post(path: string, content: unknown): Promise<string> {
    const { body } = await this.#request('POST', path, JSON.stringify(content), { 'content-type': 'application/json' });
    return body.text();
  }

  /**
   * Hands a file over, or the bytes of it from `start` up to but not including `end`; the URI for a task's CommandInfo.uris.
   * The caller removes it when its tasks are over.
   */
  async upload(path: string, options: { name?: string; start?: number; end?: number } = {}): Promise<string> {
    const { size } = await stat(path);
    const [start, end] = [options.start ?? 0, options.end ?? size];
    const name = (options.name ?? basename(path)).replaceAll(/[^A-Za-z0-9._~+=@,-]/g, '_').replace(/^\.+/, '_');
    const body = end === start ? '' : createReadStream(path, { start, end: end - 1 });
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(end - start) };
    const answer = await this.#request('PUT', `/mesita/v1/artifacts/${encodeURIComponent(name)}`, body, headers);
    const { uri } = (await answer.body.json()) as { uri: string };
    return uri;
  }

  /** Removes what was handed over; no error when it is gone already. */
  async remove(uri: string): Promise<void> {
    const { body } = await this.#request('DELETE', `/mesita/v1/artifacts${uri.replace(/^mesita:\/\//, '')}`);
    await body.dump();
  }

  /** Some bytes (64 KiB at the most) of a file in a task's sandbox; undefined when it is not there (yet). */
  async readSandbox(task: TaskLocation, file: string, offset: number): Promise<Buffer | undefined> {
    return (await this.readSandboxFile(task, file, offset))?.data;
  }

  /** As `readSandbox`; `file` tells whether it is the same file as before, whatever its name. */
  async readSandboxFile(
    task: TaskLocation,
    file: string,
    offset: number,
  ): Promise<{ data: Buffer; file: string } | undefined> {
    const path = `/frameworks/${task.frameworkId}/executors/${task.taskId}/runs/latest/${file}`;
    const query = new URLSearchParams({ path, offset: String(offset), encoding: 'base64' });
    const { statusCode, body } = await this.#send('GET', `/mesita/v1/agents/${task.agentId}/files/read?${query}`);
    if (statusCode === 404) {
      await body.dump();
      return undefined;
    }
    if (statusCode !== 200) throw refused(statusCode, await body.text());
    const answer = (await body.json()) as { data: string; file: string };
    return { data: Buffer.from(answer.data, 'base64'), file: answer.file };
  }

  /** The whole of a file in a task's sandbox, as text; empty when it is not there. */
  async sandboxText(task: TaskLocation, file: string): Promise<string> {
    const parts: Buffer[] = [];
    for (let offset = 0; ; ) {
      const part = await this.readSandbox(task, file, offset);
      if (part === undefined || part.length === 0) return Buffer.concat(parts).toString();
      parts.push(part);
      offset += part.length;
    }
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: Dispatcher.DispatchOptions['body'],
    headers?: Record<string, string>,
  ): Promise<Dispatcher.ResponseData> {
    const answer = await this.#send(method, path, body, headers);
    if (answer.statusCode < 200 || answer.statusCode > 299) throw refused(answer.statusCode, await answer.body.text());
    return answer;
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    body: Dispatcher.DispatchOptions['body'] = null,
    headers: Record<string, string> = {},
  ): Promise<Dispatcher.ResponseData> {
    for (let redirects = 0; ; redirects++) {
      this.#origin ??= await this.#findLeader();
      const origin = this.#origin;
      const answer = await this.#connections
        .request({ origin, path, method, body, headers })
        .catch((cause: unknown) => {
          this.#origin = undefined;
          const message = `No master answers at ${origin}: ${describeError(cause)}`;
          throw new MesitaError('MESITA_MASTER_UNREACHABLE', { message, cause });
        });
      const leader = leaderIn(answer, origin);
      // What was streamed is gone.
      if (leader === undefined || redirects === mostRedirects || (body !== null && typeof body !== 'string'))
        return answer;
      await answer.body.dump();
      this.#origin = leader;
    }
  }

  /** Its origin. Of several that are known, whichever answers tells. */
  async #findLeader(): Promise<string> {
    const addresses = await this.#leaders.find(AbortSignal.timeout(electionPatienceMs)).catch(() => {
      throw noLeader(this.#leaders);
    });
    const origins = addresses.map((address) => `http://${address}`);
    const [first = ''] = origins;
    if (origins.length === 1) return first;
    for (const origin of origins) {
      const answer = await this.#connections
        .request({ origin, path: '/redirect', method: 'GET' })
        .catch(() => undefined);
      await answer?.body.dump();
      const leader = answer && leaderIn(answer, origin);
      if (leader !== undefined) return leader;
    }
    return first;
  }
}

function leaderIn({ statusCode, headers }: Dispatcher.ResponseData, origin: string): string | undefined {
  if (statusCode !== 307 || typeof headers.location !== 'string') return undefined;
  return URL.parse(headers.location, origin)?.origin;
}

function refused(status: number, text: string): MesitaError {
  return new MesitaError('MESITA_MASTER_REFUSED', {
    message: `The master answers ${status}: ${text.trim() || 'no text'}`,
  });
}
