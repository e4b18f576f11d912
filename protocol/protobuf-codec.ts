import protobuf from 'protobufjs/minimal.js';
import { type Decoded, once, Refusal } from './decoded.ts';
import type { Messages } from './messages.ts';
import { compileProtobufDecoders, type Findings, type ProtobufDecoder } from './protobuf-decoder.ts';
import { compileProtobufEncoders, type ProtobufEncoder } from './protobuf-encoder.ts';
import { describeMissing, missingFields } from './required-fields.ts';
import { schema } from './schema.ts';

const decoders = once((): Record<string, ProtobufDecoder> => compileProtobufDecoders(schema));
const encoders = once((): Record<string, ProtobufEncoder> => compileProtobufEncoders(schema));

function decode(type: string, bytes: Uint8Array): Decoded<unknown> {
  const decoder = decoders()[type];
  if (decoder === undefined) throw new TypeError(`No message is called ${type}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const findings: Findings = { missing: false, elements: 0 };
  const value = decoder(protobuf.Reader.create(buffer), buffer.length, findings, 1);
  // A message that arrived in two parts may lack in the one what the other brought.
  if (findings.missing && missingFields(type, value).length > 0) {
    return { ok: false, error: describeMissing(type, value), stage: 'conversion' };
  }
  return { ok: true, value };
}

/** Decodes a message. Unknown fields and unknown enum numbers are dropped; defaults are not filled in. */
export function decodeProtobuf<Name extends keyof Messages>(type: Name, bytes: Uint8Array): Decoded<Messages[Name]> {
  try {
    return decode(type, bytes) as Decoded<Messages[Name]>;
  } catch (error) {
    if (error instanceof Error && (error instanceof Refusal || !(error instanceof TypeError))) {
      return { ok: false, error: error.message, stage: 'syntax' };
    }
    throw error;
  }
}

/**
 * Encodes a message. Throws MESITA_MESSAGE_INVALID when a required field is unset or an enum has no such value.
 */
export function encodeProtobuf<Name extends keyof Messages>(type: Name, message: Messages[Name]): Buffer {
  const encode = encoders()[type];
  if (encode === undefined) throw new TypeError(`No message is called ${type}`);
  const writer = protobuf.Writer.create();
  encode(message, writer);
  return writer.finish() as Buffer;
}
