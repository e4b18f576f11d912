import { mostValues } from './decoded.ts';

/** Shorter texts cannot become anything that matters, and are not looked at. */
const small = 1024 * 1024;
/** Unknown members may hold what they like, but not without end. */
const deepest = 10_000;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/**
 * Why a JSON text should not be parsed, undefined when it may be: a few bytes such as `{},` become up to a hundred in
 * memory, and nesting without end even more. One pass, before anything is made of the text.
 */
export function excessOf(text: Uint8Array): string | undefined {
  if (text.length <= small) return undefined;
  let values = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    if (byte === quote) {
      for (at++; at < text.length && text[at] !== quote; at++) if (text[at] === backslash) at++;
    } else if (byte === comma) values++;
    // Both brackets and both braces differ from one another in one bit: [ { are 5b 7b, ] } are 5d 7d.
    else if ((byte | 0x20) === 0x7b) {
      values++;
      if (++depth > deepest) return `The JSON is nested more than ${deepest} deep`;
    } else if ((byte | 0x20) === 0x7d) depth--;
    if (values > mostValues) return `The JSON has more than ${mostValues} values`;
  }
  return undefined;
}
