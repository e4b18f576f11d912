import type { Decoded } from './decoded.ts';
import { decodeJson, encodeJson } from './json-codec.ts';
import type { Messages } from './messages.ts';
import { decodeProtobuf, encodeProtobuf } from './protobuf-codec.ts';

/** The two forms in which every message travels; both stand for the same object in memory. */
export type MediaType = 'application/json' | 'application/x-protobuf';

export function isMediaType(name: string): name is MediaType {
  return name === 'application/json' || name === 'application/x-protobuf';
}

/** Decodes a body of either kind; see decodeJson and decodeProtobuf for what they let pass. */
export function decodeMessage<Name extends keyof Messages>(
  mediaType: MediaType,
  type: Name,
  body: Uint8Array,
): Decoded<Messages[Name]> {
  return mediaType === 'application/json' ? decodeJson(type, body) : decodeProtobuf(type, body);
}

/** Encodes a body of either kind. Throws MESITA_MESSAGE_INVALID when a required field is unset. */
export function encodeMessage<Name extends keyof Messages>(
  mediaType: MediaType,
  type: Name,
  message: Messages[Name],
): Buffer {
  // JSON is ASCII only, and latin1 is the fastest way to write that.
  if (mediaType === 'application/json') return Buffer.from(encodeJson(type, message), 'latin1');
  return encodeProtobuf(type, message);
}

/** Encodes a record of a stream: JSON as ASCII text, which is cheaper to gather than bytes. */
export function encodeEvent<Name extends keyof Messages>(
  mediaType: MediaType,
  type: Name,
  message: Messages[Name],
): string | Uint8Array {
  return mediaType === 'application/json' ? encodeJson(type, message) : encodeProtobuf(type, message);
}

/** Compiles the codecs (some 50 ms), which the first message would otherwise have to wait for. For servers, at start. */
export function prepareCodecs(): void {
  for (const mediaType of ['application/json', 'application/x-protobuf'] as const) {
    decodeMessage(mediaType, 'FrameworkID', encodeMessage(mediaType, 'FrameworkID', { value: '' }));
  }
}
