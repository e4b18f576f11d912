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

const refused = (message: string): { problem: FileProblem } => ({ problem: { kind: 'refused', message } });

/**
 * The sandboxes under an agent's directory, by their real path or as `/frameworks/<framework>/executors/<executor>/runs/latest`.
 * Source: Mesos' files endpoints.
 *
 * INVARIANT: nothing outside of a sandbox is shown, through whatever links a task may have put into it.
 */
export class SandboxFiles {
  readonly #root: () => string;
  readonly #accounts: AccountNames;

  /** `root`: the directory `…/slaves/<agent>`, which is known once the agent is registered. */
  constructor(root: () => string, accounts: AccountNames) {
    this.#root = root;
    this.#accounts = accounts;
  }

  /** The real path behind the one that was asked for. */
  async locate(asked: string): Promise<FileResult<string>> {
    const missing = { problem: { kind: 'missing' } } as const;
    const parts = this.#sandboxOf(asked);
    if (parts === undefined) return missing;
    const sandbox = await realpath(parts.sandbox).catch(() => undefined);
    const found = await realpath(parts.sandbox + parts.rest).catch(() => undefined);
    const home = await realpath(this.#root()).catch(() => undefined);
    if (sandbox === undefined || found === undefined || home === undefined) return missing;
    if (!isWithin(home, sandbox) || !isWithin(sandbox, found)) return refused(`'${asked}' is inaccessible.`);
    return { value: found };
  }

  /** What is in a directory, sorted; nothing for a file. */
  async list(asked: string): Promise<FileResult<FileEntry[]>> {
    const located = await this.locate(asked);
    if ('problem' in located) return located;
    if (!(await stat(located.value)).isDirectory()) return { value: [] };
    const names = (await readdir(located.value)).sort();
    const entries = await Promise.all(names.map((name) => this.#entry(located.value, asked, name)));
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
    const there = await stat(located.value);
    if (there.isDirectory()) return refused('Cannot read a directory.');
    // Opening a pipe would wait for whoever writes to it.
    if (!there.isFile()) return refused('Cannot read what is not a regular file.');
    const file = await open(located.value);
    try {
      // A log may have been put away meanwhile, and another file have its name.
      const { size, ino, birthtimeMs } = await file.stat();
      const wanted = Math.min(length, longestRead, Math.max(0, size - offset));
      return { value: { size, data: await bytesOf(file, offset, wanted), file: `${ino}-${Math.round(birthtimeMs)}` } };
    } finally {
      await file.close();
    }
  }

  /** The sandbox that a path names, and what comes after it. */
  #sandboxOf(asked: string): { sandbox: string; rest: string } | undefined {
    if (asked.includes('\0')) return undefined;
    const root = this.#root();
    const real = asked.startsWith(`${root}/`);
    const below = real ? asked.slice(root.length) : asked;
    const [, sandbox = '', run = '', rest = ''] =
      /^(\/frameworks\/[^/]+\/executors\/[^/]+\/runs\/([^/]+))(\/.*)?$/s.exec(below) ?? [];
    if (sandbox === '' || /\/\.{1,2}(\/|$)/.test(sandbox) || !(real || run === 'latest')) return undefined;
    return { sandbox: root + sandbox, rest };
  }

  async #entry(directory: string, asked: string, name: string): Promise<FileEntry[]> {
    const status = await this.#statusWithin(directory, name).catch(() => undefined);
    if (status === undefined) return [];
    const [user, group] = await Promise.all([this.#accounts.user(status.uid), this.#accounts.group(status.gid)]);
    return [{ path: join(asked, name), status, user, group }];
  }

  /** Of what a link points to, if that is in the agent's directory; else of the link itself. */
  async #statusWithin(directory: string, name: string): Promise<Stats> {
    const path = join(directory, name);
    const [home, found] = await Promise.all([realpath(this.#root()), realpath(path).catch(() => undefined)]);
    return found !== undefined && isWithin(home, found) ? stat(found) : lstat(path);
  }
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}

async function bytesOf(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
