// How libprocess finds the endpoint of a request: pure, and before fastify's own router sees the path.

export interface RouteTable {
  /** The process whose endpoints are reachable with and without its name before them: `master`, `slave(1)`. */
  actor: string;
  /** First components of what belongs to the library, and so never stands below the actor: `version`, `metrics`, `files`. */
  global: ReadonlySet<string>;
  /** The paths that are served, e.g. `/api/v1/scheduler`. */
  paths: ReadonlySet<string>;
}

/** What no route can be. */
const nowhere = '/ ';
/** More components than any route has: trying each prefix of an endless path would take for ever. */
const longestRoute = 8;
/** mesita's own endpoints have parameters, which fastify takes from the path. */
const own = 'mesita';

/**
 * The path of the endpoint that a request's target means, with the query: empty components do not count, the actor's
 * name may stand before, the longest endpoint that is a prefix wins. Only the actor's name is percent-decoded.
 */
export function endpointOf(target: string, table: RouteTable): string {
  if (table.paths.has(target)) return target;
  const { path, query } = splitTarget(target);
  const parts = path.split('/').filter((part) => part !== '');
  if (parts[0] === own) return `/${parts.join('/')}${query}`;
  const named = decoded(parts[0] ?? '') === table.actor;
  if (named) parts.shift();
  if (named && table.global.has(parts[0] ?? '')) return nowhere;
  for (let length = Math.min(parts.length, longestRoute); length > 0; length--) {
    const prefix = `/${parts.slice(0, length).join('/')}`;
    if (table.paths.has(prefix)) return prefix + query;
  }
  return parts.length === 0 ? `/${query}` : nowhere;
}

/** Why a target cannot be served, whatever it names; undefined when it can. */
export function targetProblem(target: string): string | undefined {
  const { path, query } = splitTarget(target);
  if (!path.startsWith('/')) return "Request URL path must start with '/'";
  if (/%(?![0-9A-Fa-f]{2})/.test(query)) return 'Malformed % escape in the query of the URL';
  return undefined;
}

/** Takes off the scheme and host of an absolute URI, and the fragment. `query` begins with its question mark. */
export function splitTarget(target: string): { path: string; query: string } {
  const fragment = target.indexOf('#');
  const rest = (fragment === -1 ? target : target.slice(0, fragment)).replace(/^https?:\/\/[^/?]*/i, '');
  const mark = rest.indexOf('?');
  return mark === -1 ? { path: rest, query: '' } : { path: rest.slice(0, mark), query: rest.slice(mark) };
}

function decoded(component: string): string {
  try {
    return decodeURIComponent(component);
  } catch {
    return component;
  }
}
