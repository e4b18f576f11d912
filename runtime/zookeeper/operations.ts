import type { JuteReader, JuteWriter } from './jute.ts';
import { refusedByServer } from './zookeeper-error.ts';

/** The numbers of ZooKeeper's requests. */
export const requestTypes = {
  create: 1,
  remove: 2,
  exists: 3,
  get: 4,
  set: 5,
  children: 8,
  sync: 9,
  ping: 11,
  check: 13,
  multi: 14,
  authenticate: 100,
  closeSession: -11,
} as const;

export type RequestType = keyof typeof requestTypes;

/** A right to do something to a node. */
export interface Access {
  permissions: number;
  scheme: string;
  id: string;
}

const all = 31;
const read = 1;

/** Anybody may do anything. */
export const openAccess: readonly Access[] = [{ permissions: all, scheme: 'world', id: 'anyone' }];
/** Whoever has made it may do anything. */
export const creatorsAccess: readonly Access[] = [{ permissions: all, scheme: 'auth', id: '' }];
/** Whoever has made it may do anything, and everybody else may look. */
export const readableAccess: readonly Access[] = [
  ...creatorsAccess,
  { permissions: read, scheme: 'world', id: 'anyone' },
];

export interface CreateOptions {
  access: readonly Access[];
  /** Goes away with the session. */
  ephemeral?: boolean;
  /** Gets a number of ten digits behind its name, higher than all before. */
  sequential?: boolean;
}

/** A change, alone or with others. `version`: the node's, or the change is refused; undefined: any. */
export type Change =
  | { type: 'create'; path: string; data: Uint8Array; options: CreateOptions }
  | { type: 'remove'; path: string; version?: number }
  | { type: 'set'; path: string; data: Uint8Array; version?: number }
  | { type: 'check'; path: string; version: number };

/** What there is to know of a node beside its content. */
export interface NodeStatus {
  version: number;
  /** The id of the session that it goes away with; 0: it stays. */
  owner: bigint;
}

const anyVersion = -1;
/** Where there is no result in the answer to a multi, and where its list ends. */
const none = -1;

export function writeChange(writer: JuteWriter, change: Change): void {
  writer.text(change.path);
  if (change.type === 'create' || change.type === 'set') writer.buffer(change.data);
  if (change.type === 'create') {
    const { access, ephemeral = false, sequential = false } = change.options;
    writer.list(access, ({ permissions, scheme, id }) => writer.int(permissions).text(scheme).text(id));
    writer.int((ephemeral ? 1 : 0) | (sequential ? 2 : 0));
  } else {
    writer.int(change.version ?? anyVersion);
  }
}

/** All or none of the changes. */
export function writeMulti(writer: JuteWriter, changes: readonly Change[]): void {
  for (const change of changes) {
    writer.int(requestTypes[change.type]).flag(false).int(none);
    writeChange(writer, change);
  }
  writer.int(none).flag(true).int(none);
}

/** Throws for the change that was the reason why none was made. */
export function readMulti(reader: JuteReader, changes: readonly Change[]): void {
  for (const change of changes) {
    const type = reader.int();
    reader.flag();
    reader.int();
    if (type === none) {
      const number = reader.int();
      // 0: undone because of another one; -2: not tried after another one.
      if (number !== 0 && number !== -2) throw refusedByServer(number, `${change.type} ${change.path}`);
    } else if (type === requestTypes.create) reader.text();
    else if (type === requestTypes.set) readStatus(reader);
  }
}

export function readStatus(reader: JuteReader): NodeStatus {
  // Transactions and times of the making and of the last change.
  for (let field = 0; field < 4; field++) reader.long();
  const version = reader.int();
  // Versions of the children and of the access list.
  reader.int();
  reader.int();
  const owner = reader.long();
  // Length, number of children, transaction of their last change.
  reader.int();
  reader.int();
  reader.long();
  return { version, owner };
}
