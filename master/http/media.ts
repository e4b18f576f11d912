import type { IncomingHttpHeaders } from 'node:http';
import { decodeJson, encodeJson } from '../../protocol/json-codec.ts';
import type { SchedulerCall, SchedulerEvent } from '../../protocol/messages.ts';

/** One of the two forms in which calls and events travel. */
export interface Media {
  readonly type: 'application/json' | 'application/x-protobuf';
  /** The call, or the text of the 400. */
  decodeCall(body: Buffer): { value: SchedulerCall } | { error: string };
  encodeEvent(event: SchedulerEvent): string | Uint8Array;
}

export const jsonMedia: Media = {
  type: 'application/json',
  decodeCall: (body) => {
    const decoded = decodeJson('SchedulerCall', body.toString('utf8'));
    if (decoded.ok) return { value: decoded.value };
    const stage =
      decoded.stage === 'syntax' ? 'Failed to parse body into JSON' : 'Failed to convert JSON into Call protobuf';
    return { error: `${stage}: ${decoded.error}` };
  },
  encodeEvent: (event) => encodeJson('SchedulerEvent', event),
};

/** Ordered by preference: JSON wins when both are allowed. */
export const allMedia: readonly Media[] = [jsonMedia];

/** The form of the body, by its exact content type. */
export function mediaOfBody(headers: IncomingHttpHeaders): Media | undefined {
  return allMedia.find((media) => media.type === headers['content-type']);
}

/** The form of the answer: the first that `Accept` allows. An absent header allows all, an empty one nothing. */
export function mediaOfAnswer(headers: IncomingHttpHeaders): Media | undefined {
  const { accept } = headers;
  if (accept === undefined) return jsonMedia;
  return allMedia.find((media) => allows(accept, media.type));
}

/** Whether an Accept header allows a media type; weights count only when they are 0. */
export function allows(accept: string, type: string): boolean {
  const [main] = type.split('/');
  const wanted = new Set([type, `${main}/*`, '*/*']);
  return accept
    .toLowerCase()
    .replaceAll(/\s/g, '')
    .split(',')
    .some((entry) => {
      const [range = '', ...parameters] = entry.split(';');
      return wanted.has(range) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    });
}
