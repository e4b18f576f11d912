import type { ExecutorEvent } from '../protocol/messages.ts';
import type { Clock } from '../runtime/clock.ts';
import type { RecordStream } from '../runtime/record-stream.ts';
import type { ExecutorRecord } from './state.ts';

// As Mesos' agent: clients in the field take no more often for an error.
const heartbeatMs = 30 * 60_000;

export interface ExecutorStream {
  stream: Pick<RecordStream, 'write' | 'end'>;
  encode(event: ExecutorEvent): string | Uint8Array;
}

interface Open extends ExecutorStream {
  cancelHeartbeat: () => void;
}

/** The streams of executors that listen, one each: a new subscription ends the earlier one. */
export class ExecutorStreams {
  readonly #clock: Clock;
  readonly #open = new Map<ExecutorRecord, Open>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(executor: ExecutorRecord, { stream, encode }: ExecutorStream): void {
    this.hangUp(executor);
    const open: Open = { stream, encode, cancelHeartbeat: () => undefined };
    const beat = () => {
      stream.write(encode({ type: 'HEARTBEAT' }));
      open.cancelHeartbeat = this.#clock.after(heartbeatMs, beat);
    };
    open.cancelHeartbeat = this.#clock.after(heartbeatMs, beat);
    this.#open.set(executor, open);
  }

  /** The client went away; whether it was the one that listened. */
  closed(executor: ExecutorRecord, stream: ExecutorStream['stream']): boolean {
    const open = this.#open.get(executor);
    if (open === undefined || open.stream !== stream) return false;
    open.cancelHeartbeat();
    this.#open.delete(executor);
    return true;
  }

  send(executor: ExecutorRecord, event: ExecutorEvent): void {
    const open = this.#open.get(executor);
    open?.stream.write(open.encode(event));
  }

  hangUp(executor: ExecutorRecord): void {
    const open = this.#open.get(executor);
    if (open === undefined) return;
    this.#open.delete(executor);
    open.cancelHeartbeat();
    open.stream.end();
  }

  stop(): void {
    for (const executor of [...this.#open.keys()]) this.hangUp(executor);
  }
}
