import { decodeJson } from '../../protocol/json-codec.ts';
import type { Messages } from '../../protocol/messages.ts';
import { parseJsonBody } from '../../runtime/json-body.ts';

/** Reads a JSON array of messages; the error is in Mesos' words. */
export function readList<Name extends keyof Messages>(
  type: Name,
  body: Buffer,
): { value: Messages[Name][] } | { error: string } {
  const whole = decodeJson(type, body);
  if (!whole.ok && whole.stage === 'syntax') return { error: whole.error };
  const list = parseJsonBody(body);
  if (!Array.isArray(list)) return { error: 'Unexpected JSON type parsed' };
  const messages: Messages[Name][] = [];
  for (const element of list) {
    const decoded = decodeJson(type, typeof element === 'object' ? element : undefined);
    if (!decoded.ok) return { error: decoded.error };
    messages.push(decoded.value);
  }
  return { value: messages };
}

/** An absent body is an empty one. */
export function bodyOf(request: { body: unknown }): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}
