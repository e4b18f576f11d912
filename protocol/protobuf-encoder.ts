import type { Writer } from 'protobufjs/minimal.js';
import { MesitaError } from './errors.ts';
import { tagOf, wireType } from './protobuf-decoder.ts';
import { describeMissing } from './required-fields.ts';
import type { Field, FieldType, MessageType, ScalarType, Schema } from './schema.ts';

export type ProtobufEncoder = (message: object, writer: Writer) => void;

// JavaScript is generated, one function a message, as in json-decoder.ts; the primitives are protobufjs' Writer.
// In the generated code: w the Writer, o the message, v a field.

/** The two halves of a 64-bit integer, which is what the Writer takes beside safe numbers. */
function long(value: number | bigint): number | { low: number; high: number; unsigned: boolean } {
  if (typeof value === 'number') return Math.trunc(value);
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false,
  };
}

function lacking(type: string, message: object): never {
  throw new MesitaError('MESITA_MESSAGE_INVALID', {
    message: `${type} cannot be sent. ${describeMissing(type, message)}`,
  });
}

function noSuchName(type: string, name: unknown): never {
  throw new MesitaError('MESITA_MESSAGE_INVALID', { message: `${type} has no value called ${String(name)}.` });
}

const runtime = { long, lacking, noSuchName };

const writers: Record<ScalarType, (name: string) => string> = {
  string: (name) => `w.string(${name})`,
  bytes: (name) => `w.bytes(Buffer.from(${name}, 'base64'))`,
  bool: (name) => `w.bool(${name})`,
  double: (name) => `w.double(${name})`,
  int32: (name) => `w.int32(${name})`,
  uint32: (name) => `w.uint32(${name})`,
  int64: (name) => `w.int64(long(${name}))`,
  uint64: (name) => `w.uint64(long(${name}))`,
};

function write(type: FieldType, name: string): string {
  if (type.kind === 'message') return `w.fork(); ${type.name}(${name}, w); w.ldelim();`;
  if (type.kind === 'enum') return `w.int32(enum${type.name}.get(${name}) ?? noSuchName('${type.name}', ${name}));`;
  return `${writers[type.scalar](name)};`;
}

function encodeField(message: MessageType, field: Field): string {
  const tag = `w.uint32(${tagOf(field)});`;
  const readField = `v = o.${field.name};`;
  switch (field.rule) {
    case 'required':
      return `${readField} if (v === undefined) lacking('${message.name}', o); ${tag} ${write(field.type, 'v')}`;
    case 'optional':
      return `${readField} if (v !== undefined) { ${tag} ${write(field.type, 'v')} }`;
    case 'repeated':
      return `${readField} if (v !== undefined) for (let i = 0; i < v.length; i++) { ${tag} ${write(field.type, 'v[i]')} }`;
    case 'map':
      return `${readField} if (v !== undefined) for (const k of Object.keys(v)) { ${tag} w.fork(); w.uint32(10).string(k).uint32(${16 + wireType(field.type)}); ${write(field.type, 'v[k]')} w.ldelim(); }`;
  }
}

/** Fields go out in the order of their numbers, as protobuf's own encoders write them. */
function encodeMessage(message: MessageType): string {
  const fields = message.fields.toSorted((a, b) => a.number - b.number);
  const lines = fields.map((field) => encodeField(message, field));
  return [`function ${message.name}(o, w) {`, 'let v;', ...lines, '}'].join('\n');
}

/** An encoder for every message of the schema, by its TypeScript name. */
export function compileProtobufEncoders(schema: Schema): Record<string, ProtobufEncoder> {
  const messages = [...schema.messages.values()];
  const enums = Object.fromEntries([...schema.enums.values()].map((type) => [`enum${type.name}`, type.values]));
  const source = [
    "'use strict';",
    `const { ${Object.keys(runtime).join(', ')} } = runtime;`,
    `const { ${Object.keys(enums).join(', ')} } = enums;`,
    ...messages.map(encodeMessage),
    `return { ${messages.map((message) => message.name).join(', ')} };`,
  ].join('\n');
  return new Function('runtime', 'enums', source)(runtime, enums);
}
