import { type BackoffOptions, backoff } from '../../runtime/backoff.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';

/** One event of a container, as the engine tells it. */
export interface DockerEvent {
  action: string;
  id: string;
  attributes: Record<string, string>;
  /** Nanoseconds since the epoch, by the engine's clock; exact to some hundreds. */
  time: number;
}

export interface DockerEventsOptions {
  /** Opens a stream that begins with what came after `since`, in nanoseconds by the engine's clock. */
  open(since: number, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
  /**
   * Brings the listener's knowledge up to date after the stream, broken since `since`, is open again; when it fails, the stream
   * is opened anew.
   */
  reconcile(since: number): Promise<void>;
  onEvent(event: DockerEvent): void;
  onDisconnected(reason: string): void;
  onConnected(): void;
  clock: Clock;
  random: () => number;
}

const retries: BackoffOptions = { initial: 200, maximum: 5000 };

/**
 * The one events stream of an engine: opened once, opened again whenever it breaks, until `stop`.
 *
 *     start ──► open ──► broken ──► (backoff) ──► open, connected, reconcile ──► …
 *
 * The engine keeps its last few hundred events, so a stream that begins where the last one broke misses nothing in most
 * breaks; `reconcile` covers the rest.
 */
export class DockerEvents {
  private readonly options: DockerEventsOptions;
  private readonly stopping = new AbortController();
  private last = 0;
  private running: Promise<void> = Promise.resolve();

  constructor(options: DockerEventsOptions) {
    this.options = options;
  }

  /** Resolves when the stream is open; throws what `open` throws. */
  async start(since: number): Promise<void> {
    this.last = since;
    const stream = await this.options.open(since, this.stopping.signal);
    this.running = this.keepOpen(stream);
    // What goes wrong inside `keepOpen` is a bug; it must show up in `stop` and not as an unhandled rejection before.
    this.running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keepOpen(first: NodeJS.ReadableStream): Promise<void> {
    const { signal } = this.stopping;
    let reason = await this.read(first);
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      if (attempt === 0) this.options.onDisconnected(reason);
      await sleep(this.options.clock, backoff(attempt, retries, this.options.random), signal);
      if (signal.aborted) return;
      const again = await this.reopen();
      if (again === undefined) continue;
      reason = again;
      attempt = -1;
    }
  }

  /** The reason for which the stream broke again after it had been back; undefined when it did not come back. */
  private async reopen(): Promise<string | undefined> {
    const { signal } = this.stopping;
    const since = this.last;
    let stream: NodeJS.ReadableStream | undefined;
    try {
      stream = await this.options.open(since, signal);
      // Read from now on: a break while we reconcile must not go unseen.
      const broken = this.read(stream);
      this.options.onConnected();
      await this.options.reconcile(since).catch((error: unknown) => destroy(stream, error));
      return await broken;
    } catch {
      destroy(stream);
      return undefined;
    }
  }

  /** Hands on every event until the stream ends, and resolves with the reason. */
  private read(stream: NodeJS.ReadableStream): Promise<string> {
    return new Promise((resolve) => {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.hand(line);
      });
      stream.on('error', (error: Error) => resolve(error.message));
      stream.on('end', () => resolve('the engine closed it'));
      stream.on('close', () => resolve('the connection was closed'));
    });
  }

  private hand(line: string): void {
    if (line.trim() === '' || this.stopping.signal.aborted) return;
    const event = parseEvent(line);
    if (event === undefined) return;
    // A stream that begins where the last one broke repeats the last event.
    if (event.action === 'oom' && event.time <= this.last) return;
    this.last = Math.max(this.last, event.time);
    this.options.onEvent(event);
  }
}

/** The events of a stream that ends, e.g. one that was opened with `until`. */
export async function pastEvents(stream: NodeJS.ReadableStream): Promise<DockerEvent[]> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text.split('\n').flatMap((line) => parseEvent(line) ?? []);
}

/** Undefined for a line that is not a container's event. */
export function parseEvent(line: string): DockerEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { Action, Actor, timeNano } = Object(raw) as {
    Action?: unknown;
    Actor?: { ID?: unknown; Attributes?: Record<string, string> };
    timeNano?: unknown;
  };
  if (typeof Action !== 'string' || typeof Actor?.ID !== 'string' || typeof timeNano !== 'number') return undefined;
  return { action: Action, id: Actor.ID, attributes: Actor.Attributes ?? {}, time: timeNano };
}

/** Nanoseconds in the form that the engine takes as `since` and `until`, e.g. `1700000000.000000001`. */
export function timeParameter(nanoseconds: number): string {
  // Large numbers are exact to some hundreds of nanoseconds only: begin a little early, repeated events are recognised.
  const early = BigInt(Math.floor(nanoseconds)) - 1000n;
  const exact = early > 0n ? early : 0n;
  return `${exact / 1_000_000_000n}.${`${exact % 1_000_000_000n}`.padStart(9, '0')}`;
}

function destroy(stream: NodeJS.ReadableStream | undefined, error?: unknown): void {
  const destroyable = stream as { destroy?: (error?: Error) => void } | undefined;
  destroyable?.destroy?.(error instanceof Error ? error : undefined);
}
