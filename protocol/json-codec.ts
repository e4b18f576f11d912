import { type Decoded, once, Refusal } from './decoded.ts';
import { compileJsonDecoders, type JsonDecoder } from './json-decoder.ts';
import { compileJsonEncoders, type JsonEncoder } from './json-encoder.ts';
import { excessOf } from './json-extent.ts';
import { Leniency } from './json-leniency.ts';
import { halfSurrogateIn } from './json-surrogates.ts';
import type { Messages } from './messages.ts';
import { describeMissing } from './required-fields.ts';
import { schema } from './schema.ts';

export type { Decoded } from './decoded.ts';

export const decoders = once((): Record<string, JsonDecoder> => compileJsonDecoders(schema));
const encoders = once((): Record<string, JsonEncoder> => compileJsonEncoders(schema));

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Brings a parsed value into shape; `inexact` when it holds integers that JSON.parse has rounded. */
export function convert(type: string, value: unknown, exact: boolean): Decoded<unknown> | 'inexact' {
  if (!isObject(value)) return { ok: false, error: 'Expecting a JSON object', stage: 'conversion' };
  const leniency = new Leniency(exact);
  try {
    decoders()[type]?.(value, leniency, 1);
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.message, stage: 'conversion' };
    throw error;
  }
  if (leniency.inexact) return 'inexact';
  if (leniency.missing) return { ok: false, error: describeMissing(type, value), stage: 'conversion' };
  return { ok: true, value };
}

/** Parses again, several times slower, with integers beyond 2^53 as bigints. */
function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    const source = context?.source ?? '';
    return /^-?\d{1,40}$/.test(source) ? BigInt(source) : value;
  });
}

/** Replaces the bare word `Infinity`, wherever it stands outside a string. */
function spellInfinity(text: string): string {
  const word = 'Infinity';
  let result = '';
  let copied = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '\\') i++;
    else if (character === '"') inString = !inString;
    else if (character === 'I' && !inString && text.startsWith(word, i)) {
      result += `${text.slice(copied, i)}1e999`;
      copied = i + word.length;
    }
  }
  return result + text.slice(copied);
}

function decodeText(type: string, text: string): Decoded<unknown> {
  const decoded = convert(type, JSON.parse(text), false);
  if (decoded !== 'inexact') return decoded;
  return convert(type, parseExactly(text), true) as Decoded<unknown>;
}

/** Mesos itself writes infinite doubles as bare words, which are no JSON: as 1e999 they are, and read as infinite. */
function decodeLeniently(type: string, text: string): Decoded<unknown> {
  try {
    return decodeText(type, text);
  } catch (error) {
    if (!(error instanceof SyntaxError) || !text.includes('Infinity')) throw error;
    return decodeText(type, spellInfinity(text));
  }
}

/** Of what cannot be parsed, so many characters are repeated. */
const longestExcerpt = 60;

function describeSyntaxError(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? 0);
  if (message.includes('non-whitespace')) {
    return `Parsed JSON included non-whitespace trailing characters: ${excerptAt(text, position)}`;
  }
  return syntaxErrorAt(text, position);
}

function syntaxErrorAt(text: string, position: number): string {
  return `syntax error at line ${lineOf(text, position)} near: ${excerptAt(text, position)}`;
}

/** The rest of the line without control characters, as Mesos' parser shows it. */
function excerptAt(text: string, position: number): string {
  const [rest = ''] = text.slice(position, position + longestExcerpt).split('\n', 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return rest.replaceAll(/[\0-\x1f]/g, '');
}

function lineOf(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/**
 * Decodes a message, with all that Mesos lets pass: null for unset, one value for a list, numbers and booleans in
 * strings, unknown fields and unknown names of optional enums (both dropped).
 *
 * @param input JSON text, or its UTF-8 bytes, or an already parsed value, which is then changed in place.
 */
export function decodeJson<Name extends keyof Messages>(type: Name, input: unknown): Decoded<Messages[Name]> {
  type Result = Decoded<Messages[Name]>;
  if (input instanceof Uint8Array) {
    const excess = excessOf(input);
    if (excess !== undefined) return { ok: false, error: excess, stage: 'syntax' };
    return decodeJson(type, Buffer.from(input.buffer, input.byteOffset, input.length).toString());
  }
  if (typeof input !== 'string') return convert(type, input, true) as Result;
  const half = halfSurrogateIn(input);
  if (half !== -1) return { ok: false, error: syntaxErrorAt(input, half), stage: 'syntax' };
  try {
    return decodeLeniently(type, input) as Result;
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, error: describeSyntaxError(input, error), stage: 'syntax' };
    // Parsing exactly recurses, so that absurdly deep nesting ends on the stack.
    if (error instanceof RangeError) return { ok: false, error: 'The JSON is nested too deep', stage: 'conversion' };
    throw error;
  }
}

/**
 * Encodes a message as Mesos does: keys in the order of the schema, explicit defaults written out, doubles with a
 * fraction, ASCII only. Throws MESITA_MESSAGE_INVALID when a required field is unset.
 */
export function encodeJson<Name extends keyof Messages>(type: Name, message: Messages[Name]): string {
  const encode = encoders()[type];
  if (encode === undefined) throw new TypeError(`No message is called ${type}`);
  return encode(message);
}
