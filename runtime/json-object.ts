/** Reads a JSON object. The error never quotes what was read: it may be a secret. */
export function parseJsonObject(text: string): { value: Record<string, unknown> } | { error: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: 'it is no JSON' };
  }
  return isJsonObject(value) ? { value } : { error: 'it is no JSON object' };
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
