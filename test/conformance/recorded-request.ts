import { encodeJson } from '../../protocol/json-codec.ts';
import type { Messages } from '../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { recordedAddresses } from './comparison.ts';
import { type Identities, tokensOf } from './identities.ts';
import { bytesOf, type Exchange, headerOf } from './recording.ts';

/** What a request says, its body in JSON also where it is protobuf. */
export function sentText(exchange: Exchange): string {
  const { path, headers } = exchange.request;
  return `${path} ${JSON.stringify(headers)} ${bodyText(exchange)}`;
}

/** A recorded request as it goes out: with the living ids, and the offers that `withOffers` puts into its body. */
export function requestBytes(exchange: Exchange, ids: Identities, withOffers: (text: string) => string): Buffer {
  const { method, path, headers } = exchange.request;
  const body = livingBody(exchange, ids, withOffers);
  const lines = headers.map(([name, value]) =>
    name.toLowerCase() === 'content-length' ? `${name}: ${body.length}` : `${name}: ${ids.translate(value)}`,
  );
  const head = `${method} ${ids.translate(path)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function livingBody(exchange: Exchange, ids: Identities, withOffers: (text: string) => string): Buffer {
  const text = bodyText(exchange);
  if (tokensOf(text).length === 0) return bytesOf(exchange.request.body);
  const translated = withOffers(ids.translate(text));
  if (!isProtobuf(exchange)) return Buffer.from(translated);
  return encodeProtobuf(callOf(exchange), JSON.parse(translated) as Messages[Call]);
}

function bodyText(exchange: Exchange): string {
  const bytes = bytesOf(exchange.request.body);
  if (!isProtobuf(exchange)) return bytes.toString();
  const type = callOf(exchange);
  const decoded = decodeProtobuf(type, bytes);
  return decoded.ok ? encodeJson(type, decoded.value) : '';
}

function isProtobuf({ request }: Exchange): boolean {
  return headerOf(request.headers, 'content-type') === 'application/x-protobuf';
}

type Call = 'SchedulerCall' | 'ExecutorCall' | 'AgentCall' | 'MasterCall';

function callOf({ request }: Exchange): Call {
  if (request.path.endsWith('/scheduler')) return 'SchedulerCall';
  if (request.path.endsWith('/executor')) return 'ExecutorCall';
  return request.target === recordedAddresses.agent ? 'AgentCall' : 'MasterCall';
}
