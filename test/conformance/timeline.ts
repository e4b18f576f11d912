import type { Messages } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { type Comparison, recordedAddresses } from './comparison.ts';
import { readRecord, textAt, type Value } from './document.ts';
import { eventKey, type LiveRecord, type LiveStream, mediaOf, stateOf, taskOf } from './live-stream.ts';
import { OfferBook } from './offer-book.ts';
import { bytesOf, type Exchange, isExchange, type Line } from './recording.ts';
import type { Outcome } from './replay.ts';

export type RecordedExchange = Exchange & { file: string };

/** A stream of the recording and, while it is open, the living one. */
export interface Stream {
  exchange: RecordedExchange;
  records: { value: Value; at: number }[];
  comparison: Comparison;
  live?: LiveStream;
  offers: OfferBook;
  matched: number;
  /** Tasks of which an event was waited for in vain. */
  givenUp: Set<string>;
  outcome?: Outcome;
}

export type Item =
  | { at: number; kind: 'record'; stream: Stream; index: number; done: boolean }
  | { at: number; kind: 'request'; exchange: RecordedExchange }
  | { at: number; kind: 'answer'; exchange: RecordedExchange }
  | { at: number; kind: 'end'; stream: Stream };

const terminal = /TASK_(FINISHED|FAILED|KILLED|ERROR|LOST|DROPPED|UNREACHABLE|GONE|GONE_BY_OPERATOR|UNKNOWN)$/;

/** What happened in a session: each request, each record of a stream, and each stream's end. Not in order. */
export function timeline(lines: readonly Line[], comparison: () => Comparison): Item[] {
  const items: Item[] = [];
  for (const line of lines) {
    if (!isExchange(line)) continue;
    items.push({ at: line.t0, kind: 'request', exchange: line });
    if (isWaiting(line)) items.push({ at: line.t0 + (line.response.t_end_ms || 0.5), kind: 'answer', exchange: line });
    if (line.response.chunks === undefined) continue;
    const stream = recordedStream(line, comparison());
    for (const [index, { at }] of stream.records.entries()) {
      items.push({ at, kind: 'record', stream, index, done: false });
    }
    items.push({ at: line.t0 + (line.response.t_end_ms ?? 0), kind: 'end', stream });
  }
  return items;
}

function recordedStream(exchange: RecordedExchange, comparison: Comparison): Stream {
  const type = messageOf(exchange, true);
  const media = mediaOf(exchange.response.headers);
  const decoder = new RecordDecoder({ maximumLength: 1e9 });
  const records = (exchange.response.chunks ?? []).flatMap((chunk) =>
    decoder
      .push(bytesOf(chunk))
      .records.map((bytes) => ({ value: readRecord(bytes, media, type), at: exchange.t0 + chunk.t_ms })),
  );
  return { exchange, records, comparison, offers: new OfferBook(), matched: 0, givenUp: new Set() };
}

/** By time; `ranks` says what comes first within a millisecond. */
export function inOrder(items: readonly Item[], ranks: Item['kind'][]): readonly Item[] {
  return items.toSorted((one, other) => one.at - other.at || ranks.indexOf(one.kind) - ranks.indexOf(other.kind));
}

/** What depends on time alone: heartbeats, when resources are offered, and an update said again. */
export function isIncidental(record: LiveRecord, records: readonly LiveRecord[]): boolean {
  const { key } = record;
  return isAgain(record, records) || key === 'HEARTBEAT' || key === 'OFFERS' || key === 'RESCIND';
}

/** Whether it is an update of which there was a delivery before that is taken. */
export function isAgain({ value }: LiveRecord, records: readonly LiveRecord[]): boolean {
  const uuid = uuidOf(value);
  return uuid !== '' && records.some((one) => one.taken && uuidOf(one.value) === uuid);
}

/** The same of a recorded one. */
export function isRepeated(stream: Stream, index: number): boolean {
  const uuid = uuidOf(stream.records[index]?.value ?? null);
  return uuid !== '' && stream.records.slice(0, index).some(({ value }) => uuidOf(value) === uuid);
}

function uuidOf(event: Value): string {
  return (
    textAt(event, 'update', 'status', 'uuid') || textAt(event, 'update_operation_status', 'status', 'uuid', 'value')
  );
}

/** Whether the task of an awaited update has come to an end that nobody recorded. */
export function isOver(stream: Stream, index: number): boolean {
  const recorded = stream.records[index]?.value ?? null;
  const task = taskOf(recorded);
  if (task === '' || textAt(recorded, 'update', 'status', 'reason') === 'REASON_RECONCILIATION') return false;
  const before = new Set(stream.records.slice(0, index).map(({ value }) => eventKey(value)));
  return (stream.live?.records ?? []).some(
    ({ key, value }) => taskOf(value) === task && terminal.test(stateOf(value)) && !before.has(key),
  );
}

/** Which message an answer is, where it is protobuf. */
export function messageOf({ request }: Exchange, streaming: boolean): keyof Messages {
  if (request.path.endsWith('/scheduler')) return streaming ? 'SchedulerEvent' : 'SchedulerResponse';
  if (request.path.endsWith('/executor')) return 'ExecutorEvent';
  if (request.target === recordedAddresses.agent) return streaming ? 'AgentProcessIO' : 'AgentResponse';
  return streaming ? 'MasterEvent' : 'MasterResponse';
}

/** Whether a call is answered when something has come to pass that calls after it may bring about. */
export function isWaiting({ request }: Exchange): boolean {
  return /"type": ?"WAIT_/.test(bytesOf(request.body).toString());
}

/** Whether a call changes nothing, and has an answer. */
export function isRead({ request, response }: Exchange): boolean {
  if (response.chunks !== undefined) return false;
  return request.method === 'GET' || /"type": ?"(GET|LIST|READ)_/.test(bytesOf(request.body).toString());
}
