import { MesitaError } from './errors.ts';
import { describeMissing } from './required-fields.ts';
import type { Field, FieldType, MessageType, Schema } from './schema.ts';

export type JsonEncoder = (message: object) => string;

// JavaScript is generated, one function a message, as in json-decoder.ts.
// In the generated code: o the message, v a field, s the text so far.

const needsEscape = /[^ !#-[\]-~]/;
const beyondAscii = /[\x7f-\uffff]/g;

/** What stands between the quotes. ASCII only: clients in the field slice a stream by bytes but count characters. */
function escapeText(text: string): string {
  if (!needsEscape.test(text)) return text;
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(beyondAscii, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Shortest form that reads back the same; whole numbers keep a `.0`, what is not finite is a bare word. */
function double(value: number): string {
  if (Number.isInteger(value) && value < 1e21 && value > -1e21) return Object.is(value, -0) ? '-0.0' : `${value}.0`;
  return String(value).replace('e+', 'e');
}

/** All digits, where String() would write zeros for those beyond 2^53. */
function integer(value: number | bigint): string {
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : String(BigInt(Math.trunc(value)));
}

/** Shorter texts are left to be put together with what they stand in. */
const worthFlattening = 500;

/**
 * The same text in one piece. The engine keeps concatenated strings as trees until they are read; a list of a thousand
 * messages as one tree lives long enough to burden the garbage collector, so that each element is put together at once.
 */
function flat(text: string): string {
  if (text.length > worthFlattening && text[0] !== '{') throw new TypeError('A message is encoded as an object');
  return text;
}

function lacking(type: string, message: object): never {
  throw new MesitaError('MESITA_MESSAGE_INVALID', {
    message: `${type} cannot be sent. ${describeMissing(type, message)}`,
  });
}

const runtime = { escapeText, flat, double, integer, lacking };

/** `quote` goes around the value; it is apart so that it can be joined to the key, which saves a concatenation. */
interface Value {
  quote: '"' | '';
  code: string;
}

function encodeValue(type: FieldType, name: string): Value {
  if (type.kind === 'message') return { quote: '', code: `${type.name}(${name})` };
  if (type.kind === 'enum') return { quote: '"', code: name };
  switch (type.scalar) {
    case 'string':
    case 'bytes':
      return { quote: '"', code: `escapeText(${name})` };
    case 'bool':
      return { quote: '', code: `(${name} ? 'true' : 'false')` };
    case 'double':
      return { quote: '', code: `double(${name})` };
    default:
      return { quote: '', code: `integer(${name})` };
  }
}

/** An expression for the value with the constant text `before` in front. */
function join(before: string, value: Value): string {
  const start = before + value.quote;
  const end = value.quote === '' ? '' : ` + '"'`;
  return start === '' ? value.code : `'${start}' + ${value.code}${end}`;
}

function defaultText(field: Field): string | undefined {
  if (field.default === undefined || field.deprecated || field.rule !== 'optional') return undefined;
  if (field.type.kind === 'enum') return `"${field.default}"`;
  if (field.type.kind === 'message') return undefined;
  switch (field.type.scalar) {
    case 'string':
      return JSON.stringify(field.default);
    case 'double':
      return double(Number(field.default));
    default:
      return field.default;
  }
}

/**
 * Empty lists are left out, except for these, whose answers the real master and agent write by another way: a list
 * that is there but empty goes out as `[]`. Absent ones stay absent here too.
 */
const writtenWhenEmpty: ReadonlySet<string> = new Set([
  'MasterResponseGetAgents.agents',
  'MasterResponseGetAgents.recovered_agents',
  'MasterResponseGetExecutors.executors',
  'MasterResponseGetFrameworks.frameworks',
  'MasterResponseGetFrameworks.completed_frameworks',
  'MasterResponseGetTasks.tasks',
  'MasterResponseGetTasks.unreachable_tasks',
  'MasterResponseGetTasks.completed_tasks',
  'AgentResponseGetExecutors.executors',
  'AgentResponseGetExecutors.completed_executors',
  'AgentResponseGetFrameworks.frameworks',
  'AgentResponseGetFrameworks.completed_frameworks',
  'AgentResponseGetTasks.pending_tasks',
  'AgentResponseGetTasks.queued_tasks',
  'AgentResponseGetTasks.launched_tasks',
  'AgentResponseGetTasks.terminated_tasks',
  'AgentResponseGetTasks.completed_tasks',
]);

function encodeRepeated(message: MessageType, field: Field): string {
  const element = encodeValue(field.type, 'v[i]');
  const whole = field.type.kind === 'message' ? `flat(${element.code})` : join('', element);
  const some = writtenWhenEmpty.has(`${message.name}.${field.name}`) ? '' : ' && v.length > 0';
  return `if (v !== undefined${some}) {
    s += comma + '"${field.name}":[';
    for (let i = 0; i < v.length; i++) { if (i > 0) s += ','; s += ${whole}; }
    s += ']';
  }`;
}

function encodeMap(field: Field): string {
  return `if (v !== undefined) {
    let p = comma + '"${field.name}":{';
    for (const k of Object.keys(v)) { s += p + '"' + escapeText(k) + ${join('":', encodeValue(field.type, 'v[k]'))}; p = ','; }
    if (p === ',') s += '}';
  }`;
}

/** `first`: whether nothing can be known to stand before this field, so that the comma depends on the text so far. */
function encodeField(message: MessageType, field: Field, first: boolean): string {
  const comma = first ? "(s.length > 1 ? ',' : '')" : "','";
  const read = `v = o.${field.name};`;
  if (field.rule === 'repeated') return `${read} ${encodeRepeated(message, field).replace('comma', () => comma)}`;
  if (field.rule === 'map') return `${read} ${encodeMap(field).replace('comma', () => comma)}`;

  const value = encodeValue(field.type, 'v');
  const text = first
    ? `(s.length > 1 ? ',"${field.name}":${value.quote}' : '"${field.name}":${value.quote}') + ${value.code}${value.quote && ` + '"'`}`
    : join(`,"${field.name}":`, value);
  const byDefault = defaultText(field);
  if (field.rule === 'required') return `${read} if (v === undefined) lacking('${message.name}', o); s += ${text};`;
  if (byDefault === undefined) return `${read} if (v !== undefined) s += ${text};`;
  return `${read} if (v !== undefined) s += ${text}; else s += ${comma} + '"${field.name}":${byDefault}';`;
}

function encodeMessage(message: MessageType): string {
  const lines = [`function ${message.name}(o) {`, "let s = '{'; let v;"];
  let first = true;
  for (const field of message.fields) {
    lines.push(encodeField(message, field, first));
    if (field.rule === 'required' || defaultText(field) !== undefined) first = false;
  }
  lines.push("return s + '}';", '}');
  return lines.join('\n');
}

/** An encoder for every message of the schema, by its TypeScript name. */
export function compileJsonEncoders(schema: Schema): Record<string, JsonEncoder> {
  const messages = [...schema.messages.values()];
  const source = [
    "'use strict';",
    `const { ${Object.keys(runtime).join(', ')} } = runtime;`,
    ...messages.map(encodeMessage),
    `return { ${messages.map((message) => message.name).join(', ')} };`,
  ].join('\n');
  return new Function('runtime', source)(runtime);
}
