import {
  chmod,
  lchown,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, quoted, unsafe } from './archive-problem.ts';
import type { ExtractionBudget } from './extraction-budget.ts';
import { graft } from './graft.ts';

export interface Owner {
  uid: number;
  gid: number;
}

interface Attributes {
  mode?: number;
  mtime?: Date;
}

interface Node {
  kind: 'file' | 'directory' | 'symlink';
  /** Which step made it: a step may replace the files of earlier ones, never its own. */
  step: number;
}

const permissionBits = 0o777;
const privatePrefix = '.mesita-fetch-';

/**
 * A private directory in the sandbox in which a fetch is put together; what it holds appears in the sandbox at the very
 * end, or not at all. Nobody else writes to it, so what `nodes` says of a path is so: nothing is ever written through a
 * link, since a path's parents are directories that were made here.
 */
export class Staging {
  readonly #base: string;
  readonly #root: string;
  readonly #sandbox: string;
  readonly #owner: Owner | undefined;
  readonly #budget: ExtractionBudget;
  readonly #nodes = new Map<string, Node>();
  readonly #directories: Array<{ path: string } & Attributes> = [];
  #step = 0;

  private constructor(sandbox: string, base: string, owner: Owner | undefined, budget: ExtractionBudget) {
    this.#budget = budget;
    this.#sandbox = sandbox;
    this.#base = base;
    this.#root = join(base, 'root');
    this.#owner = owner;
  }

  static async create(sandbox: string, owner: Owner | undefined, budget: ExtractionBudget): Promise<Staging> {
    const base = await mkdtemp(join(sandbox, privatePrefix));
    const staging = new Staging(sandbox, base, owner, budget);
    await mkdir(staging.#root, { mode: 0o700 });
    return staging;
  }

  /** Where a download is kept until it is placed. */
  downloadPath(index: number): string {
    return join(this.#base, `download-${index}`);
  }

  /** Where a path of the sandbox is at the moment. */
  pathOf(parts: readonly string[]): string {
    return join(this.#root, ...parts);
  }

  /** Starts a download's or an archive's step: from here on, what was made before may be replaced. */
  beginStep(): void {
    this.#step += 1;
  }

  /** Takes a name for a download that is placed only after what it holds; gives the step that has it. */
  async reserve(parts: readonly string[]): Promise<number> {
    this.beginStep();
    await this.addFile(parts, noBytes(), {});
    return this.#step;
  }

  /** Whether nothing was put under that name after that step. */
  isReserved(parts: readonly string[], step: number): boolean {
    return this.#nodes.get(parts.join('/'))?.step === step;
  }

  /** Moves a finished download to its name. */
  async place(download: string, parts: readonly string[], mode: number): Promise<void> {
    await this.#prepare(parts);
    const path = this.pathOf(parts);
    await chmod(download, mode & permissionBits);
    await this.#chown(download);
    await rename(download, path);
    this.#remember(parts, 'file');
  }

  async addFile(parts: readonly string[], body: AsyncIterable<Uint8Array>, attributes: Attributes): Promise<void> {
    await this.#prepare(parts);
    const file = await open(this.pathOf(parts), 'wx', 0o600);
    try {
      this.#remember(parts, 'file');
      for await (const chunk of body) await file.writeFile(chunk);
      if (this.#owner !== undefined) await file.chown(this.#owner.uid, this.#owner.gid);
      // After chown, which clears bits of its own.
      await file.chmod((attributes.mode ?? 0o644) & permissionBits);
      if (attributes.mtime !== undefined) await file.utimes(attributes.mtime, attributes.mtime);
    } finally {
      await file.close();
    }
  }

  async addDirectory(parts: readonly string[], attributes: Attributes): Promise<void> {
    const key = parts.join('/');
    if (this.#nodes.get(key)?.kind !== 'directory') {
      if (this.#nodes.has(key)) throw unsafe(`entry ${quoted(key)} is a directory where there is a file or link`);
      await this.#makeParents(parts);
      await this.#makeDirectory(parts);
    }
    this.#directories.push({ path: this.pathOf(parts), ...attributes });
  }

  async addSymlink(parts: readonly string[], target: string, attributes: Attributes): Promise<void> {
    await this.#prepare(parts);
    const path = this.pathOf(parts);
    await symlink(target, path);
    this.#remember(parts, 'symlink');
    await this.#chown(path);
    if (attributes.mtime !== undefined) await lutimes(path, attributes.mtime, attributes.mtime);
  }

  /** Links to a file that was staged before; to nothing else. */
  async addHardlink(parts: readonly string[], target: readonly string[]): Promise<void> {
    const names = `${quoted(parts.join('/'))} to ${quoted(target.join('/'))}`;
    for (let length = 1; length < target.length; length += 1) {
      if (this.#nodes.get(target.slice(0, length).join('/'))?.kind === 'symlink') {
        throw unsafe(`hard link ${names} goes through a symbolic link`);
      }
    }
    const node = this.#nodes.get(target.join('/'));
    if (node === undefined) throw invalid(`hard link ${names}, which is not in the archive`);
    if (node.kind !== 'file') throw unsafe(`hard link ${names}, which is not a regular file`);
    await this.#prepare(parts);
    await link(this.pathOf(target), this.pathOf(parts));
    this.#remember(parts, 'file');
  }

  /** Moves everything into the sandbox. Checks first that nothing there is in the way. */
  async commit(): Promise<void> {
    // The innermost first, so that nothing is made in a directory whose time is already set.
    for (const { path, mode, mtime } of this.#directories.reverse()) {
      // The owner always keeps access, so that what was extracted can be moved and removed again.
      if (mode !== undefined) await chmod(path, (mode & permissionBits) | 0o700);
      if (mtime !== undefined) await utimes(path, mtime, mtime);
    }
    await graft(this.#root, this.#sandbox);
  }

  async remove(): Promise<void> {
    await rm(this.#base, { recursive: true, force: true });
  }

  #remember(parts: readonly string[], kind: Node['kind']): void {
    this.#nodes.set(parts.join('/'), { kind, step: this.#step });
  }

  /** Makes room for a new file or link: its parents exist, and an earlier step's file of that name is gone. */
  async #prepare(parts: readonly string[]): Promise<void> {
    await this.#makeParents(parts);
    const key = parts.join('/');
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    if (node.kind === 'symlink') throw unsafe(`entry ${quoted(key)} would be written over a symbolic link`);
    if (node.kind === 'directory') throw unsafe(`entry ${quoted(key)} would be written over a directory`);
    if (node.step === this.#step) throw unsafe(`entry ${quoted(key)} is there twice`);
    await unlink(this.pathOf(parts));
    this.#nodes.delete(key);
  }

  async #makeParents(parts: readonly string[]): Promise<void> {
    const parent = this.#nodes.get(parts.slice(0, -1).join('/'));
    if (parts.length < 2 || parent?.kind === 'directory') return;
    for (let length = 1; length < parts.length; length += 1) {
      const prefix = parts.slice(0, length);
      const node = this.#nodes.get(prefix.join('/'));
      if (node === undefined) {
        // Directories that no entry names cost as much as those that one does.
        this.#budget.addEntry();
        await this.#makeDirectory(prefix);
      } else if (node.kind !== 'directory') {
        const what = node.kind === 'symlink' ? 'symbolic link' : 'file';
        throw unsafe(`entry ${quoted(parts.join('/'))} goes through the ${what} ${quoted(prefix.join('/'))}`);
      }
    }
  }

  async #makeDirectory(parts: readonly string[]): Promise<void> {
    const path = this.pathOf(parts);
    // Fails where something is there, on file systems that take two spellings for one name too.
    await mkdir(path);
    this.#remember(parts, 'directory');
    await chmod(path, 0o755);
    await this.#chown(path);
  }

  async #chown(path: string): Promise<void> {
    if (this.#owner !== undefined) await lchown(path, this.#owner.uid, this.#owner.gid);
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
