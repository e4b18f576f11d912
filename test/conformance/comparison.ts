import { type Document, isObject, Numeral, type Value } from './document.ts';
import { type Identities, isId } from './identities.ts';
import { type Header, headerOf } from './recording.ts';

/** Something that is not as it was recorded. In `path` array elements are named by what identifies them, or by number. */
export interface Difference {
  path: string;
  problem: string;
}

/** The addresses of master and agent, host:port. */
export interface Addresses {
  master: string;
  agent?: string | undefined;
}

export const recordedAddresses = { master: '127.0.0.1:6050', agent: '127.0.0.1:6051' };

/** Below these keys stand times, versions and machines: of the recorded type, but with values of their own. */
const volatile =
  /^(build_.*|git_.*|.*_time(_seconds)?|timestamp|launch_time|.*hostname|ip|port|pid|mtime|avg_load_.*|cpus_.*_time_secs|mem_.*_bytes|cpus_total|work_dir|log_dir)$/;

/** What identifies the elements of arrays whose order means nothing, in the order of trial. */
const identifying = [
  'id',
  'info',
  'name',
  'key',
  'task_id',
  'executor_id',
  'container_id',
  'framework_id',
  'role',
  'executor_info',
  'framework_info',
  'agent_info',
  'value',
  'type',
];

/** Lays an answer beside the recorded one, learns which id stands for which, and notes what is different. */
export class Comparison {
  readonly differences: Difference[] = [];
  readonly #ids: Identities;
  readonly #addresses: Addresses;
  /** Numbers are measurements. */
  readonly #measured: boolean;

  constructor(ids: Identities, addresses: Addresses, options: { measured?: boolean } = {}) {
    this.#ids = ids;
    this.#addresses = addresses;
    this.#measured = options.measured ?? false;
  }

  note(path: string, problem: string): void {
    this.differences.push({ path, problem });
  }

  documents(recorded: Document, live: Document): void {
    if (recorded.kind !== live.kind) {
      this.note('body', `${describe(live)} instead of ${describe(recorded)}`);
    } else if (recorded.kind === 'text' && live.kind === 'text') {
      if (!this.#sameText(recorded.text, live.text))
        this.note('body', `${quote(live.text)} instead of ${quote(recorded.text)}`);
    } else if (recorded.kind === 'value' && live.kind === 'value') {
      if (recorded.function !== live.function)
        this.note('body', `wrapped in ${live.function}, not ${recorded.function}`);
      this.values(recorded.value, live.value, 'body');
    }
  }

  values(recorded: Value, live: Value, path: string, changing = false): void {
    const [was, is] = [typeName(recorded), typeName(live)];
    if (was !== is) this.note(path, `${is} instead of ${was}`);
    else if (Array.isArray(recorded) && Array.isArray(live)) this.#arrays(recorded, live, path, changing);
    else if (isObject(recorded) && isObject(live)) this.#objects(recorded, live, path, changing);
    else if (typeof recorded === 'string' && typeof live === 'string') {
      if (changing) this.#sameText(recorded, live);
      else if (!this.#sameText(recorded, live))
        this.note(path, `${quote(live)} instead of ${quote(this.#translate(recorded))}`);
    } else if (recorded instanceof Numeral && live instanceof Numeral) {
      this.#numbers(recorded.text, live.text, path, changing || this.#measured);
    } else if (recorded !== live && !changing) {
      this.note(path, `${String(live)} instead of ${String(recorded)}`);
    }
  }

  #objects(recorded: { [key: string]: Value }, live: { [key: string]: Value }, path: string, changing: boolean): void {
    const translated = Object.entries(recorded).map(([key, value]) => [this.#ids.translate(key), value] as const);
    for (const [key, value] of translated) {
      const other = live[key];
      const inner = `${path}.${key}`;
      if (other === undefined) this.note(inner, 'is missing');
      else this.values(value, other, inner, changing || volatile.test(key));
    }
    const known = new Set(translated.map(([key]) => key));
    for (const key of Object.keys(live)) if (!known.has(key)) this.note(`${path}.${key}`, 'is extra');
  }

  #arrays(recorded: Value[], live: Value[], path: string, changing: boolean): void {
    const [olds, news] = [this.#byIdentity(recorded, true), this.#byIdentity(live, false)];
    if (olds === undefined || news === undefined) {
      if (recorded.length !== live.length) this.note(path, `${live.length} elements instead of ${recorded.length}`);
      for (const [index, value] of recorded.entries()) {
        const other = live[index];
        if (other !== undefined) this.values(value, other, `${path}[${index}]`, changing);
      }
      return;
    }
    const pairs = this.#pair(olds, news);
    for (const [name, value] of olds) {
      const other = news.get(pairs.get(name) ?? name);
      if (other === undefined) this.note(`${path}[${name}]`, 'is missing');
      else this.values(value, other, `${path}[${name}]`, changing);
    }
    const paired = new Set([...olds.keys()].map((name) => pairs.get(name) ?? name));
    for (const name of news.keys()) if (!paired.has(name)) this.note(`${path}[${name}]`, 'is extra');
  }

  /** Elements whose ids are not known yet stand for one another in their order. */
  #pair(olds: Map<string, Value>, news: Map<string, Value>): Map<string, string> {
    const free = [...news.keys()].filter((name) => !olds.has(name) && isId(name));
    const pairs = new Map<string, string>();
    for (const name of olds.keys()) {
      const other = news.has(name) || !isId(name) || this.#ids.knowsLive(name) ? undefined : free.shift();
      if (other !== undefined) pairs.set(name, other);
    }
    return pairs;
  }

  /** The elements by what identifies them; undefined where nothing does, so that their order must. */
  #byIdentity(values: Value[], recorded: boolean): Map<string, Value> | undefined {
    for (const key of ['resource', ...identifying]) {
      const names = values.flatMap((value) => identityOf(value, key) ?? []);
      if (names.length !== values.length) continue;
      const translated = numbered(recorded ? names.map((name) => this.#translate(name)) : names);
      return new Map(translated.map((name, index) => [name, values[index] ?? null]));
    }
    return undefined;
  }

  #numbers(recorded: string, live: string, path: string, changing: boolean): void {
    if (isFloat(recorded) !== isFloat(live)) this.note(path, `${live} instead of ${recorded}`);
    else if (!changing && Number(recorded) !== Number(live)) this.note(path, `${live} instead of ${recorded}`);
  }

  #translate(recorded: string): string {
    return this.#canonical(this.#ids.translate(recorded), recordedAddresses);
  }

  #sameText(recorded: string, live: string): boolean {
    const [was, is] = [workDirectoryIn(recorded), workDirectoryIn(live)];
    if (was !== undefined && is !== undefined) this.#ids.learnDirectory(was, is);
    const text = this.#canonical(live, this.#addresses);
    this.#ids.learnFrom(this.#canonical(recorded, recordedAddresses), text);
    return this.#translate(recorded) === text;
  }

  /** A text without what is different on each machine and at each time. */
  #canonical(text: string, addresses: Addresses): string {
    return withoutAddress(withoutAddress(text, addresses.master, '<master>'), addresses.agent, '<agent>')
      .replaceAll(/\/[\w./-]*?(?=\/slaves\/[0-9a-f-]{36})/g, '<work_dir>')
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|\+00:00)?/g, '<time>');
  }
}

function workDirectoryIn(text: string): string | undefined {
  return /^(\/[\w./-]*?)\/slaves\/[0-9a-f-]{36}/.exec(text)?.[1];
}

/** Master and agent have a name and an address; the port tells which of them it is. */
function withoutAddress(text: string, address: string | undefined, name: string): string {
  const port = address === undefined ? '' : address.slice(address.lastIndexOf(':'));
  return port === '' || !text.includes(port) ? text : text.replace(new RegExp(`[\\w.-]+${port}\\b`, 'g'), name);
}

interface Head {
  status: number | null;
  headers?: readonly Header[];
}

const comparedHeaders = [
  'content-type',
  'content-encoding',
  'allow',
  'location',
  'www-authenticate',
  'mesos-stream-id',
];

/** Status, the headers that matter, and how the body is framed. */
export function compareHeads(recorded: Head, live: Head, comparison: Comparison): void {
  if (recorded.status !== live.status) comparison.note('status', `${live.status} instead of ${recorded.status}`);
  for (const name of comparedHeaders) {
    const [was, is] = [headerOf(recorded.headers, name), headerOf(live.headers, name)];
    if (was !== undefined && is !== undefined) comparison.values(was, is, `headers.${name}`);
    else if (was !== is) comparison.note(`headers.${name}`, is === undefined ? 'is missing' : `is extra: ${is}`);
  }
  for (const name of ['content-length', 'transfer-encoding']) {
    const [was, is] = [headerOf(recorded.headers, name), headerOf(live.headers, name)];
    if ((was === undefined) !== (is === undefined))
      comparison.note(`headers.${name}`, is === undefined ? 'is missing' : 'is extra');
  }
}

/** Names that come again get a number. */
function numbered(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} #${count}`;
  });
}

/** The name of an array's element: `resource` for resources, else what stands under the key. */
function identityOf(value: Value, key: string): string | undefined {
  if (typeof value === 'string') return value;
  if (!isObject(value)) return undefined;
  if (key === 'resource') return resourceIdentity(value);
  const found = value[key];
  if (typeof found === 'string') return found;
  if (!isObject(found)) return undefined;
  for (const inner of ['value', 'executor_id', 'id']) {
    const name = found[inner];
    if (typeof name === 'string') return name;
    if (isObject(name) && typeof name.value === 'string') return name.value;
  }
  return undefined;
}

function resourceIdentity(value: { [key: string]: Value }): string | undefined {
  const { name, type } = value;
  if (typeof name !== 'string' || (type !== 'SCALAR' && type !== 'RANGES' && type !== 'SET')) return undefined;
  const { role, reservations, disk, shared, revocable } = value;
  const special = { ...(role === '*' ? {} : { role }), reservations, disk, shared, revocable };
  const text = JSON.stringify(special);
  return text === '{}' ? name : `${name} ${text}`;
}

function isFloat(numeral: string): boolean {
  return /[.eE]/.test(numeral);
}

function typeName(value: Value): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Numeral) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function describe(document: Document): string {
  switch (document.kind) {
    case 'empty':
      return 'nothing';
    case 'text':
      return quote(document.text);
    case 'broken':
      return `a broken body (${document.problem})`;
    case 'value':
      return quote(JSON.stringify(document.value));
  }
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
