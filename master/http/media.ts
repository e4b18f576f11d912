import type { IncomingHttpHeaders } from 'node:http';
import { decodeMessage, encodeMessage, type MediaType } from '../../protocol/codec.ts';
import type { SchedulerCall, SchedulerEvent } from '../../protocol/messages.ts';

/** The forms in which calls and events travel, by preference: JSON wins when both are allowed. */
const mediaTypes: readonly MediaType[] = ['application/json', 'application/x-protobuf'];

/** The form of the body: its content type has to be one of the two to the letter. */
export function mediaOfBody(headers: IncomingHttpHeaders): MediaType | undefined {
  return mediaTypes.find((media) => media === headers['content-type']);
}

/** The form of the answer: the first that `Accept` allows. An absent header allows all, an empty one nothing. */
export function mediaOfAnswer(headers: IncomingHttpHeaders): MediaType | undefined {
  const { accept } = headers;
  if (accept === undefined) return mediaTypes[0];
  return mediaTypes.find((media) => allows(accept, media));
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

/** The call, or the text of the 400, in Mesos' words. */
export function decodeCall(media: MediaType, body: Buffer): { value: SchedulerCall } | { error: string } {
  const decoded = decodeMessage(media, 'SchedulerCall', body);
  if (decoded.ok) return { value: decoded.value };
  if (media === 'application/x-protobuf') return { error: 'Failed to parse body into Call protobuf' };
  const stage =
    decoded.stage === 'syntax' ? 'Failed to parse body into JSON' : 'Failed to convert JSON into Call protobuf';
  return { error: `${stage}: ${decoded.error}` };
}

export function encodeEvent(media: MediaType, event: SchedulerEvent): Buffer {
  return encodeMessage(media, 'SchedulerEvent', event);
}
