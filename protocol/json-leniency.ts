// What Mesos takes for a field besides the obvious: null, numbers and booleans in strings, loose base64, numbers that
// do not fit. The compiled decoder comes here only when a value is not plainly of the field's type.

import { canonicalBase64, invalidBase64Character, isCanonicalBase64 } from './base64.ts';
import { maximumDepth, narrow, Refusal } from './decoded.ts';

const jsonNumber = /^\s*-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/;
/** Longer ones go by way of a double: making a bigint of a million digits takes far too long. */
const jsonInteger = /^\s*-?\d{1,40}\s*$/;

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'bigint' ? 'number' : typeof value;
}

function unexpected(value: unknown, field: string): Refusal {
  return new Refusal(`Not expecting a JSON ${kindOf(value)} for field '${field}'`);
}

/** As much of a client's text as an error repeats. */
function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function unparsable(text: string, kind: string, field: string): Refusal {
  return new Refusal(
    `Failed to parse '${clip(text)}' as a JSON ${kind} for field '${field}': syntax error at line 1 near: ${clip(text)}`,
  );
}

/**
 * One decoding. In each method `undefined` means that the field stays unset.
 *
 * JSON.parse rounds integers beyond 2^53. The first pass therefore only notes that it met one (`inexact`); the caller
 * then parses the text again keeping such integers as bigints, and passes over that with `exact` set.
 */
export class Leniency {
  readonly exact: boolean;
  inexact = false;
  /** Set by the compiled decoder when a required field is unset. */
  missing = false;

  constructor(exact: boolean) {
    this.exact = exact;
  }

  string(value: unknown, field: string): undefined {
    if (value === null) return undefined;
    throw unexpected(value, field);
  }

  message(value: unknown, field: string): undefined {
    if (value === null) return undefined;
    throw unexpected(value, field);
  }

  /** Base64 with or without padding and with white space in between becomes canonical base64. */
  bytes(value: unknown, field: string): string | undefined {
    if (value === null) return undefined;
    if (typeof value !== 'string') throw unexpected(value, field);
    if (isCanonicalBase64(value)) return value;
    const bad = invalidBase64Character(value);
    if (bad === undefined) return canonicalBase64(value);
    throw new Refusal(`Failed to base64 decode bytes field '${field}': Invalid character '${bad}'`);
  }

  bool(value: unknown, field: string): boolean | undefined {
    if (value === null) return undefined;
    if (typeof value !== 'string') throw unexpected(value, field);
    const text = value.trim();
    if (text !== 'true' && text !== 'false') throw unparsable(value, 'boolean', field);
    return text === 'true';
  }

  /** An unknown name is dropped, unless the field needs one. */
  enum(value: unknown, field: string, required: boolean): undefined {
    if (value === null) return undefined;
    if (typeof value !== 'string') throw unexpected(value, field);
    if (required) throw new Refusal(`Failed to find enum for '${clip(value)}'`);
    return undefined;
  }

  double(value: unknown, field: string): number | undefined {
    if (value === null) return undefined;
    if (typeof value === 'bigint') return Number(value);
    if (typeof value !== 'string') throw unexpected(value, field);
    if (value === 'Infinity') return Number.POSITIVE_INFINITY;
    if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
    if (!jsonNumber.test(value)) throw unparsable(value, 'number', field);
    return Number(value);
  }

  int32(value: unknown, field: string): number | undefined {
    const integer = this.#integer(value, field);
    return integer === undefined ? undefined : Number(BigInt.asIntN(32, integer));
  }

  uint32(value: unknown, field: string): number | undefined {
    const integer = this.#integer(value, field);
    return integer === undefined ? undefined : Number(BigInt.asUintN(32, integer));
  }

  int64(value: unknown, field: string): number | bigint | undefined {
    if (this.#rounded(value)) return undefined;
    const integer = this.#integer(value, field);
    return integer === undefined ? undefined : narrow(BigInt.asIntN(64, integer));
  }

  uint64(value: unknown, field: string): number | bigint | undefined {
    if (this.#rounded(value)) return undefined;
    const integer = this.#integer(value, field);
    return integer === undefined ? undefined : narrow(BigInt.asUintN(64, integer));
  }

  #rounded(value: unknown): boolean {
    if (this.exact || typeof value !== 'number' || Number.isSafeInteger(Math.trunc(value))) return false;
    this.inexact = true;
    return true;
  }

  /** Fractions are cut off, and whatever does not fit wraps, as C's casts do. */
  #integer(value: unknown, field: string): bigint | undefined {
    if (value === null) return undefined;
    if (typeof value === 'bigint') return value;
    if (typeof value === 'string' && jsonInteger.test(value)) return BigInt(value);
    if (typeof value === 'string' && !jsonNumber.test(value)) throw unparsable(value, 'number', field);
    if (typeof value !== 'string' && typeof value !== 'number') throw unexpected(value, field);
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Refusal(`Not expecting ${number} for field '${field}'`);
    return BigInt(Math.trunc(number));
  }

  tooDeep(): never {
    throw new Refusal(`Messages are nested more than ${maximumDepth} deep`);
  }

  /** Removes what the schema does not know. */
  strip(message: Record<string, unknown>, known: ReadonlySet<string>): void {
    for (const key of Object.keys(message)) if (!known.has(key)) delete message[key];
  }

  /** Of the members of a oneof only the last one given counts. */
  lastOf(message: Record<string, unknown>, members: ReadonlySet<string>): void {
    const given = Object.keys(message).filter((key) => members.has(key) && message[key] !== undefined);
    for (const key of given.slice(0, -1)) message[key] = undefined;
  }
}
