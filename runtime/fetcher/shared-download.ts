import { constants } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { Copies } from './copies.ts';
import { type Downloaded, type DownloadFacts, type DownloadLimits, download } from './download.ts';
import type { CachedFile } from './fetch-cache.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { BegunAgain, GrowingFile } from './growing-file.ts';
import { Growth } from './growth.ts';
import { unlessAborted } from './unless-aborted.ts';
import type { UriSource } from './uri-source.ts';

/** Tasks that ask for the same URI within this time are taken to ask at once. */
const atOnceMs = 1000;
/** What is that small is copied rather than moved while somebody might still ask for it. */
const cheapBytes = 16 * 1024 * 1024;

export interface Share {
  plan: FetchPlan;
  source: UriSource;
  /** Where the file is put; free. */
  path: string;
  limits: DownloadLimits;
  /** Called once, when nobody may join any more. */
  unlisted: () => void;
}

/**
 * A download and then its file, for as many as want it.
 * INVARIANTS: whoever waits for it or holds it is a user, and the file stays while there are users. Without users the
 * download is stopped. A file that is neither used, nor kept in the cache, nor listed for those to come is removed.
 */
export class SharedDownload implements CachedFile {
  readonly path: string;
  users = 0;
  kept = false;
  readonly #share: Share;
  readonly #startedAt = performance.now();
  readonly #facts: DownloadFacts = { validator: undefined, growth: new Growth() };
  /** Resolves when one more than the first wants the file. */
  readonly #wantedMore = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  readonly #copies = new Copies(() => this.follow(this.#stop.signal));
  readonly #listeners = new Set<(sentence: string) => void>();
  readonly #finished: Promise<Downloaded>;
  #listed = true;
  #stays = false;
  #lapse: NodeJS.Timeout | undefined;
  #result: Downloaded | undefined;

  constructor(share: Share) {
    this.#share = share;
    this.path = share.path;
    this.#finished = this.#run();
    this.#finished.catch(() => {});
  }

  get bytes(): number {
    return this.#result?.bytes ?? 0;
  }

  get sha256(): string | undefined {
    return this.#result?.sha256;
  }

  /** Whether one who asks now cannot get anything older than what he asked for. */
  get isFresh(): boolean {
    return performance.now() - this.#startedAt < atOnceMs;
  }

  /** Whether it still runs, and the server says that its file is still the one that is there. */
  async isStillThat(signal: AbortSignal): Promise<boolean> {
    const { source, plan, limits } = this.#share;
    const { validator } = this.#facts;
    if (validator === undefined || source.validator === undefined || this.#result !== undefined) return false;
    const patience = AbortSignal.timeout(limits.stallTimeoutSeconds * 1000);
    try {
      const current = await source.validator(plan.location, AbortSignal.any([signal, patience]));
      return current === validator && this.#listed && this.#facts.validator === validator;
    } catch (error) {
      if (patience.aborted && !signal.aborted) return false;
      throw error;
    }
  }

  /** Makes the caller a user, until `leave`. */
  join(progress: (sentence: string) => void): void {
    this.users += 1;
    this.#listeners.add(progress);
    if (this.users > 1) this.#wantedMore.resolve();
  }

  /** The file stays where it is, so whoever wants it gets a copy. */
  stay(): void {
    this.#stays = true;
    this.#wantedMore.resolve();
  }

  /** Resolves when the file is there, and is what it should be. Throws as `download` does, and the signal's reason. */
  async whole(signal: AbortSignal): Promise<Downloaded> {
    return unlessAborted(this.#finished, signal);
  }

  /** The file as it comes in; to be closed. */
  follow(signal: AbortSignal): GrowingFile {
    return new GrowingFile(this.path, this.#facts.growth, signal);
  }

  async leave(progress: (sentence: string) => void): Promise<void> {
    this.users -= 1;
    this.#listeners.delete(progress);
    if (this.users > 0) return;
    if (this.#result !== undefined) return this.#removeUnwanted();
    this.unlist();
    this.#stop.abort(new Error('nobody wants it any more'));
    await this.#finished.catch(() => {});
  }

  /**
   * Puts the whole file at a path where nobody else looks: moves it where no one else wants it, else copies.
   * Never a hard link: who writes to his file would write to everybody's, and to what the cache's digest vouches for.
   */
  async place(to: string, signal: AbortSignal): Promise<void> {
    await unlessAborted(Promise.race([this.#finished, this.#wantedMore.promise]), signal);
    // What was wanted by others as well is copied while it comes in, unless the disk can share it without a copy.
    if (this.#result === undefined && !(await this.#canClone(to, signal))) return this.#copies.add(to, signal);
    await this.whole(signal);
    const mayMove = this.users === 1 && !this.#stays && (!this.#listed || this.bytes > cheapBytes);
    if (mayMove) {
      this.unlist();
      if (await moved(this.path, to)) return;
    }
    await copyFile(this.path, to, constants.COPYFILE_FICLONE);
  }

  /** From here on nobody joins. */
  unlist(): void {
    clearTimeout(this.#lapse);
    if (!this.#listed) return;
    this.#listed = false;
    this.#share.unlisted();
  }

  /** Whether a file of this disk may be put there as a copy on write; tried with as much of it as there is. */
  async #canClone(to: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.follow(signal).available(0);
      await copyFile(this.path, to, constants.COPYFILE_FICLONE_FORCE);
      return true;
    } catch (error) {
      if (error instanceof BegunAgain || (error instanceof Error && 'syscall' in error)) return false;
      throw error;
    }
  }

  async #run(): Promise<Downloaded> {
    const { plan, source, path, limits } = this.#share;
    const tell = (sentence: string) => {
      for (const each of this.#listeners) each(sentence);
    };
    let result: Downloaded;
    try {
      result = await download(plan, source, path, limits, this.#stop.signal, tell, this.#facts);
    } catch (error) {
      this.unlist();
      await rm(path, { force: true });
      this.#facts.growth.end({ error });
      throw error;
    }
    this.#result = result;
    this.#facts.growth.end('whole');
    if (this.isFresh) this.#lapseLater();
    else this.unlist();
    return result;
  }

  #lapseLater(): void {
    this.#lapse = setTimeout(
      () => {
        this.unlist();
        this.#removeUnwanted().catch(() => {});
      },
      atOnceMs - (performance.now() - this.#startedAt),
    ).unref();
  }

  async #removeUnwanted(): Promise<void> {
    if (this.users === 0 && !this.kept && !this.#listed) await rm(this.path, { force: true });
  }
}

/** False where the two are on different disks. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EXDEV') return false;
    throw error;
  }
}
