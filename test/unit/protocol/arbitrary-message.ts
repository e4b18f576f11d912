import fc from 'fast-check';
import { narrow } from '../../../protocol/decoded.ts';
import type { Messages } from '../../../protocol/messages.ts';
import { type Field, type FieldType, type MessageType, type ScalarType, schema } from '../../../protocol/schema.ts';

/** Below this depth only required fields are generated, so that messages stay small and end. */
const deepest = 3;

const int64Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const uint64Range = { min: 0n, max: 2n ** 64n - 1n };

const scalars: Record<ScalarType, fc.Arbitrary<unknown>> = {
  string: fc.string({ unit: 'binary', maxLength: 12 }),
  bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  bool: fc.boolean(),
  double: fc.double({ noNaN: true }),
  int32: fc.integer(),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.oneof(fc.maxSafeInteger(), fc.bigInt(int64Range).map(narrow)),
  uint64: fc.oneof(fc.maxSafeNat(), fc.bigInt(uint64Range).map(narrow)),
};

/** Makes generators of messages; the ones of one factory share what they have in common. */
export class ArbitraryMessages {
  readonly #made = new Map<string, fc.Arbitrary<unknown>>();
  readonly #mostMapEntries: number;

  /** With one entry a map has only one encoding; with more, their order is anybody's choice. */
  constructor(mostMapEntries = 2) {
    this.#mostMapEntries = mostMapEntries;
  }

  /** Messages as a decoder yields them: no empty lists, no unset keys, at most one member of a oneof. */
  of<Name extends keyof Messages>(name: Name): fc.Arbitrary<Messages[Name]> {
    return this.#message(name, 0) as fc.Arbitrary<Messages[Name]>;
  }

  #message(name: string, depth: number): fc.Arbitrary<unknown> {
    const key = `${name} ${depth}`;
    let arbitrary = this.#made.get(key);
    if (arbitrary === undefined) {
      const type = schema.messages.get(name);
      if (type === undefined) throw new Error(`No message is called ${name}`);
      arbitrary = this.#record(type, depth);
      this.#made.set(key, arbitrary);
    }
    return arbitrary;
  }

  #record(type: MessageType, depth: number): fc.Arbitrary<unknown> {
    const wanted = type.fields.filter((field) => field.rule === 'required' || depth < deepest);
    const fields = Object.fromEntries(wanted.map((field) => [field.name, this.#field(field, depth)]));
    const requiredKeys = wanted.filter((field) => field.rule === 'required').map((field) => field.name);
    return fc
      .record<Record<string, unknown>, string>(fields, { requiredKeys, noNullPrototype: true })
      .map((message) => oneOfEach(type, message));
  }

  #field(field: Field, depth: number): fc.Arbitrary<unknown> {
    const value = this.#value(field.type, depth);
    if (field.rule === 'repeated') return fc.array(value, { minLength: 1, maxLength: 2 });
    if (field.rule === 'map') {
      const key = fc.oneof({ weight: 9, arbitrary: fc.string({ maxLength: 6 }) }, fc.constant('__proto__'));
      return fc.dictionary(key, value, { minKeys: 1, maxKeys: this.#mostMapEntries, noNullPrototype: true });
    }
    return value;
  }

  #value(type: FieldType, depth: number): fc.Arbitrary<unknown> {
    if (type.kind === 'scalar') return scalars[type.scalar];
    if (type.kind === 'message') return this.#message(type.name, depth + 1);
    return fc.constantFrom(...(schema.enums.get(type.name)?.values.keys() ?? []));
  }
}

function oneOfEach(type: MessageType, message: Record<string, unknown>): Record<string, unknown> {
  const met = new Set<string>();
  for (const field of type.fields) {
    if (field.oneof === undefined || message[field.name] === undefined) continue;
    if (met.has(field.oneof)) delete message[field.name];
    met.add(field.oneof);
  }
  return message;
}

function defaultValue(field: Field): unknown {
  if (field.default === undefined || field.deprecated || field.rule !== 'optional') return undefined;
  if (field.type.kind === 'enum' || (field.type.kind === 'scalar' && field.type.scalar === 'string'))
    return field.default;
  return JSON.parse(field.default) as unknown;
}

/** The message with the explicit defaults that JSON output spells out. */
export function withDefaults(name: string, message: unknown): unknown {
  const source = message as Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const field of schema.messages.get(name)?.fields ?? []) {
    const inner = (value: unknown) => (field.type.kind === 'message' ? withDefaults(field.type.name, value) : value);
    const value = source[field.name] ?? defaultValue(field);
    if (value === undefined) continue;
    if (field.rule === 'repeated') result[field.name] = (value as unknown[]).map(inner);
    else if (field.rule === 'map') {
      result[field.name] = Object.fromEntries(
        Object.entries(value as object).map(([key, entry]) => [key, inner(entry)]),
      );
    } else result[field.name] = inner(value);
  }
  return result;
}
