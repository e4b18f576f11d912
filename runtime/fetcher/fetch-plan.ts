import type { FetchUri } from './fetcher.ts';

export type Compression = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd';

/** `single` is one compressed file, as `data.csv.gz`. */
export interface ArchiveFormat {
  layout: 'tar' | 'zip' | 'single';
  compression: Compression;
}

/** One URI, read and checked: where it is, what it is called in the sandbox and what is done with it. */
export interface FetchPlan {
  /** The URI as messages show it: no fragment, no password. */
  shown: string;
  scheme: string;
  /** What the scheme's source is asked for: the URI without its fragment. */
  location: string;
  /** Path in the sandbox: relative, no `.` or `..` in it. */
  name: string;
  executable: boolean;
  /** Whether the file may come from the cache and be kept in it. */
  cache: boolean;
  /** To be extracted. Its suffix is that of the name in the sandbox; of the URI's own where `cache` is set, as in Mesos. */
  archive?: ArchiveFormat & { name: string };
  /** Pinned digest, lower-case hexadecimal. */
  sha256?: string;
}

/** Why a URI cannot be planned: a clause that goes on "URI cannot be fetched: …", and what to do about it. */
export interface PlanProblem {
  shown: string;
  problem: string;
  remedy: string;
}

/** The order matters: `.tar.gz` before `.gz`. Suffixes are case-sensitive, as everywhere in Mesos. */
const formats: ReadonlyArray<readonly [suffix: string, format: ArchiveFormat]> = [
  ['.tar', { layout: 'tar', compression: 'none' }],
  ['.tgz', { layout: 'tar', compression: 'gzip' }],
  ['.tar.gz', { layout: 'tar', compression: 'gzip' }],
  ['.tbz2', { layout: 'tar', compression: 'bzip2' }],
  ['.tar.bz2', { layout: 'tar', compression: 'bzip2' }],
  ['.txz', { layout: 'tar', compression: 'xz' }],
  ['.tar.xz', { layout: 'tar', compression: 'xz' }],
  ['.tzst', { layout: 'tar', compression: 'zstd' }],
  ['.tar.zst', { layout: 'tar', compression: 'zstd' }],
  ['.zip', { layout: 'zip', compression: 'none' }],
  ['.gz', { layout: 'single', compression: 'gzip' }],
];

const longestNameBytes = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const illegalCharacters = /[\\'\u0000-\u001f\u007f]/;

export function archiveFormat(name: string): ArchiveFormat | undefined {
  return formats.find(([suffix]) => name.endsWith(suffix))?.[1];
}

/** Reads a task's URI. Pure; says no to what Mesos says no to, and to names that would leave the sandbox. */
export function planFetch(uri: FetchUri): FetchPlan | PlanProblem {
  const value = uri.value.trim();
  const shown = withoutPassword(withoutFragment(value));
  const refuse = (problem: string, remedy: string): PlanProblem => ({ shown, problem, remedy });

  if (value === '') return refuse('it is empty', 'Give the task an absolute path or a URI such as https://host/file.');
  if (illegalCharacters.test(value)) {
    return refuse(
      'it holds a backslash, a single quote or a control character',
      'Percent-encode the character, or rename the file.',
    );
  }
  const scheme = schemeOf(value);
  if (scheme === undefined) {
    return refuse(
      'it is a relative path',
      'Give an absolute path on the agent’s host, or a URI with a scheme such as https://.',
    );
  }
  const { location, fragment } = splitFragment(value, scheme);
  const pin = readPin(fragment);
  if (pin === 'malformed') {
    return refuse(
      `its digest pin #${fragment} cannot be checked`,
      'Write the pin as #sha256= and 64 hexadecimal digits, as sha256sum prints them.',
    );
  }
  const name = uri.output_file === undefined ? nameOf(location) : readOutputFile(uri.output_file);
  if (typeof name !== 'string') return refuse(name.problem, name.remedy);

  const executable = uri.executable ?? false;
  const cache = uri.cache ?? false;
  const archiveName = cache ? (location.split('/').at(-1) ?? '') : (name.split('/').at(-1) ?? '');
  const format = executable || uri.extract === false ? undefined : archiveFormat(archiveName);
  return {
    shown,
    scheme,
    location,
    name,
    executable,
    cache,
    ...(format === undefined ? {} : { archive: { ...format, name: archiveName } }),
    ...(pin === undefined ? {} : { sha256: pin }),
  };
}

function schemeOf(value: string): string | undefined {
  if (value.startsWith('/')) return 'file';
  return /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(value)?.[1]?.toLowerCase();
}

/** A `#` is an ordinary character of a local path, unless a digest pin follows it. */
function splitFragment(value: string, scheme: string): { location: string; fragment: string } {
  const at = scheme === 'file' ? value.search(/#(sha|md)\d+=[^/#]*$/i) : value.indexOf('#');
  if (at < 0) return { location: value, fragment: '' };
  return { location: value.slice(0, at), fragment: value.slice(at + 1) };
}

function withoutFragment(value: string): string {
  return splitFragment(value, schemeOf(value) ?? '').location;
}

function withoutPassword(value: string): string {
  return value.replace(/^([^:/]+:\/\/[^/@:]*):[^/@]*@/, '$1:***@');
}

/** Digests other than sha256 are refused rather than ignored: who pins wants it checked. */
function readPin(fragment: string): string | undefined | 'malformed' {
  if (!/^(sha|md|blake)[\w-]*[=:]/i.test(fragment)) return undefined;
  return /^sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1]?.toLowerCase() ?? 'malformed';
}

/** The text after the last `/`, the query string included. */
function nameOf(location: string): string | { problem: string; remedy: string } {
  const afterScheme = location.startsWith('/') ? location : location.slice(location.indexOf(':') + 1);
  let path = afterScheme;
  if (afterScheme.startsWith('//') && !location.startsWith('/')) {
    const slash = afterScheme.indexOf('/', 2);
    path = slash < 0 ? '' : afterScheme.slice(slash);
  }
  const name = path.replace(/\/+$/, '').replace(/^.*\//, '');
  const remedy = 'Add the name of a file to the URI, or set output_file.';
  if (name === '') return { problem: 'it has no path that ends in a name', remedy };
  if (name === '.' || name === '..') return { problem: `its path ends in ${name}, which is not a name`, remedy };
  if (Buffer.byteLength(name) > longestNameBytes) {
    return { problem: `the name at its end is longer than ${longestNameBytes} bytes`, remedy: 'Set output_file.' };
  }
  return name;
}

function readOutputFile(outputFile: string): string | { problem: string; remedy: string } {
  const refuse = (problem: string) => ({
    problem: `its output_file ${JSON.stringify(outputFile)} ${problem}`,
    remedy: 'Set output_file to a relative path inside the sandbox, such as data/input.csv.',
  });
  if (outputFile === '') return refuse('is empty');
  if (illegalCharacters.test(outputFile)) {
    return refuse('holds a backslash, a single quote or a control character');
  }
  if (outputFile.startsWith('/')) return refuse('is absolute');
  if (outputFile.endsWith('/')) return refuse('names a directory');
  const parts = outputFile.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return refuse('may leave the sandbox');
  if (parts.length === 0) return refuse('names a directory');
  if (parts.some((part) => Buffer.byteLength(part) > longestNameBytes)) {
    return refuse(`holds a name longer than ${longestNameBytes} bytes`);
  }
  return parts.join('/');
}
