const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const notDigit = 64;

/** Character code → value of the base64 digit. */
const digitValues = new Uint8Array(128).fill(notDigit);
for (const [value, digit] of [...digits].entries()) digitValues[digit.charCodeAt(0)] = value;

/** Whether the text is base64 as an encoder writes it: padded, no white space, no stray bits at the end. */
export function isCanonicalBase64(text: string): boolean {
  const { length } = text;
  if (length % 4 !== 0) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  let value = 0;
  for (let i = 0; i < length - padding; i++) {
    value = digitValues[text.charCodeAt(i)] ?? notDigit;
    if (value === notDigit) return false;
  }
  return (value & ((1 << (2 * padding)) - 1)) === 0;
}

/** The first character that base64 cannot hold; white space and missing padding are let pass. */
export function invalidBase64Character(text: string): string | undefined {
  let padded = false;
  for (const character of text) {
    if (character === '=') padded = true;
    else if (/\s/.test(character)) continue;
    else if (padded) return '=';
    else if ((digitValues[character.charCodeAt(0)] ?? notDigit) === notDigit) return character;
  }
  return undefined;
}

/** The canonical form of base64 that `invalidBase64Character` has nothing against. */
export function canonicalBase64(text: string): string {
  return isCanonicalBase64(text) ? text : Buffer.from(text, 'base64').toString('base64');
}
