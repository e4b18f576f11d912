import { readFileSync } from 'node:fs';
import { formatDuration } from '../protocol/duration.ts';
import { MesitaError } from '../protocol/errors.ts';
import { bytes, formatBytes } from './bytes-flag.ts';
import { duration } from './duration-flag.ts';

/**
 * One flag of a daemon. The table of flags makes the parser, `--help` and docs/flags.md.
 * Names are Mesos' (`work_dir`); dashes are taken for underscores.
 */
export interface Flag<T> {
  /** As shown in help, e.g. `HOST:PORT`. Booleans have none: they are `--name` and `--no-name`. */
  form: string;
  help: string;
  /** Undefined: the flag stays unset. Shown in help as it is. */
  default?: string;
  required?: boolean;
  /** Whether Mesos has it, so that `MESOS_<NAME>` is read too. */
  mesos: boolean;
  /** An absolute path stands for the file's content, as `file://` does for every flag. */
  mayBePath?: boolean;
  /** The value as it may be shown, where some of it is secret. */
  show?(text: string): string;
  /** Neither `/flags` nor an error shows its value. */
  secret?: boolean;
  /** The value, or why it is none. */
  parse(text: string): { value: T } | { error: string };
}

export type FlagTable = Record<string, Flag<unknown>>;

type ValueOf<F> = F extends Flag<infer T> ? T : never;
type Certain<F> = F extends { default: string } | { required: true } ? true : false;
export type FlagValues<Table extends FlagTable> = {
  [Name in keyof Table]: Certain<Table[Name]> extends true ? ValueOf<Table[Name]> : ValueOf<Table[Name]> | undefined;
};

export const text = (value: string): { value: string } => ({ value });

export function integer(from: number, to: number): (value: string) => { value: number } | { error: string } {
  return (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < from || number > to) {
      return { error: `expected a whole number from ${from} to ${to}` };
    }
    return { value: number };
  };
}

export function oneOf<const T extends string>(...values: T[]): (value: string) => { value: T } | { error: string } {
  return (value) => {
    const found = values.find((candidate) => candidate === value);
    return found === undefined ? { error: `expected one of ${values.join(', ')}` } : { value: found };
  };
}

export function boolean(value: string): { value: boolean } | { error: string } {
  if (value === 'true' || value === '1' || value === '') return { value: true };
  if (value === 'false' || value === '0') return { value: false };
  return { error: 'expected true or false' };
}

/**
 * Reads flags from the command line, then from `MESITA_<NAME>`, then from `MESOS_<NAME>`, then their defaults.
 * Throws MESITA_FLAG_UNKNOWN or MESITA_FLAG_INVALID. A value `file:///path` stands for the file's content.
 */
export function parseFlags<Table extends FlagTable>(
  table: Table,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): FlagValues<Table> {
  const given = readArguments(table, args);
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(table)) {
    const raw = given.get(name) ?? fromEnvironment(name, flag, environment) ?? flag.default;
    if (raw === undefined) {
      if (flag.required === true) {
        throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${name}=${flag.form} is required: ${flag.help}` });
      }
      continue;
    }
    values[name] = parseValue(name, flag, raw);
  }
  return values as FlagValues<Table>;
}

function readArguments(table: FlagTable, args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? '';
    if (!argument.startsWith('--')) throw unknownFlag(argument, table, 'Not a flag');
    const equals = argument.indexOf('=');
    const name = argument.slice(2, equals === -1 ? undefined : equals).replaceAll('-', '_');
    const flag = own(table, name);
    if (flag === undefined) {
      const positive = name.startsWith('no_') ? name.slice(3) : '';
      if (own(table, positive)?.form !== '' || equals !== -1) throw unknownFlag(argument, table, 'Unknown flag');
      given.set(positive, 'false');
    } else if (equals !== -1) {
      given.set(name, argument.slice(equals + 1));
    } else if (flag.form === '') {
      given.set(name, 'true');
    } else {
      const next = args[++index];
      if (next === undefined) {
        throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${name} needs a value: --${name}=${flag.form}` });
      }
      given.set(name, next);
    }
  }
  return given;
}

function own(table: FlagTable, name: string): Flag<unknown> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function fromEnvironment(
  name: string,
  flag: Flag<unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const upper = name.toUpperCase();
  return environment[`MESITA_${upper}`] ?? (flag.mesos ? environment[`MESOS_${upper}`] : undefined);
}

function parseValue(name: string, flag: Flag<unknown>, raw: string): unknown {
  const inFile = raw.startsWith('file://') || (flag.mayBePath === true && raw.startsWith('/'));
  const parsed = flag.parse(inFile ? readValueFile(name, raw.replace(/^file:\/\//, '')) : raw);
  if ('error' in parsed) {
    const shown = flag.secret === true && !inFile ? '…' : (flag.show?.(raw) ?? raw);
    throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${name}=${shown}: ${parsed.error}` });
  }
  return parsed.value;
}

function readValueFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (cause) {
    throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${name}: cannot read the file ${path}`, cause });
  }
}

function unknownFlag(argument: string, table: FlagTable, what: string): MesitaError {
  const name = argument.replace(/^--?/, '').replace(/=.*/, '').replaceAll('-', '_');
  const near = Object.keys(table).filter(
    (known) => distance(known, name) <= 2 || (name !== '' && known.startsWith(name)),
  );
  const hint = near[0] === undefined ? '' : ` Did you mean --${near[0]}?`;
  return new MesitaError('MESITA_FLAG_UNKNOWN', { message: `${what}: ${argument}.${hint}` });
}

/** Levenshtein's distance. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** The flags that have a value, by name, as `/flags` and GET_FLAGS show them. */
export function flagTexts(table: FlagTable, values: Readonly<Record<string, unknown>>): Record<string, string> {
  const names = Object.keys(table).sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = values[name];
      if (value === undefined) return [];
      if (table[name]?.secret === true) return [[name, '(not shown)']];
      const show = table[name]?.show;
      if (show !== undefined) return [[name, show(String(value))]];
      if (typeof value === 'object') return [[name, JSON.stringify(value)]];
      return [[name, typeof value === 'number' ? numberText(table[name], value) : String(value)]];
    }),
  );
}

function numberText(flag: Flag<unknown> | undefined, value: number): string {
  if (flag?.parse === duration) return formatDuration(value);
  return flag?.parse === bytes ? formatBytes(value) : String(value);
}

/** The table as lines for `--help`. */
export function describeFlags(table: FlagTable): string {
  const lines = Object.entries(table).map(([name, flag]) => {
    const usage = flag.form === '' ? `--[no-]${name}` : `--${name}=${flag.form}`;
    const fallback =
      flag.default === undefined ? (flag.required === true ? ' (required)' : '') : ` (default: ${flag.default})`;
    return `  ${usage}\n      ${flag.help}${fallback}`;
  });
  return `${lines.join('\n')}\n`;
}
