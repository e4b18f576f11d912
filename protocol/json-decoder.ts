import { maximumDepth } from './decoded.ts';
import type { Leniency } from './json-leniency.ts';
import type { Field, FieldType, MessageType, Schema } from './schema.ts';

/** Brings a parsed JSON object into the in-memory shape, in place. Throws a Refusal. */
export type JsonDecoder = (message: Record<string, unknown>, leniency: Leniency, depth: number) => void;

// JavaScript is generated, one function a message, since reading fields by a literal name is several times faster than
// by a variable one. Nothing of a request ever gets into the source: only names of the schema table do.
//
// In the generated code: o the message, v a field, e an element, c the Leniency, d the depth, n the known keys met.

const isObject = (name: string): string => `typeof ${name} === 'object' && ${name} !== null && !Array.isArray(${name})`;

/** A condition that holds when `name` is not plainly of the scalar or enum type. */
function isOdd(type: FieldType, name: string): string {
  if (type.kind === 'enum') return `typeof ${name} !== 'string' || !enum${type.name}.has(${name})`;
  if (type.kind === 'message') throw new Error('A message is no scalar');
  switch (type.scalar) {
    case 'string':
      return `typeof ${name} !== 'string'`;
    case 'bytes':
      return 'true';
    case 'bool':
      return `${name} !== true && ${name} !== false`;
    case 'double':
      return `typeof ${name} !== 'number'`;
    // The operators would ask an object for its toString, and a bigint is no operand of theirs.
    case 'int32':
      return `typeof ${name} !== 'number' || (${name} | 0) !== ${name}`;
    case 'uint32':
      return `typeof ${name} !== 'number' || (${name} >>> 0) !== ${name}`;
    case 'int64':
      return `!Number.isSafeInteger(${name})`;
    case 'uint64':
      return `!Number.isSafeInteger(${name}) || ${name} < 0`;
  }
}

function convert(field: Field, name: string): string {
  if (field.type.kind === 'enum') return `c.enum(${name}, '${field.name}', ${field.rule === 'required'})`;
  if (field.type.kind === 'message') return `c.message(${name}, '${field.name}')`;
  return `c.${field.type.scalar}(${name}, '${field.name}')`;
}

/** Checks the value `name` and stores what it turns into at `place` when that differs. */
function check(field: Field, name: string, place: string): string {
  const store = `${place} = ${name} = ${convert(field, name)};`;
  if (field.type.kind === 'message') {
    return `if (${isObject(name)}) ${field.type.name}(${name}, c, d + 1); else ${store}`;
  }
  const odd = isOdd(field.type, name);
  return odd === 'true' ? store : `if (${odd}) ${store}`;
}

function decodeField(field: Field): string {
  const place = `o.${field.name}`;
  const lines = [`v = ${place};`, 'if (v !== undefined) {', 'n++;'];
  if (field.rule === 'repeated') {
    lines.push(
      `if (!Array.isArray(v)) ${place} = v = v === null ? undefined : [v];`,
      'if (v !== undefined) {',
      'let gaps = false;',
      `for (let i = 0; i < v.length; i++) { let e = v[i]; ${check(field, 'e', 'v[i]')} if (e === undefined) gaps = true; }`,
      `if (gaps) ${place} = v.filter((e) => e !== undefined);`,
      '}',
    );
  } else if (field.rule === 'map') {
    lines.push(
      `if (${isObject('v')}) { for (const k of Object.keys(v)) { let e = v[k]; ${check(field, 'e', 'v[k]')} if (e === undefined) delete v[k]; } }`,
      `else ${place} = c.message(v, '${field.name}');`,
    );
  } else {
    lines.push(check(field, 'v', place));
  }
  lines.push('}');
  if (field.rule === 'required') lines.push('if (v === undefined) c.missing = true;');
  return lines.join('\n');
}

function decodeOneofs(message: MessageType): string {
  const groups = Map.groupBy(message.fields, (field) => field.oneof ?? '');
  groups.delete('');
  return [...groups.values()]
    .map((fields) => `c.lastOf(o, new Set(${JSON.stringify(fields.map((field) => field.name))}));`)
    .join('\n');
}

function decodeMessage(message: MessageType): string {
  return [
    `const known${message.name} = new Set(${JSON.stringify(message.fields.map((field) => field.name))});`,
    `function ${message.name}(o, c, d) {`,
    `if (d > ${maximumDepth}) c.tooDeep();`,
    'let v; let n = 0;',
    ...message.fields.map(decodeField),
    'for (const key in o) n--;',
    `if (n !== 0) c.strip(o, known${message.name});`,
    decodeOneofs(message),
    '}',
  ].join('\n');
}

/** A decoder for every message of the schema, by its TypeScript name. */
export function compileJsonDecoders(schema: Schema): Record<string, JsonDecoder> {
  const enums = [...schema.enums.keys()].map((name) => `const enum${name} = enums.get('${name}').values;`);
  const messages = [...schema.messages.values()];
  const source = [
    "'use strict';",
    ...enums,
    ...messages.map(decodeMessage),
    `return { ${messages.map((message) => message.name).join(', ')} };`,
  ].join('\n');
  return new Function('enums', source)(schema.enums);
}
