declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type MasterId = Branded<'MasterId'>;
export type FrameworkId = Branded<'FrameworkId'>;
export type AgentId = Branded<'AgentId'>;
export type OfferId = Branded<'OfferId'>;
export type TaskId = Branded<'TaskId'>;
export type ContainerId = Branded<'ContainerId'>;
export type StreamId = Branded<'StreamId'>;

/** Where a plain string from the wire becomes an id of one kind. */
export const asMasterId = (value: string): MasterId => value as MasterId;
export const asFrameworkId = (value: string): FrameworkId => value as FrameworkId;
export const asAgentId = (value: string): AgentId => value as AgentId;
export const asOfferId = (value: string): OfferId => value as OfferId;
export const asTaskId = (value: string): TaskId => value as TaskId;
export const asContainerId = (value: string): ContainerId => value as ContainerId;
export const asStreamId = (value: string): StreamId => value as StreamId;

/** Makes ids and uuids: randomness as an argument, so that the deciding code stays pure. */
export interface IdSource {
  /** A UUIDv4 string. */
  uuid(): string;
}

const longestId = 255;

/** Why a string cannot be a task, executor, agent, framework or persistence id; undefined when it can. Source: Mesos' common id validation. */
export function invalidId(value: string): string | undefined {
  if (value === '') return 'ID must not be empty';
  if (Buffer.byteLength(value) > longestId) return 'ID must not be greater than 255 characters';
  if (value === '.' || value === '..') return `'${value}' is disallowed`;
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f || character === '/' || character === '\\') {
      return `'${value}' contains invalid characters`;
    }
  }
  return undefined;
}

/** Whether base64 `text` holds a UUID that Mesos would take: 16 bytes, version 1 to 5, RFC 4122 variant. */
export function isStatusUuid(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 16) return false;
  const version = (bytes[6] ?? 0) >> 4;
  const variant = (bytes[8] ?? 0) >> 6;
  return version >= 1 && version <= 5 && variant === 2;
}

/** The 16 bytes of a UUID string, in base64, as TaskStatus.uuid carries them. */
export function uuidToBase64(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64');
}
