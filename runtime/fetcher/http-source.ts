import { type Dispatcher, request } from 'undici';
import type { UriCredentials } from './uri-credentials.ts';
import { BrokenConnection, FetchProblem, type OpenedUri, type OpenOptions, type UriSource } from './uri-source.ts';

const mostRedirects = 10;
const redirects = new Set([301, 302, 303, 307, 308]);

interface Answer {
  response: Dispatcher.ResponseData;
  /** Where the last redirect led. */
  url: URL;
}

/** http and https. Success is status 200 alone, as in Mesos: a 204, or a 206 that was not asked for, is not the file. */
export function createHttpSource(dispatcher: Dispatcher, credentials: UriCredentials): UriSource {
  const asks = (
    method: 'GET' | 'HEAD',
    location: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) =>
    followed(location, credentials, (url, authorization) => {
      const all = authorization === undefined ? headers : { ...headers, authorization };
      return send(method, url, dispatcher, all, signal);
    });
  const open: UriSource['open'] = async (location, signal, { resume }: OpenOptions = {}): Promise<OpenedUri> => {
    const answer = await asks('GET', location, resume === undefined ? {} : rangeHeaders(resume), signal);
    const { response, url } = answer;
    if (response.statusCode === 200) return wholeOf(response);
    const rest = resume === undefined ? undefined : restOf(response, resume.offset);
    if (rest !== undefined) return rest;
    discard(response);
    // A range that the server does not understand, or no longer has: the whole may still be there.
    if (resume !== undefined && (response.statusCode === 206 || response.statusCode === 416))
      return open(location, signal);
    throw refusedBy(response.statusCode, url, location);
  };
  return {
    open,
    async validator(location, signal) {
      try {
        const { response } = await asks('HEAD', location, {}, signal);
        await response.body.dump();
        return response.statusCode === 200 ? validatorOf(response) : undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof FetchProblem) return undefined;
        throw error;
      }
    },
  };
}

/** Sends to where the redirects lead. Credentials stay with the server that they were meant for. */
async function followed(
  location: string,
  credentials: UriCredentials,
  send: (url: URL, authorization: string | undefined) => Promise<Dispatcher.ResponseData>,
): Promise<Answer> {
  let url = parseUrl(location);
  const { origin } = url;
  const authorization = basicCredentials(url) ?? credentials.authorization(url);
  for (let hop = 0; hop <= mostRedirects; hop += 1) {
    const response = await send(url, url.origin === origin ? authorization : undefined);
    const target = redirects.has(response.statusCode) ? response.headers.location : undefined;
    if (typeof target !== 'string') return { response, url };
    discard(response);
    url = redirectTarget(target, url);
  }
  throw new FetchProblem(
    `the server redirected more than ${mostRedirects} times, lastly to ${url.origin}${url.pathname}`,
    'Open the URI with `curl -IL` to see the loop, and give the task the address of the file itself.',
  );
}

async function send(
  method: 'GET' | 'HEAD',
  url: URL,
  dispatcher: Dispatcher,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const address = new URL(url.href);
  address.username = '';
  address.password = '';
  try {
    return await request(address, {
      method,
      dispatcher,
      signal,
      // The fetcher has its own stall timeout, over all sources and all phases.
      headersTimeout: 0,
      bodyTimeout: 0,
      headers: { 'user-agent': 'mesita', 'accept-encoding': 'identity', ...headers },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, url);
  }
}

function wholeOf(response: Dispatcher.ResponseData): OpenedUri {
  const size = contentLength(response);
  const validator = validatorOf(response);
  return {
    body: response.body,
    ...(size === undefined ? {} : { size }),
    ...(validator === undefined ? {} : { validator }),
  };
}

function rangeHeaders({
  offset,
  validator,
}: {
  offset: number;
  validator: string | undefined;
}): Record<string, string> {
  const range = `bytes=${offset}-`;
  return validator === undefined ? { range } : { range, 'if-range': validator };
}

/** The rest of the file, exactly from where it was asked for to the end; undefined for anything else. */
function restOf(response: Dispatcher.ResponseData, offset: number): OpenedUri | undefined {
  if (response.statusCode !== 206) return undefined;
  const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(response.headers['content-range'] ?? '')) ?? [];
  if (Number(from) !== offset || Number(to) !== Number(total) - 1) return undefined;
  const validator = validatorOf(response);
  return {
    body: response.body,
    offset,
    size: Number(total),
    ...(validator === undefined ? {} : { validator }),
  };
}

/**
 * A mark that holds byte by byte: a strong entity tag; or the time of the last change, if that was at least a second
 * before the answer, so that no other change of the same second can hide behind it.
 */
function validatorOf({ headers }: Dispatcher.ResponseData): string | undefined {
  const { etag, date } = headers;
  if (typeof etag === 'string' && etag.startsWith('"')) return etag;
  const changed = headers['last-modified'];
  if (typeof changed !== 'string' || typeof date !== 'string') return undefined;
  return Date.parse(date) - Date.parse(changed) >= 1000 ? changed : undefined;
}

function discard(response: Dispatcher.ResponseData): void {
  response.body.on('error', () => {});
  response.body.destroy();
}

function parseUrl(location: string): URL {
  const url = URL.parse(location);
  if (url !== null) return url;
  throw new FetchProblem('it is not a valid URL', 'Check the host, the port and the percent-encoding.');
}

function redirectTarget(target: string, from: URL): URL {
  const url = URL.parse(target, from.href);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new FetchProblem(
    `the server redirected to ${JSON.stringify(target)}, which is not an http or https address`,
    'Give the task the address of the file itself.',
  );
}

function basicCredentials(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function contentLength(response: Dispatcher.ResponseData): number | undefined {
  const value = response.headers['content-length'];
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined;
}

function refusedBy(status: number, url: URL, location: string): FetchProblem {
  const where = url.href === URL.parse(location)?.href ? url.host : `${url.origin}${url.pathname} (after a redirect)`;
  return new FetchProblem(`${where} answered HTTP ${status}`, remedyForStatus(status));
}

function remedyForStatus(status: number): string {
  if (status === 401 || status === 403 || status === 407) {
    return 'The server wants other credentials: check who may read the file, use a signed address, or give the agent --fetcher_credentials for that host.';
  }
  if (status === 404 || status === 410) return 'Check the path, and that the file is still on the server.';
  if (status === 429 || status >= 500) return 'Try again later, and look at the server’s log if it goes on.';
  return 'Only HTTP 200 counts as success: give the task an address that answers with the file itself.';
}
function explain(error: unknown, url: URL): FetchProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new FetchProblem(
        `the host name ${url.hostname} cannot be resolved (${code})`,
        'Check the spelling, and the name service of the agent’s host.',
        error,
      );
    case 'ECONNREFUSED':
      return new FetchProblem(
        `${url.host} refused the connection`,
        'Check that the server runs and listens on that port, on an address the agent’s host can reach.',
        error,
      );
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
      // A connection that was kept open may be closed just when it is used again.
      return new BrokenConnection(`${url.host} closed the connection without an answer`, undefined, error);
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return new FetchProblem(
        `${url.host} cannot be reached (${code})`,
        'Check routes and firewalls between the agent’s host and the server, and the proxy variables of the agent.',
        error,
      );
    default:
      if (/CERT|TLS|SSL|VERIFY|SELF_SIGNED/.test(code)) {
        return new FetchProblem(
          `${url.host} has no certificate that this host trusts (${code})`,
          'Install the certificate’s issuer on the agent’s host (NODE_EXTRA_CA_CERTS names a file of them).',
          error,
        );
      }
      return new FetchProblem(`the connection to ${url.host} failed: ${message}`, undefined, error);
  }
}
