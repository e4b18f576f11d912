import { readFileSync } from 'node:fs';

/** Scalar types of proto2 that the Mesos v1 API uses. */
export type ScalarType = 'string' | 'bytes' | 'bool' | 'double' | 'int32' | 'int64' | 'uint32' | 'uint64';

export type FieldType =
  | { kind: 'scalar'; scalar: ScalarType }
  | { kind: 'enum'; name: string }
  | { kind: 'message'; name: string };

export interface Field {
  /** The proto's snake_case name, which is also the key in JSON and in memory. */
  name: string;
  number: number;
  /** For a map, `type` is that of its values; keys are always strings in this API. */
  rule: 'required' | 'optional' | 'repeated' | 'map';
  type: FieldType;
  /** The explicit default as the proto writes it: `true`, `15`, `IPv4`, `*`. */
  default?: string;
  deprecated: boolean;
  /** The `oneof` that the field belongs to: of its members at most one is set. */
  oneof?: string;
}

export interface MessageType {
  /** Full proto name, `mesos.v1.scheduler.Call`. */
  fullName: string;
  /** TypeScript name, `SchedulerCall`; also how codecs are asked for it. */
  name: string;
  /** In declaration order, which is the order of keys in JSON output. */
  fields: readonly Field[];
}

export interface EnumType {
  fullName: string;
  name: string;
  values: ReadonlyMap<string, number>;
}

/** Both maps are keyed by TypeScript name, in the order of the table. */
export interface Schema {
  messages: ReadonlyMap<string, MessageType>;
  enums: ReadonlyMap<string, EnumType>;
}

const scalarTypes: ReadonlySet<string> = new Set<ScalarType>([
  'string',
  'bytes',
  'bool',
  'double',
  'int32',
  'int64',
  'uint32',
  'uint64',
]);

const plainPackages = ['mesos.v1.', 'google.protobuf.'];

/**
 * `mesos.v1.CommandInfo.URI` → `CommandInfoURI`, `mesos.v1.scheduler.Event.Offers` → `SchedulerEventOffers`.
 * The parts of a name that follow its package are joined; a sub-package stays, capitalised.
 */
export function typeScriptName(fullName: string): string {
  const prefix = plainPackages.find((name) => fullName.startsWith(name)) ?? '';
  return fullName
    .slice(prefix.length)
    .split('.')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

interface Row {
  kind: string;
  owner: string;
  name: string;
  number: number;
  rule: string;
  type: string;
  notes: string[];
}

function parseRow(line: string): Row {
  const [kind = '', owner = '', name = '', number = '', rule = '', type = '', notes = ''] = line.split('\t');
  return { kind, owner, name, number: Number(number), rule, type, notes: notes.split(' ').filter(Boolean) };
}

/** Finds what a type name means inside `scope`, innermost scope first, as proto does. */
function resolve(types: ReadonlyMap<string, 'enum' | 'message'>, scope: string, name: string): FieldType {
  if (scalarTypes.has(name)) return { kind: 'scalar', scalar: name as ScalarType };
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
    const candidate = outer === '' ? name : `${outer}.${name}`;
    const kind = types.get(candidate);
    if (kind !== undefined) return { kind, name: typeScriptName(candidate) };
    if (outer === '') throw new Error(`The schema table names an unknown type ${name} in ${scope}`);
  }
}

function parseField(types: ReadonlyMap<string, 'enum' | 'message'>, row: Row): Field {
  const value = /^map<string,(.+)>$/.exec(row.type)?.[1];
  const field: Field = {
    name: row.name,
    number: row.number,
    rule: row.rule as Field['rule'],
    type: resolve(types, row.owner, value ?? row.type),
    deprecated: row.notes.includes('deprecated'),
  };
  const declared = row.notes.find((note) => note.startsWith('default='));
  if (declared !== undefined) field.default = declared.slice('default='.length);
  const oneof = row.notes.indexOf('oneof');
  if (oneof !== -1) field.oneof = row.notes[oneof + 1] ?? '';
  return field;
}

/** Reads the schema table. Throws when it names an unknown type, or when two types would share a TypeScript name. */
export function parseSchema(table: string): Schema {
  const rows = table.split('\n').slice(1).filter(Boolean).map(parseRow);
  const types = new Map<string, 'enum' | 'message'>();
  for (const row of rows) types.set(row.owner, row.kind === 'enum' ? 'enum' : 'message');

  const messages = new Map<string, MessageType & { fields: Field[] }>();
  const enums = new Map<string, EnumType & { values: Map<string, number> }>();
  for (const [fullName, kind] of types) {
    const name = typeScriptName(fullName);
    if (messages.has(name) || enums.has(name)) throw new Error(`Two types of the schema table are both called ${name}`);
    if (kind === 'enum') enums.set(name, { fullName, name, values: new Map() });
    else messages.set(name, { fullName, name, fields: [] });
  }
  for (const row of rows) {
    const name = typeScriptName(row.owner);
    if (row.kind === 'enum') enums.get(name)?.values.set(row.name, row.number);
    if (row.kind === 'field') messages.get(name)?.fields.push(parseField(types, row));
  }
  return { messages, enums };
}

/** Where the schema table lies. */
export const schemaTableUrl = new URL('./mesos-v1-fields.tsv', import.meta.url);

/** The whole Mesos v1 API. Read once, when first imported (a few milliseconds). */
export const schema: Schema = parseSchema(readFileSync(schemaTableUrl, 'utf8'));
