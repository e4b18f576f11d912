import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { AccountNames } from './account-names.ts';

/** Bytes that one read gives at the most. */
export const longestRead = 65_536;

export interface FileEntry {
  path: string;
  status: Stats;
  user: string;
  group: string;
}

/** `missing`: 404. `refused`: 400 with the sentence. */
export type FileProblem = { kind: 'missing' } | { kind: 'refused'; message: string };
export type FileResult<T> = { value: T } | { problem: FileProblem };

export const missingFile: { problem: FileProblem } = { problem: { kind: 'missing' } };
export const refusedFile = (message: string): { problem: FileProblem } => ({ problem: { kind: 'refused', message } });

/** The real path of what was asked for, and the real directory that links in it may not lead out of. */
export interface Located {
  path: string;
  within: string;
}

export type Locate = (asked: string) => Promise<FileResult<Located>>;

export interface ShownFilesOptions {
  accounts: AccountNames;
  /** Single files by the names under which they are asked for, e.g. `/master/log`. */
  attached?: Readonly<Record<string, string>>;
  /** Everything else; by default there is nothing. */
  locate?: Locate;
}

/** What a daemon shows of its machine's files, at `/files/*` and to LIST_FILES and READ_FILE. */
export class ShownFiles {
  readonly #accounts: AccountNames;
  readonly #attached: ReadonlyMap<string, string>;
  readonly #locate: Locate;

  constructor({ accounts, attached = {}, locate = async () => missingFile }: ShownFilesOptions) {
    this.#accounts = accounts;
    this.#attached = new Map(Object.entries(attached));
    this.#locate = locate;
  }

  async locate(asked: string): Promise<FileResult<Located>> {
    const attached = this.#attached.get(asked.replace(/\/+$/, ''));
    if (attached === undefined) return this.#locate(asked);
    const path = await realpath(attached).catch(() => undefined);
    return path === undefined ? missingFile : { value: { path, within: path } };
  }

  /** What is in a directory, sorted; nothing for a file. */
  async list(asked: string): Promise<FileResult<FileEntry[]>> {
    const located = await this.locate(asked);
    if ('problem' in located) return located;
    const { path, within } = located.value;
    if (!(await stat(path)).isDirectory()) return { value: [] };
    const names = (await readdir(path)).sort();
    const entries = await Promise.all(names.map((name) => this.#entry(join(path, name), within, join(asked, name))));
    return { value: entries.flat() };
  }

  /** Bytes from `offset`, at most `length` and at most 64 KiB, and how large the file is. `file`: which it is, whatever its name. */
  async read(
    asked: string,
    offset: number,
    length: number,
  ): Promise<FileResult<{ size: number; data: Buffer; file: string }>> {
    const located = await this.locate(asked);
    if ('problem' in located) return located;
    const { path } = located.value;
    const there = await stat(path);
    if (there.isDirectory()) return refusedFile('Cannot read a directory.');
    // Opening a pipe would wait for whoever writes to it.
    if (!there.isFile()) return refusedFile('Cannot read what is not a regular file.');
    const file = await open(path);
    try {
      // A log may have been put away meanwhile, and another file have its name.
      const { size, ino, birthtimeMs } = await file.stat();
      const wanted = Math.min(length, longestRead, Math.max(0, size - offset));
      return { value: { size, data: await bytesOf(file, offset, wanted), file: `${ino}-${Math.round(birthtimeMs)}` } };
    } finally {
      await file.close();
    }
  }

  async #entry(path: string, within: string, shown: string): Promise<FileEntry[]> {
    const status = await statusWithin(path, within).catch(() => undefined);
    if (status === undefined) return [];
    const [user, group] = await Promise.all([this.#accounts.user(status.uid), this.#accounts.group(status.gid)]);
    return [{ path: shown, status, user, group }];
  }
}

/** Of what a link points to, if that is within the directory; else of the link itself. */
async function statusWithin(path: string, directory: string): Promise<Stats> {
  const found = await realpath(path).catch(() => undefined);
  return found !== undefined && isWithin(directory, found) ? stat(found) : lstat(path);
}

/** Both are real paths. */
export function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}

async function bytesOf(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  // An offset may be larger than any that can be read at.
  if (length === 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
