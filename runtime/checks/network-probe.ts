import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { describeError } from '../../protocol/errors.ts';
import type { CheckTarget } from './check-plan.ts';
import type { ProbeResult } from './verdict.ts';

type NetworkTarget = Extract<CheckTarget, { type: 'HTTP' | 'TCP' }>;

// As many as curl's own limit.
const mostRedirects = 50;

export interface Reach {
  address: string;
  patience?: number;
}

/** No connection came about, which may be the fault of the way to the task. */
export class NotConnected extends Error {}

/** The loopback address that a check speaks to, from the task's point of view. */
export function loopback(family: 4 | 6): string {
  return family === 6 ? '::1' : '127.0.0.1';
}

/** What an HTTP check asks for, from the task's point of view. Throws for a path that makes no URL. */
export function checkedUrl({ scheme, family, port, path }: Extract<CheckTarget, { type: 'HTTP' }>): URL {
  const host = family === 6 ? '[::1]' : '127.0.0.1';
  return new URL(`${scheme}://${host}:${port}${path}`);
}

/**
 * One attempt of an HTTP or TCP check over this process's own network.
 * @param reach where the task's network is reached from here: what the task knows as loopback; and how many milliseconds a
 * connection may take to come about, where that is less than the attempt may
 * Throws NotConnected, the signal's reason, or what went wrong on the connection.
 */
export async function probeNetwork(target: NetworkTarget, reach: Reach, signal: AbortSignal): Promise<ProbeResult> {
  if (target.type === 'HTTP') return { type: 'HTTP', statusCode: await finalStatus(target, reach, signal) };
  await connected(target.port, reach, signal);
  return { type: 'TCP', succeeded: true };
}

function connected(port: number, { address, patience = 0 }: Reach, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: address, signal, timeout: patience });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no connection within ${patience} ms`)));
    socket.once('error', (error) => reject(signal.aborted ? signal.reason : new NotConnected(describeError(error))));
  });
}

/** The status after all redirects, and after the whole body, as with curl's `-L`; certificates count for nothing. */
async function finalStatus(
  target: Extract<NetworkTarget, { type: 'HTTP' }>,
  reach: Reach,
  signal: AbortSignal,
): Promise<number> {
  let url = checkedUrl(target);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const { status, location } = await get(url, reach, signal);
    if (location === undefined) return status;
    url = new URL(location, url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`was redirected to ${url}`);
  }
  throw new Error(`was redirected more than ${mostRedirects} times`);
}

interface Answer {
  status: number;
  location: string | undefined;
}

function get(url: URL, { address, patience = 0 }: Reach, signal: AbortSignal): Promise<Answer> {
  const secure = url.protocol === 'https:';
  const options = {
    host: isLoopback(url.hostname) ? address : url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (secure ? 443 : 80),
    path: url.pathname + url.search,
    headers: { host: url.host, accept: '*/*', 'user-agent': 'mesita' },
    agent: false,
    timeout: patience,
    signal,
  } as const;
  return new Promise((resolve, reject) => {
    let reached = false;
    const fail = (error: Error) => {
      if (signal.aborted) reject(signal.reason);
      else reject(reached ? error : new NotConnected(describeError(error)));
    };
    const answered = (answer: IncomingMessage) => {
      const status = answer.statusCode ?? 0;
      const location = status >= 300 && status < 400 ? answer.headers.location : undefined;
      answer.once('error', fail);
      answer.once('end', () => resolve({ status, location }));
      answer.resume();
    };
    const request = secure
      ? httpsRequest({ ...options, rejectUnauthorized: false }, answered)
      : httpRequest(options, answered);
    request.once('socket', (socket) =>
      socket.once('connect', () => {
        reached = true;
        socket.setTimeout(0);
      }),
    );
    request.once('timeout', () => {
      if (!reached) request.destroy(new Error(`no connection within ${patience} ms`));
    });
    request.once('error', fail);
    request.end();
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
