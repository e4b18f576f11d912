import { isJsonObject, parseJsonObject } from '../json-object.ts';

/** Which `Authorization` the agent sends to which server on behalf of all tasks. */
export interface UriCredentials {
  /** Of a URL's host and port; undefined where there is none. */
  authorization(url: URL): string | undefined;
}

export const noCredentials: UriCredentials = { authorization: () => undefined };

type Credential = { username: string; password: string } | { token: string };

/**
 * Reads `{"HOST": {"username": …, "password": …}, "HOST:PORT": {"token": …}}`. A host without a port stands for the
 * scheme's own port. An error never holds what was read: it may be a secret.
 */
export function parseUriCredentials(text: string): { value: UriCredentials } | { error: string } {
  const parsed = parseJsonObject(text);
  if ('error' in parsed) return parsed;
  const headers = new Map<string, string>();
  for (const [host, entry] of Object.entries(parsed.value)) {
    if (!isHost(host)) return { error: `${JSON.stringify(host)} is not a host or host:port in lower case` };
    const credential = readCredential(entry);
    if (credential === undefined) {
      return { error: `the entry of ${host} is neither {"username", "password"} nor {"token"}, all of them text` };
    }
    headers.set(host, headerOf(credential));
  }
  return { value: { authorization: (url) => headers.get(url.host) } };
}

/** As URLs spell it: then it can be compared with them. */
function isHost(text: string): boolean {
  const url = URL.parse(`http://${text}`) ?? undefined;
  const other = URL.parse(`https://${text}`) ?? undefined;
  return url?.host === text || other?.host === text;
}

function readCredential(entry: unknown): Credential | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { username, password, token, ...rest } = entry;
  if (Object.keys(rest).length > 0) return undefined;
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) && username === undefined && password === undefined) {
    return { token };
  }
  if (typeof username === 'string' && typeof password === 'string' && token === undefined && !username.includes(':')) {
    return { username, password };
  }
  return undefined;
}

function headerOf(credential: Credential): string {
  if ('token' in credential) return `Bearer ${credential.token}`;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
