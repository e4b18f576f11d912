import type { IncomingHttpHeaders } from 'node:http';
import { decodeMessage, type MediaType } from '../protocol/codec.ts';
import type { Messages } from '../protocol/messages.ts';

/** The forms in which calls and events travel, by preference: JSON wins when both are allowed. */
const mediaTypes: readonly MediaType[] = ['application/json', 'application/x-protobuf'];

/** The messages that are bodies of requests, one for each API. */
export type CallType = 'SchedulerCall' | 'MasterCall' | 'AgentCall' | 'ExecutorCall';

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

/** Whether an Accept header allows a media type: the entry that fits best decides. Weights count only when they are 0. */
export function allows(accept: string, type: string): boolean {
  const allowed = new Map<string, boolean>();
  for (const entry of accept.toLowerCase().replaceAll(/\s/g, '').split(',')) {
    const [range = '', ...parameters] = entry.split(';');
    allowed.set(range, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)));
  }
  return allowed.get(type) ?? allowed.get(type.replace(/\/.*/, '/*')) ?? allowed.get('*/*') ?? false;
}

/** The call, or the text of the 400, in Mesos' words; its agents word the same things in another way. */
export function decodeCall<Name extends CallType>(
  media: MediaType,
  type: Name,
  body: Buffer,
): { value: Messages[Name] } | { error: string } {
  const decoded = decodeMessage(media, type, body);
  if (decoded.ok) return { value: decoded.value };
  const onAgent = type === 'AgentCall';
  if (media === 'application/x-protobuf') {
    return { error: `Failed to parse body into ${onAgent ? 'a protobuf object' : 'Call protobuf'}` };
  }
  if (decoded.stage === 'syntax') return { error: `Failed to parse body into JSON: ${decoded.error}` };
  return { error: onAgent ? decoded.error : `Failed to convert JSON into Call protobuf: ${decoded.error}` };
}
