import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Downloaded, DownloadLimits } from './download.ts';
import { FetchCache } from './fetch-cache.ts';
import type { FetchPlan } from './fetch-plan.ts';
import type { GrowingFile } from './growing-file.ts';
import { SharedDownload } from './shared-download.ts';
import type { UriSource } from './uri-source.ts';

export interface SharedDownloadsOptions extends DownloadLimits {
  /** The agent's own directory for downloads: made when needed, emptied at the start. Preferably on the sandboxes' disk. */
  directory: string;
  /** Bytes that finished downloads of cached URIs may take there. */
  cacheBytes: number;
}

/** A download in somebody's hands, who has to release it, whatever becomes of it. */
export interface Holding {
  /** Resolves when the file is there, and is what it should be. Throws as `download` does; the signal's reason. */
  whole(): Promise<Downloaded>;
  /** The file, to be read while it comes in, and closed before it is placed. */
  follow(): GrowingFile;
  /** Puts the whole file at a path of the caller's own. It may be gone from where `follow` found it then. */
  place(to: string): Promise<void>;
  release(): Promise<void>;
}

/**
 * One download for all who ask for the same thing. Who shares what:
 * - `cache`: any download of the URI, running or kept, however old;
 * - a pinned digest: the same, and whatever is kept that has the digest, since it cannot be out of date;
 * - neither: a download that began less than a second ago; or one that still runs, where the server says that its file is
 *   the one that is being downloaded (ETag, Last-Modified). So nobody gets what was replaced before he asked.
 */
export class SharedDownloads {
  readonly #options: SharedDownloadsOptions;
  readonly #cache: FetchCache<SharedDownload>;
  /** The latest of each key that may be joined: running, or just finished. */
  readonly #listed = new Map<string, SharedDownload>();
  #directory: Promise<string> | undefined;
  #serial = 0;

  constructor(options: SharedDownloadsOptions) {
    this.#options = options;
    this.#cache = new FetchCache(options.cacheBytes);
  }

  get cache(): { readonly totalBytes: number; readonly usedBytes: number } {
    return this.#cache;
  }

  /** The directory, made, and emptied of what an earlier run left. */
  directory(): Promise<string> {
    this.#directory ??= this.#empty();
    return this.#directory;
  }

  /** Gives the download as soon as it runs; its failure is that of all who share it. */
  async obtain(
    plan: FetchPlan,
    source: UriSource,
    signal: AbortSignal,
    progress: (sentence: string) => void,
  ): Promise<Holding> {
    const directory = await this.directory();
    const key = `${plan.location}#${plan.sha256 ?? ''}`;
    const timeless = plan.cache || plan.sha256 !== undefined;
    const kept = timeless ? await this.#cache.find(key, plan.sha256) : undefined;
    if (kept !== undefined) return holdingOf(kept, signal, progress);
    const listed = this.#listed.get(key);
    const mayJoin = listed !== undefined && (timeless || listed.isFresh || (await listed.isStillThat(signal)));
    // Nothing is awaited from here to `join`: what is listed now has not been given up.
    const joined = mayJoin && this.#listed.get(key) === listed ? listed : this.#begin(key, plan, source, directory);
    joined.join(progress);
    if (!plan.cache) return holdingOf(joined, signal, progress);
    joined.stay();
    return holdingOf(joined, signal, progress, async () => {
      if (!joined.kept) await this.#cache.keep(key, joined);
    });
  }

  /** Removes all that is kept. Call it when nothing is held any more. */
  async close(): Promise<void> {
    for (const each of [...this.#listed.values()]) each.unlist();
    if (this.#directory !== undefined) await rm(this.#options.directory, { recursive: true, force: true });
  }

  #begin(key: string, plan: FetchPlan, source: UriSource, directory: string): SharedDownload {
    this.#serial += 1;
    const begun: SharedDownload = new SharedDownload({
      plan,
      source,
      path: join(directory, `c${this.#serial}-${shortName(plan.name)}`),
      limits: this.#options,
      unlisted: () => {
        if (this.#listed.get(key) === begun) this.#listed.delete(key);
      },
    });
    const earlier = this.#listed.get(key);
    this.#listed.set(key, begun);
    earlier?.unlist();
    return begun;
  }

  async #empty(): Promise<string> {
    await rm(this.#options.directory, { recursive: true, force: true });
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    return this.#options.directory;
  }
}

function holdingOf(
  download: SharedDownload,
  signal: AbortSignal,
  progress: (sentence: string) => void,
  finished: () => Promise<void> = async () => {},
): Holding {
  return {
    async whole() {
      const downloaded = await download.whole(signal);
      await finished();
      return downloaded;
    },
    follow: () => download.follow(signal),
    place: (to) => download.place(to, signal),
    release: () => download.leave(progress),
  };
}

/** For a person who looks into the directory: as Mesos calls the files of its cache. */
function shortName(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  return base.length > 20 ? `${base.slice(0, 10)}_${base.slice(-10)}` : base;
}
