/** What TypeScript does not know of `JSON` yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/**
 * A message of the link in JSON. `JSON.stringify` makes null of an infinite limit; a numeral that is too large for a double
 * is read as infinite.
 */
export function linkJson(message: unknown): string {
  const text = JSON.stringify(message);
  return text.includes('null') ? JSON.stringify(message, infinite) : text;
}

function infinite(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? rawJSON('1e999') : value;
}
