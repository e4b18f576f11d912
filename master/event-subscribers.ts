import { encodeEvent, type MediaType } from '../protocol/codec.ts';
import type { MasterEvent } from '../protocol/messages.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { RecordStream } from '../runtime/record-stream.ts';
import type { News } from './news.ts';
import { getState } from './operator/documents.ts';
import { newsEvent } from './operator/news-event.ts';
import type { Registrar } from './registry/registrar.ts';
import type { MasterState } from './state.ts';

export interface EventSubscribersOptions {
  state: MasterState;
  clock: Clock;
  log: Log;
  /** Subscribers at the most; one more closes the oldest. */
  maximum: number;
  /** Seconds between heartbeats. */
  heartbeatInterval: number;
  /** Of the master's registry: what goes out waits there. */
  gate: Pick<Registrar, 'pass'>;
}

interface Subscriber {
  media: MediaType;
  stream: RecordStream;
  cancelHeartbeat: () => void;
}

/**
 * The subscribers of the operator API's event stream.
 *
 * INVARIANT: a subscriber gets every event after its snapshot, in order, or its stream is closed.
 */
export class EventSubscribers {
  readonly #options: EventSubscribersOptions;
  /** The oldest first. */
  readonly #subscribers = new Set<Subscriber>();

  constructor(options: EventSubscribersOptions) {
    this.#options = options;
  }

  /** Sends the snapshot. `open` makes the stream and tells the given function when it was closed. */
  subscribe(media: MediaType, open: (onClose: () => void) => RecordStream): void {
    const { state, maximum, heartbeatInterval } = this.#options;
    const subscriber: Subscriber = {
      media,
      stream: open(() => this.#forget(subscriber)),
      cancelHeartbeat: () => undefined,
    };
    this.#subscribers.add(subscriber);
    this.#count();
    const subscribed = { get_state: getState(state), heartbeat_interval_seconds: heartbeatInterval };
    this.#write(subscriber, encodeEvent(media, 'MasterEvent', { type: 'SUBSCRIBED', subscribed }));
    this.#beat(subscriber);
    for (const oldest of this.#subscribers) {
      if (this.#subscribers.size <= maximum) break;
      this.#options.log.warn({ maximum }, 'too many subscribers of operator events: the oldest stream is closed');
      this.#close(oldest);
    }
  }

  announce(news: News): void {
    if (this.#subscribers.size > 0) this.#send(newsEvent(this.#options.state, news));
  }

  close(): void {
    for (const subscriber of this.#subscribers) this.#close(subscriber);
  }

  #send(event: MasterEvent): void {
    const encoded = new Map<MediaType, string | Uint8Array>();
    for (const subscriber of this.#subscribers) {
      const { media } = subscriber;
      const record = encoded.get(media) ?? encodeEvent(media, 'MasterEvent', event);
      encoded.set(media, record);
      this.#write(subscriber, record);
    }
  }

  #write({ stream }: Subscriber, record: string | Uint8Array): void {
    this.#options.gate.pass(() => stream.write(record));
  }

  #beat(subscriber: Subscriber): void {
    const { clock, heartbeatInterval } = this.#options;
    this.#write(subscriber, encodeEvent(subscriber.media, 'MasterEvent', { type: 'HEARTBEAT' }));
    subscriber.cancelHeartbeat = clock.after(heartbeatInterval * 1000, () => this.#beat(subscriber));
  }

  #close(subscriber: Subscriber): void {
    this.#forget(subscriber);
    subscriber.stream.end();
  }

  #forget(subscriber: Subscriber): void {
    subscriber.cancelHeartbeat();
    this.#subscribers.delete(subscriber);
    this.#count();
  }

  #count(): void {
    this.#options.state.metrics.counters.set('master/operator_event_stream_subscribers', this.#subscribers.size);
  }
}
