/** What mesita tells beyond Mesos, and what a Mesos tells of its build. */
const apart = new Set(['mesita_version', 'message', 'reason', 'git_sha', 'build_user', 'flags']);

/**
 * A document, readable, with what differs from run to run made equal, lists sorted, members in their order, and numbers
 * as they are written: 1.0 is not 1.
 */
export function comparable(text: string): string {
  const parsed: unknown = JSON.parse(text, (key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number') return value;
    const source = context?.source ?? '';
    if (/(time|timestamp|seconds|_bytes)$/.test(key)) return value === 0 ? source : source.replace(/\d+/g, 'n');
    return source;
  });
  return JSON.stringify(arranged(parsed, ''), null, 1);
}

function arranged(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value.map((item) => arranged(item, ''));
    if (key === 'statuses') return items;
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) {
    if (key === 'build_date') return 'a date';
    return typeof value === 'string' ? value.replace(/-O\d+$/, '-O') : value;
  }
  const entries = Object.entries(value).filter(([name]) => !apart.has(name));
  return Object.fromEntries(entries.map(([name, inner]): [string, unknown] => [name, arranged(inner, name)]));
}

/** The structure of a JSON text: `.tasks[].id string`, with the form of each number, `float` or `integer`. */
export function structureOf(text: string): Set<string> {
  const forms: unknown = JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number') return value;
    return /[.e]/i.test(context?.source ?? '') ? Float : Integer;
  });
  const lines = new Set<string>();
  describeInto(lines, '', forms);
  return lines;
}

const Float = Symbol('float');
const Integer = Symbol('integer');

function describeInto(lines: Set<string>, path: string, value: unknown): void {
  if (Array.isArray(value)) {
    lines.add(`${path} list`);
    for (const item of value) describeInto(lines, `${path}[]`, item);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) describeInto(lines, `${path}.${name}`, member);
  } else {
    lines.add(`${path} ${typeof value === 'symbol' ? String(value.description) : typeof value}`);
  }
}
