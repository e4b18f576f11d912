import { rm, stat } from 'node:fs/promises';

/** A downloaded file that tasks may share. */
export interface CachedFile {
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hexadecimal; absent where nobody wanted it to be kept when it began. */
  readonly sha256: string | undefined;
  /** Fetches that use it just now. */
  users: number;
  /** Whether it is in the cache. */
  kept: boolean;
}

/**
 * Files that are kept for tasks to come, at most so many bytes together. What is used is never thrown out; of the rest
 * what was not asked for the longest goes first.
 */
export class FetchCache<File extends CachedFile> {
  readonly totalBytes: number;
  /** In the order of their last use. */
  readonly #files = new Map<string, File>();
  #usedBytes = 0;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The file under that key, or any with that digest, with one user more. One that is gone from the disk is forgotten. */
  async find(key: string, sha256: string | undefined): Promise<File | undefined> {
    const found = this.#lookUp(key, sha256);
    if (found === undefined) return undefined;
    const [name, file] = found;
    file.users += 1;
    const size = await stat(file.path).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size === file.bytes && file.kept) {
      this.#files.delete(name);
      this.#files.set(name, file);
      return file;
    }
    file.users -= 1;
    if (file.kept) this.#forget(name, file);
    return undefined;
  }

  /** Whether there is room for it now; what it pushes out is removed from the disk. */
  async keep(key: string, file: File): Promise<boolean> {
    const idle = [...this.#files].filter(([, { users }]) => users === 0);
    const idleBytes = idle.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    if (this.#files.has(key) || this.#usedBytes - idleBytes + file.bytes > this.totalBytes) return false;
    const leaving: File[] = [];
    for (const [name, each] of idle) {
      if (this.#usedBytes + file.bytes <= this.totalBytes) break;
      this.#forget(name, each);
      leaving.push(each);
    }
    this.#files.set(key, file);
    this.#usedBytes += file.bytes;
    file.kept = true;
    await Promise.all(leaving.map(({ path }) => rm(path, { force: true })));
    return true;
  }

  #forget(name: string, file: File): void {
    this.#files.delete(name);
    this.#usedBytes -= file.bytes;
    file.kept = false;
  }

  #lookUp(key: string, sha256: string | undefined): [string, File] | undefined {
    if (sha256 !== undefined) return [...this.#files].find(([, file]) => file.sha256 === sha256);
    const file = this.#files.get(key);
    return file === undefined ? undefined : [key, file];
  }
}
