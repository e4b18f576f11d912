import { gunzipSync } from 'node:zlib';
import { encodeJson } from '../../protocol/json-codec.ts';
import type { Messages } from '../../protocol/messages.ts';
import { decodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { type Header, headerOf } from './recording.ts';

/** A number as it was written: whether `1` or `1.0` stood there is part of the format. */
export class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): number {
    return Number(this.text);
  }
}

export type Value = null | boolean | string | Numeral | Value[] | { [key: string]: Value };

/** The content of a body. `function` is the name that `?jsonp=` asked for. */
export type Document =
  | { kind: 'empty' }
  | { kind: 'text'; text: string }
  | { kind: 'value'; value: Value; function?: string }
  | { kind: 'broken'; problem: string };

/** JSON with its numerals kept. Throws a SyntaxError. */
export function parseJson(text: string): Value {
  const revive = (_: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? new Numeral(context?.source ?? String(value)) : value;
  return JSON.parse(text, revive) as Value;
}

/** Reads a body by its headers. `type` is the message that it is, where it is protobuf. */
export function readDocument(bytes: Buffer, headers: readonly Header[], type: keyof Messages): Document {
  try {
    const plain = headerOf(headers, 'content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes;
    const media = headerOf(headers, 'content-type') ?? '';
    if (plain.length === 0 && media !== 'application/x-protobuf') return { kind: 'empty' };
    if (media === 'application/x-protobuf') return { kind: 'value', value: readProtobuf(plain, type) };
    if (media === 'application/json') return { kind: 'value', value: parseJson(plain.toString()) };
    const call = /^([^(]*)\((.*)\)$/s.exec(plain.toString());
    if (media === 'text/javascript' && call !== null)
      return { kind: 'value', value: parseJson(call[2] ?? ''), function: call[1] ?? '' };
    return { kind: 'text', text: plain.toString() };
  } catch (error) {
    return { kind: 'broken', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Reads one record of a stream. Throws when it is not the message that it should be. */
export function readRecord(bytes: Buffer, media: string, type: keyof Messages): Value {
  return media === 'application/x-protobuf' ? readProtobuf(bytes, type) : parseJson(bytes.toString());
}

function readProtobuf(bytes: Buffer, type: keyof Messages): Value {
  const decoded = decodeProtobuf(type, bytes);
  if (!decoded.ok) throw new Error(`no ${type}: ${decoded.error}`);
  return parseJson(encodeJson(type, decoded.value));
}

export function isObject(value: Value | undefined): value is { [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral);
}

/** What stands at a path of keys; undefined where nothing does. */
export function at(value: Value | undefined, ...keys: string[]): Value | undefined {
  return keys.reduce<Value | undefined>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

export function textAt(value: Value | undefined, ...keys: string[]): string {
  const found = at(value, ...keys);
  return typeof found === 'string' ? found : '';
}
