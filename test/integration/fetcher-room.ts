import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createFetcher,
  type FetchedFile,
  type Fetcher,
  type FetcherOptions,
  type FetchUri,
} from '../../runtime/fetcher/fetcher.ts';

/** A sandbox, a directory of sources beside it and a fetcher; all gone after `close`. */
export class FetcherRoom {
  readonly base: string;
  readonly sandbox: string;
  readonly fetcher: Fetcher;

  private constructor(base: string, fetcher: Fetcher) {
    this.base = base;
    this.sandbox = join(base, 'outside', 'sandbox');
    this.fetcher = fetcher;
  }

  static async open(options: Partial<FetcherOptions> = {}): Promise<FetcherRoom> {
    const base = await mkdtemp(join(tmpdir(), 'mesita-fetcher-'));
    const room = new FetcherRoom(
      base,
      createFetcher({
        directory: join(base, 'fetch'),
        cacheBytes: 1_000_000,
        resumePauseSeconds: 0.01,
        stallTimeoutSeconds: 10,
        maxBytes: 10_000_000,
        maxEntries: 100,
        maxExtractedBytes: 10_000_000,
        ...options,
      }),
    );
    await mkdir(room.sandbox, { recursive: true });
    await writeFile(join(base, 'outside', 'victim'), 'untouched');
    return room;
  }

  async close(): Promise<void> {
    await this.fetcher.close();
    await rm(this.base, { recursive: true, force: true });
  }

  /** Writes a file that can be fetched; gives its absolute path. */
  async source(name: string, content: string | Buffer, mode = 0o644): Promise<string> {
    const path = join(this.base, name);
    await writeFile(path, content, { mode });
    return path;
  }

  fetch(...uris: Array<string | FetchUri>): Promise<FetchedFile[]> {
    return this.fetcher.fetch(
      uris.map((uri) => (typeof uri === 'string' ? { value: uri } : uri)),
      { sandbox: this.sandbox },
      { signal: new AbortController().signal },
    );
  }

  /** What the sandbox holds: contents of files, `-> target` of links, `/` for directories. */
  contents(): Promise<Record<string, string>> {
    return listing(this.sandbox);
  }

  /** What is around the sandbox, and must not change. */
  async outside(): Promise<Record<string, string>> {
    const all = await listing(join(this.base, 'outside'));
    return Object.fromEntries(Object.entries(all).filter(([path]) => !path.startsWith('sandbox')));
  }
}

async function listing(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (entry.isDirectory()) found[`${name}/`] = '/';
    else if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else found[name] = await readFile(path, 'utf8');
  }
  return found;
}
