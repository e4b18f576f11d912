import { createHash } from 'node:crypto';

/**
 * The uuid of an operation, in base64, from what no other one has: its call (an offer is accepted once) and its place in it.
 * A name-based UUID (version 5), so that commands need no source of ids.
 */
export function operationUuid(call: string, index: number): string {
  const bytes = createHash('sha1').update(`${call}/${index}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('base64');
}
