import { excessOf } from '../protocol/json-extent.ts';
import { halfSurrogateIn } from '../protocol/json-surrogates.ts';

/** A request's body as JSON; undefined when it is none, or more than should be parsed. */
export function parseJsonBody(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || excessOf(body) !== undefined) return undefined;
  const text = body.toString();
  if (halfSurrogateIn(text) !== -1) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
