import { type Dispatcher, request } from 'undici';
import { FetchProblem, type OpenedUri, type UriSource } from './uri-source.ts';

const mostRedirects = 10;
const redirects = new Set([301, 302, 303, 307, 308]);

/** http and https. Success is status 200 alone, as in Mesos: a 204 or 206 is not the file that was asked for. */
export function createHttpSource(dispatcher: Dispatcher): UriSource {
  return {
    async open(location, signal): Promise<OpenedUri> {
      let url = parseUrl(location);
      const origin = url.origin;
      const authorization = basicCredentials(url);
      for (let hop = 0; hop <= mostRedirects; hop += 1) {
        // Credentials stay with the server that they were meant for.
        const credentials = url.origin === origin ? authorization : undefined;
        const response = await get(url, dispatcher, credentials, signal);
        const target = redirects.has(response.statusCode) ? response.headers.location : undefined;
        if (typeof target === 'string') {
          discard(response);
          url = redirectTarget(target, url);
          continue;
        }
        if (response.statusCode !== 200) {
          discard(response);
          throw refusedBy(response.statusCode, url, location);
        }
        const size = contentLength(response);
        return { body: response.body, ...(size === undefined ? {} : { size }) };
      }
      throw new FetchProblem(
        `the server redirected more than ${mostRedirects} times, lastly to ${url.origin}${url.pathname}`,
        'Open the URI with `curl -IL` to see the loop, and give the task the address of the file itself.',
      );
    },
  };
}

async function get(
  url: URL,
  dispatcher: Dispatcher,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const address = new URL(url.href);
  address.username = '';
  address.password = '';
  try {
    return await request(address, {
      dispatcher,
      signal,
      // The fetcher has its own stall timeout, over all sources and all phases.
      headersTimeout: 0,
      bodyTimeout: 0,
      headers: {
        'user-agent': 'mesita',
        'accept-encoding': 'identity',
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, url);
  }
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
    return 'The server wants other credentials: check who may read the file, or use a signed address.';
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
