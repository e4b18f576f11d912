import { isJsonObject, parseJsonObject } from '../runtime/json-object.ts';
import type { RegistryCredentials } from './engine/engine.ts';

/** What a Docker client's `config.json` (or the older `.dockercfg`) says of registries: by host, or host and path. */
export type DockerConfig = ReadonlyMap<string, RegistryCredentials>;

export const noRegistries: DockerConfig = new Map();

interface Entry {
  auth?: unknown;
  username?: unknown;
  password?: unknown;
  email?: unknown;
  identitytoken?: unknown;
  registrytoken?: unknown;
}

const publicRegistry = 'docker.io';
// Names under which clients keep what they know of it.
const publicAliases = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/**
 * Reads `{"auths": {REGISTRY: {"auth": base64 of user:password}}}`, or `.dockercfg`'s form, which is what stands under `auths`.
 * An entry may have `username` and `password` in place of `auth`, or an `identitytoken` or `registrytoken`. The error never
 * quotes what was read.
 */
export function parseDockerConfig(text: string): { value: DockerConfig } | { error: string } {
  const parsed = parseJsonObject(text);
  if ('error' in parsed) return parsed;
  const config = parsed.value;
  const auths = 'auths' in config ? config.auths : isOldForm(config) ? config : {};
  if (!isJsonObject(auths)) return { error: 'its auths are no JSON object' };
  const found = new Map<string, RegistryCredentials>();
  for (const [name, entry] of Object.entries(auths)) {
    const read = isJsonObject(entry) ? credentialsOf(entry) : { error: 'is no JSON object' };
    if (read === undefined) continue;
    if ('error' in read) return { error: `the entry for ${registryName(name)} ${read.error}` };
    found.set(registryName(name), { ...read, serveraddress: name });
  }
  return { value: found };
}

/** What to log in with for an image: of several entries the one that names the longest part of its repository. */
export function credentialsFor(config: DockerConfig, image: string): RegistryCredentials | undefined {
  for (let place = repositoryOf(image); place !== ''; place = place.slice(0, Math.max(0, place.lastIndexOf('/')))) {
    const found = config.get(place);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `registry.example.com:5000/team/name`, without tag and digest; `docker.io/library/debian` of `debian`. */
function repositoryOf(image: string): string {
  const [name = ''] = image.split('@');
  const [first = '', ...rest] = name.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = hasRegistry ? registryName(first) : publicRegistry;
  const path = (hasRegistry ? rest : [first, ...rest]).join('/').replace(/:[^:/]*$/, '');
  const official = registry === publicRegistry && !path.includes('/');
  return `${registry}/${official ? 'library/' : ''}${path}`;
}

/** `https://index.docker.io/v1/` is docker.io. */
function registryName(key: string): string {
  const place = key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  const [host = '', ...path] = place.split('/');
  return [publicAliases.has(host) ? publicRegistry : host, ...path].join('/');
}

function credentialsOf(entry: Entry): Omit<RegistryCredentials, 'serveraddress'> | { error: string } | undefined {
  const { auth, identitytoken, registrytoken } = entry;
  if (isText(identitytoken)) return { identitytoken };
  if (isText(registrytoken)) return { registrytoken };
  if (isText(auth)) {
    // What is no base64 decodes to rubbish or to nothing.
    const decoded = Buffer.from(auth, 'base64').toString().replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon < 1) return { error: 'has an auth that is not the base64 of user:password' };
    return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  const { username, password } = entry;
  if (isText(username) && isText(password)) return { username, password };
  // Its secret is in a credential helper's keeping.
  return undefined;
}

function isOldForm(config: Record<string, unknown>): boolean {
  return Object.values(config).some((entry) => isJsonObject(entry) && ('auth' in entry || 'username' in entry));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
