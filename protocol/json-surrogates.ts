const high = '\\\\u[dD][89abAB][0-9a-fA-F]{2}';
const low = '\\\\u[dD][c-fC-F][0-9a-fA-F]{2}';
/** Half of a pair without the other; an even number of backslashes before it are characters of their own. */
const half = new RegExp(`(?<!\\\\)(?:\\\\\\\\)*(?:${high}(?!${low})|(?<!${high})${low})`);

/**
 * Where a JSON text has half of a surrogate pair, which stands for no character; -1 when nowhere. JSON.parse takes it, but
 * such a string cannot be encoded again: Mesos refuses it as no JSON.
 */
export function halfSurrogateIn(text: string): number {
  // Escapes are rare: most texts are done with here.
  return text.includes('\\u') ? text.search(half) : -1;
}
