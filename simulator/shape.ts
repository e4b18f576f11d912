/** What was read of a JSON value, or where it is wrong and why. */
export type Reading<T> = { value: T } | { error: string };

/** `at`: the path of the value, e.g. `frameworks[1].tasks`. */
export type Reader<T> = (value: unknown, at: string) => Reading<T>;

function wrong(at: string, reason: string): { error: string } {
  return { error: `${at === '' ? 'the scenario' : at}: ${reason}` };
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value) ?? 'nothing';
}

export function number(options: { from?: number; to?: number; whole?: boolean } = {}): Reader<number> {
  const { from = 0, to = Number.POSITIVE_INFINITY, whole = false } = options;
  const range = to === Number.POSITIVE_INFINITY ? `of at least ${from}` : `from ${from} to ${to}`;
  return (value, at) =>
    typeof value === 'number' && value >= from && value <= to && (!whole || Number.isInteger(value))
      ? { value }
      : wrong(at, `expected a ${whole ? 'whole ' : ''}number ${range}, found ${shown(value)}`);
}

export const text: Reader<string> = (value, at) =>
  typeof value === 'string' ? { value } : wrong(at, `expected a text, found ${shown(value)}`);

export const truth: Reader<boolean> = (value, at) =>
  typeof value === 'boolean' ? { value } : wrong(at, `expected true or false, found ${shown(value)}`);

export function choice<const T extends string>(values: readonly T[]): Reader<T> {
  return (value, at) => {
    const found = values.find((candidate) => candidate === value);
    return found === undefined
      ? wrong(at, `expected one of ${values.join(', ')}, found ${shown(value)}`)
      : { value: found };
  };
}

/** A text with a form of its own. */
export function parsed<T>(parse: (text: string) => Reading<T>): Reader<T> {
  return (value, at) => {
    if (typeof value !== 'string') return wrong(at, `expected a text, found ${shown(value)}`);
    const outcome = parse(value);
    return 'error' in outcome ? wrong(at, `${outcome.error}, found '${value}'`) : outcome;
  };
}

export function list<T>(of: Reader<T>): Reader<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return wrong(at, `expected a list, found ${shown(value)}`);
    const items: T[] = [];
    for (const [index, item] of value.entries()) {
      const read = of(item, `${at}[${index}]`);
      if ('error' in read) return read;
      items.push(read.value);
    }
    return { value: items };
  };
}

/** What is missing has that value. */
export function optional<T, U>(of: Reader<T>, otherwise: U): Reader<T | U> {
  return (value, at) => (value === undefined ? { value: otherwise } : of(value, at));
}

/** An object with any keys. */
export function byName<T>(of: Reader<T>): Reader<Record<string, T>> {
  return (value, at) => {
    const entries = entriesOf(value);
    if (entries === undefined) return wrong(at, `expected an object, found ${shown(value)}`);
    const members: Record<string, T> = {};
    for (const [name, member] of entries) {
      const read = of(member, `${at}[${JSON.stringify(name)}]`);
      if ('error' in read) return read;
      members[name] = read.value;
    }
    return { value: members };
  };
}

/** An object with these keys, in the file `snake_case`, and no others. */
export function fields<T extends object>(readers: { readonly [Name in keyof T]: Reader<T[Name]> }): Reader<T> {
  const names = Object.keys(readers) as (keyof T & string)[];
  const keys = names.map(snakeCase);
  return (value, at) => {
    const entries = entriesOf(value);
    if (entries === undefined) return wrong(at, `expected an object, found ${shown(value)}`);
    const path = (key: string) => (at === '' ? key : `${at}.${key}`);
    const unknown = entries.find(([key]) => !keys.includes(key));
    if (unknown !== undefined) return wrong(path(unknown[0]), `unknown key; there are ${keys.join(', ')}`);
    const given = new Map(entries);
    const members: Partial<T> = {};
    for (const name of names) {
      const key = snakeCase(name);
      const read = readers[name](given.get(key), path(key));
      if ('error' in read) return given.get(key) === undefined ? wrong(path(key), 'missing') : read;
      members[name] = read.value;
    }
    return { value: members as T };
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function entriesOf(value: unknown): [string, unknown][] | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
}
