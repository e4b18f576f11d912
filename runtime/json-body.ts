import { excessOf } from '../protocol/json-extent.ts';

/** A request's body as JSON; undefined when it is none, or more than should be parsed. */
export function parseJsonBody(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || excessOf(body) !== undefined) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
