import { MesitaError } from './errors.ts';
import { describeMissing } from './required-fields.ts';
import type { Field, FieldType, MessageType, Schema } from './schema.ts';

export type JsonEncoder = (message: object) => string;

// JavaScript is generated, one function a message, as in json-decoder.ts.
// In the generated code: o the message, v a field, s the text so far.

const needsEscape = /[^ !#-[\]-~]/;
const beyondAscii = /[\x7f-\uffff]/g;

/** ASCII only: clients in the field slice a stream by bytes but count characters. */
function quote(text: string): string {
  if (!needsEscape.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(beyondAscii, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
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

function lacking(type: string, message: object): never {
  throw new MesitaError('MESITA_MESSAGE_INVALID', {
    message: `${type} cannot be sent. ${describeMissing(type, message)}`,
  });
}

const runtime = { quote, double, integer, lacking };

function encodeValue(type: FieldType, name: string): string {
  if (type.kind === 'message') return `${type.name}(${name})`;
  if (type.kind === 'enum') return `'"' + ${name} + '"'`;
  switch (type.scalar) {
    case 'string':
      return `quote(${name})`;
    case 'bytes':
      return `'"' + ${name} + '"'`;
    case 'bool':
      return `(${name} ? 'true' : 'false')`;
    case 'double':
      return `double(${name})`;
    default:
      return `integer(${name})`;
  }
}

function defaultText(field: Field): string | undefined {
  if (field.default === undefined || field.deprecated || field.rule !== 'optional') return undefined;
  if (field.type.kind === 'enum') return `"${field.default}"`;
  if (field.type.kind === 'message') return undefined;
  switch (field.type.scalar) {
    case 'string':
      return quote(field.default);
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

/** `first`: whether nothing can be known to stand before this field, so that the comma depends on the text so far. */
function encodeField(message: MessageType, field: Field, first: boolean): string {
  const key = first ? `(s.length > 1 ? ',"${field.name}":' : '"${field.name}":')` : `',"${field.name}":'`;
  const value = encodeValue(field.type, 'v');
  const byDefault = defaultText(field);
  const read = `v = o.${field.name};`;
  if (field.rule === 'required') {
    return `${read} if (v === undefined) lacking('${message.name}', o); s += ${key} + ${value};`;
  }
  if (byDefault !== undefined) return `${read} s += ${key} + (v === undefined ? '${byDefault}' : ${value});`;
  if (field.rule === 'optional') return `${read} if (v !== undefined) s += ${key} + ${value};`;
  const element = encodeValue(field.type, 'v[i]');
  if (field.rule === 'repeated') {
    const some = `v !== undefined${writtenWhenEmpty.has(`${message.name}.${field.name}`) ? '' : ' && v.length > 0'}`;
    return `${read} if (${some}) { s += ${key} + '['; for (let i = 0; i < v.length; i++) { if (i > 0) s += ','; s += ${element}; } s += ']'; }`;
  }
  const entry = encodeValue(field.type, 'v[k]');
  return `${read} if (v !== undefined) { let p = '{'; for (const k of Object.keys(v)) { s += (p === '{' ? ${key} : '') + p + quote(k) + ':' + ${entry}; p = ','; } if (p === ',') s += '}'; }`;
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
