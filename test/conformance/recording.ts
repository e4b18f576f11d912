import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Bytes as the recordings have them. */
export type Payload = { utf8: string; base64?: never } | { base64: string; utf8?: never };

export type Header = readonly [name: string, value: string];

/** A request and its answer. An answer that is a stream has `chunks`. */
export interface Exchange {
  name: string;
  /** Milliseconds since the epoch, at the start of the request. */
  t0: number;
  request: { method: string; target: string; path: string; headers: Header[]; body?: Payload };
  response: {
    status: number | null;
    headers?: Header[];
    body?: Payload;
    /** HTTP chunks as they came, milliseconds after `t0`. */
    chunks?: (Payload & { t_ms: number })[];
    t_end_ms?: number;
    /** `last-chunk`: the server ended the stream. Else the recorder left it. */
    terminated?: string;
    error?: string;
  };
}

/** What was written to a connection and what came back, verbatim. */
export interface RawExchange {
  name: string;
  t0: number;
  sent: Payload[];
  received: (Payload & { t_ms: number })[];
  peer_closed_at_ms: number | null;
}

/** What the scenario does next, or why something was not sent. */
export interface Note {
  name: string;
  t0: number;
  note: string;
}

export type Line = (Exchange | RawExchange | Note) & { file: string };

/** The lines of one recording, in the order of their requests. */
export function readRecording(file: string): Line[] {
  const packed = readFileSync(join(import.meta.dirname, 'recordings', `${file}.jsonl.gz`));
  return gunzipSync(packed)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as Line), file }))
    .sort((one, other) => one.t0 - other.t0);
}

export function bytesOf(payload: Payload | undefined): Buffer {
  if (payload === undefined) return Buffer.alloc(0);
  return payload.base64 === undefined ? Buffer.from(payload.utf8) : Buffer.from(payload.base64, 'base64');
}

export function headerOf(headers: readonly Header[] | undefined, name: string): string | undefined {
  return headers?.find(([key]) => key.toLowerCase() === name)?.[1];
}

export function isExchange(line: Line): line is Exchange & { file: string } {
  return 'request' in line;
}

export function isRaw(line: Line): line is RawExchange & { file: string } {
  return 'sent' in line;
}
