import type { Messages } from '../../protocol/messages.ts';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { readRecord, textAt, type Value } from './document.ts';
import type { Conversation } from './http-answer.ts';
import { type Header, headerOf } from './recording.ts';

/** What kind of event it is, and of what: the same for the recorded and the living one. */
export function eventKey(value: Value): string {
  const type = textAt(value, 'type');
  switch (type) {
    case 'UPDATE': {
      const reconciled = textAt(value, 'update', 'status', 'reason') === 'REASON_RECONCILIATION';
      return `${type} ${taskOf(value)} ${stateOf(value)}${reconciled ? ' reconciled' : ''}`;
    }
    case 'UPDATE_OPERATION_STATUS': {
      const member = ['update_operation_status', 'status'];
      const reconciled = textAt(value, ...member, 'uuid', 'value') === '' ? ' reconciled' : '';
      return `${type} ${textAt(value, ...member, 'operation_id', 'value')} ${textAt(value, ...member, 'state')}${reconciled}`;
    }
    case 'FAILURE':
      return `${type} ${textAt(value, 'failure', 'executor_id', 'value')}`.trimEnd();
    case 'TASK_ADDED':
      return `${type} ${textAt(value, 'task_added', 'task', 'task_id', 'value')}`;
    case 'TASK_UPDATED':
      return `${type} ${textAt(value, 'task_updated', 'status', 'task_id', 'value')} ${textAt(value, 'task_updated', 'status', 'state')}`;
    case 'FRAMEWORK_ADDED':
    case 'FRAMEWORK_UPDATED':
      return `${type} ${textAt(value, type.toLowerCase(), 'framework', 'framework_info', 'name')}`;
    // Of a program's output.
    case 'DATA':
      return `${type} ${textAt(value, 'data', 'type')}`;
    case 'CONTROL':
      return textAt(value, 'control', 'type');
    case 'LAUNCH':
      return `${type} ${textAt(value, 'launch', 'task', 'task_id', 'value')}`;
    case 'FRAMEWORK_REMOVED':
      return `${type} ${textAt(value, 'framework_removed', 'framework_info', 'name')}`;
    default:
      return type;
  }
}

export function taskOf(event: Value): string {
  return textAt(event, 'update', 'status', 'task_id', 'value');
}

export function stateOf(event: Value): string {
  return textAt(event, 'update', 'status', 'state');
}

/** What the records of a stream are. */
export function mediaOf(headers: readonly Header[] | undefined): string {
  return headerOf(headers, 'message-content-type') ?? headerOf(headers, 'content-type') ?? '';
}

export interface LiveRecord {
  value: Value;
  key: string;
  /** Was matched with a recorded one, or answered because nothing was recorded for it. */
  taken: boolean;
}

/** The records of an open stream. */
export class LiveStream {
  readonly conversation: Conversation;
  readonly records: LiveRecord[] = [];
  /** What is wrong with the framing: a chunk is to hold exactly one record. */
  readonly flaws: string[] = [];
  readonly #type: keyof Messages;
  #read = 0;

  constructor(conversation: Conversation, type: keyof Messages) {
    this.conversation = conversation;
    this.#type = type;
  }

  get id(): string | undefined {
    return headerOf(this.conversation.answer.headers, 'mesos-stream-id');
  }

  get media(): string {
    return mediaOf(this.conversation.answer.headers);
  }

  get ended(): boolean {
    return this.conversation.answer.ending !== undefined;
  }

  /** Takes in what has arrived since the last look; the records of it. */
  refresh(): LiveRecord[] {
    const { chunks } = this.conversation.answer;
    const fresh: LiveRecord[] = [];
    for (; this.#read < chunks.length; this.#read++) {
      const decoder = new RecordDecoder({ maximumLength: 1e9 });
      const { records, error } = decoder.push(chunks[this.#read] ?? Buffer.alloc(0));
      if (records.length !== 1 || !decoder.atBoundary)
        this.flaws.push(
          `a chunk holds ${records.length} records${decoder.atBoundary ? '' : ' and a part of one'}${error ? `: ${error}` : ''}`,
        );
      for (const bytes of records) {
        try {
          const value = readRecord(bytes, this.media, this.#type);
          fresh.push({ value, key: eventKey(value), taken: false });
        } catch (error) {
          this.flaws.push(`a record cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
    this.records.push(...fresh);
    return fresh;
  }
}
