import type { Reader } from 'protobufjs/minimal.js';
import { maximumDepth, mostValues, narrow, Refusal } from './decoded.ts';
import type { EnumType, Field, FieldType, MessageType, ScalarType, Schema } from './schema.ts';

/** Notes whether a required field was unset anywhere, and how many elements lists and maps have. */
export interface Findings {
  missing: boolean;
  elements: number;
}

/** Reads the message that ends at `end` of the reader's buffer. Throws a Refusal, or the reader's RangeError or Error. */
export type ProtobufDecoder = (
  reader: Reader,
  end: number,
  findings: Findings,
  depth: number,
) => Record<string, unknown>;

// JavaScript is generated, one function a message, as in json-decoder.ts; the primitives are protobufjs' Reader.
// In the generated code: r the Reader, m the message, c the Findings, d the depth, e an element.

type WireType = 0 | 1 | 2;

export function wireType(type: FieldType): WireType {
  if (type.kind === 'message') return 2;
  if (type.kind === 'enum') return 0;
  if (type.scalar === 'double') return 1;
  return type.scalar === 'string' || type.scalar === 'bytes' ? 2 : 0;
}

/** The number that stands before a field: its own number and how its value is laid out. */
export function tagOf(field: Field, layout: WireType = field.rule === 'map' ? 2 : wireType(field.type)): number {
  return field.number * 8 + layout;
}

interface Long {
  low: number;
  high: number;
}

function int64(long: Long): number | bigint {
  const value = long.high * 2 ** 32 + (long.low >>> 0);
  return Number.isSafeInteger(value) ? value : narrow((BigInt(long.high) << 32n) | BigInt(long.low >>> 0));
}

function uint64(long: Long): number | bigint {
  return int64({ low: long.low, high: long.high >>> 0 });
}

/** The end of something of `length` bytes that begins where the reader stands. */
function endOf(reader: Reader, limit: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > limit) throw new Refusal('A field is longer than what holds it');
  return end;
}

function tooDeep(): never {
  throw new Refusal(`Messages are nested more than ${maximumDepth} deep`);
}

function badTag(): never {
  throw new Refusal('A field has the number 0');
}

function overrun(): never {
  throw new Refusal('A field is longer than what holds it');
}

/** An element can be two bytes in the body and a hundred in memory. */
function tooMany(): never {
  throw new Refusal(`The message has more than ${mostValues} elements`);
}

/** `__proto__` is a key like any other. */
function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') map[key] = value;
  else Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true });
}

const runtime = { int64, uint64, endOf, tooDeep, tooMany, badTag, overrun, put };

const countElement = `if (++c.elements > ${mostValues}) tooMany();`;

const readers: Record<ScalarType, string> = {
  string: 'r.string()',
  bytes: "Buffer.from(r.bytes()).toString('base64')",
  bool: 'r.bool()',
  double: 'r.double()',
  int32: 'r.int32()',
  uint32: 'r.uint32()',
  int64: 'int64(r.int64())',
  uint64: 'uint64(r.uint64())',
};

const zeros: Record<ScalarType, string> = {
  string: "''",
  bytes: "''",
  bool: 'false',
  double: '0',
  int32: '0',
  uint32: '0',
  int64: '0',
  uint64: '0',
};

function read(type: FieldType, previous = '{}'): string {
  if (type.kind === 'message') return `${type.name}(r, endOf(r, end), c, d + 1, ${previous})`;
  if (type.kind === 'enum') return `enum${type.name}.get(r.int32())`;
  return readers[type.scalar];
}

function caseOf(tag: number, body: string): string {
  return `case ${tag}: { ${body} break; }`;
}

/** An unknown enum number reads as undefined and is left out. Numbers may be packed though proto2 does not ask for it. */
function decodeRepeated(field: Field): string {
  const place = `m.${field.name}`;
  const list = `if (${place} === undefined) ${place} = [];`;
  const add =
    field.type.kind === 'enum'
      ? `const e = ${read(field.type)}; if (e !== undefined) ${place}.push(e);`
      : `${place}.push(${read(field.type)});`;
  const one = `${countElement} ${add}`;
  const single = caseOf(tagOf(field), `${list} ${one}`);
  if (wireType(field.type) === 2) return single;
  const packed = `${list} const stop = endOf(r, end); while (r.pos < stop) { ${one} } if (r.pos !== stop) overrun();`;
  return `${single} ${caseOf(tagOf(field, 2), packed)}`;
}

function decodeMap(field: Field): string {
  const place = `m.${field.name}`;
  const empty = field.type.kind === 'scalar' ? zeros[field.type.scalar] : 'undefined';
  const absent =
    field.type.kind === 'message' ? `if (value === undefined) value = ${field.type.name}(r, r.pos, c, d + 1, {});` : '';
  return caseOf(
    tagOf(field),
    `${countElement} if (${place} === undefined) ${place} = {};
    const stop = endOf(r, end); let key = ''; let value = ${empty};
    { const end = stop; while (r.pos < end) { const t = r.uint32(); if (t === 10) key = r.string(); else if (t === ${16 + wireType(field.type)}) value = ${read(field.type)}; else r.skipType(t & 7); } }
    if (r.pos !== stop) overrun();
    ${absent} put(${place}, key, value);`,
  );
}

function decodeSingular(message: MessageType, field: Field): string {
  const place = `m.${field.name}`;
  const others = message.fields.filter(
    (other) => field.oneof !== undefined && other.oneof === field.oneof && other !== field,
  );
  const clear = others.map((other) => `if (m.${other.name} !== undefined) m.${other.name} = undefined;`).join(' ');
  if (field.type.kind === 'enum') {
    return caseOf(tagOf(field), `const e = ${read(field.type)}; if (e !== undefined) ${place} = e; ${clear}`);
  }
  return caseOf(tagOf(field), `${place} = ${read(field.type, `${place} ?? {}`)}; ${clear}`);
}

function decodeField(message: MessageType, field: Field): string {
  if (field.rule === 'repeated') return decodeRepeated(field);
  if (field.rule === 'map') return decodeMap(field);
  return decodeSingular(message, field);
}

function decodeMessage(message: MessageType): string {
  const required = message.fields.filter((field) => field.rule === 'required');
  return [
    `function ${message.name}(r, end, c, d, m) {`,
    `if (d > ${maximumDepth}) tooDeep();`,
    'while (r.pos < end) {',
    'const tag = r.uint32();',
    'switch (tag) {',
    ...message.fields.map((field) => decodeField(message, field)),
    'default: if (tag < 8) badTag(); r.skipType(tag & 7);',
    '}',
    '}',
    'if (r.pos !== end) overrun();',
    ...required.map((field) => `if (m.${field.name} === undefined) c.missing = true;`),
    'return m;',
    '}',
  ].join('\n');
}

function namesByNumber(type: EnumType): Map<number, string> {
  return new Map([...type.values].map(([name, number]) => [number, name]));
}

/** A decoder for every message of the schema, by its TypeScript name. */
export function compileProtobufDecoders(schema: Schema): Record<string, ProtobufDecoder> {
  const messages = [...schema.messages.values()];
  const enums = Object.fromEntries([...schema.enums.values()].map((type) => [`enum${type.name}`, namesByNumber(type)]));
  const source = [
    "'use strict';",
    `const { ${Object.keys(runtime).join(', ')} } = runtime;`,
    `const { ${Object.keys(enums).join(', ')} } = enums;`,
    ...messages.map(decodeMessage),
    `return { ${messages.map(({ name }) => `${name}: (r, end, c, d) => ${name}(r, end, c, d, {})`).join(', ')} };`,
  ].join('\n');
  return new Function('runtime', 'enums', source)(runtime, enums);
}
