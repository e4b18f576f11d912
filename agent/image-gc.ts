import { mkdir, readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { ImageStore } from './engine/engine.ts';
import { type ImageGcPolicy, type PulledImage, removableImages } from './image-gc-plan.ts';

export interface ImageGcOptions {
  workDirectory: string;
  /** Where the engine has its images. */
  engineDirectory: string;
  /** Undefined where the engine has none to remove. */
  store: ImageStore | undefined;
  /** Undefined: images stay. */
  policy: ImageGcPolicy | undefined;
  clock: Clock;
  log: Log;
  /** Part of the engine's disk in use, 0 to 1; for tests. */
  diskUsage?: () => Promise<number>;
}

/**
 * Removes images when the engine's disk is full beyond the watermark, until it is not any more.
 *
 * INVARIANT: only what this agent pulled itself, and that was not on the machine before, is ever removed; and never what a container
 * uses, of whoever it is: the engine refuses that.
 */
export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #pulled = new Map<string, PulledImage>();
  /** By container. */
  readonly #inUse = new Map<string, string>();
  #written: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: ImageGcOptions) {
    this.#options = options;
  }

  /** Reads what earlier runs pulled and begins to look at the disk; returns what stops it. */
  async start(): Promise<() => Promise<void>> {
    const text = await readFile(this.#file, 'utf8').catch(() => '{}');
    try {
      for (const [name, image] of Object.entries(JSON.parse(text) as Record<string, PulledImage>))
        this.#pulled.set(name, image);
    } catch (error) {
      this.#warn(this.#file, error);
    }
    this.#wait();
    return async () => {
      this.#stopped = true;
      this.#cancel();
      if (this.#pulled.size > 0) await this.#keep();
    };
  }

  /** A container is going to use the image. */
  use(container: string, image: string): void {
    this.#inUse.set(container, image);
    const known = this.#pulled.get(image);
    if (known !== undefined) known.lastUsed = this.#options.clock.now();
  }

  /** The container is gone. */
  release(container: string): void {
    const image = this.#inUse.get(container);
    this.#inUse.delete(container);
    const known = image === undefined ? undefined : this.#pulled.get(image);
    if (known !== undefined) known.lastUsed = this.#options.clock.now();
  }

  /** The image was not there, and this agent pulled it. */
  async pulled(image: string): Promise<void> {
    const id = await this.#options.store?.idOf(image);
    if (id === undefined || this.#pulled.get(image)?.id === id) return;
    this.#pulled.set(image, { id, lastUsed: this.#options.clock.now() });
    await this.#keep();
  }

  /** Looks at the disk and removes what has to go; resolves with the names of what went. */
  async collect(): Promise<string[]> {
    const { store, policy, log } = this.#options;
    const gone: string[] = [];
    if (store === undefined || policy === undefined) return gone;
    const inUse = new Set(this.#inUse.values());
    for (const name of removableImages(this.#pulled, inUse, policy.excluded)) {
      if ((await this.#usage()) < 1 - policy.headroom || this.#stopped) break;
      // A task may have come for it meanwhile.
      if ([...this.#inUse.values()].includes(name)) continue;
      const id = this.#pulled.get(name)?.id;
      const isOurs = id !== undefined && (await store.idOf(name)) === id;
      if (isOurs && !(await store.remove(name))) continue;
      this.#pulled.delete(name);
      if (isOurs) gone.push(name);
    }
    if (this.#pulled.size > 0 || gone.length > 0) await this.#keep();
    if (gone.length > 0) log.info({ images: gone }, 'removed images that were not used for the longest');
    return gone;
  }

  get #file(): string {
    return join(this.#options.workDirectory, 'meta', 'images.json');
  }

  async #usage(): Promise<number> {
    const { diskUsage, engineDirectory } = this.#options;
    if (diskUsage !== undefined) return diskUsage();
    const { blocks, bfree } = await statfs(engineDirectory);
    return blocks === 0 ? 0 : (blocks - bfree) / blocks;
  }

  /** One write after the other; a file that cannot be written costs no more than an image that stays. */
  #keep(): Promise<void> {
    this.#written = this.#written.then(async () => {
      try {
        await mkdir(dirname(this.#file), { recursive: true });
        await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#pulled)));
        await rename(`${this.#file}.new`, this.#file);
      } catch (error) {
        this.#warn(this.#file, error);
      }
    });
    return this.#written;
  }

  #wait(): void {
    const { policy, clock, engineDirectory } = this.#options;
    if (this.#stopped || policy === undefined) return;
    this.#cancel = clock.after(policy.interval * 1000, () => {
      this.collect()
        .finally(() => this.#wait())
        .catch((error: unknown) => this.#warn(engineDirectory, error));
    });
  }

  #warn(path: string, error: unknown): void {
    this.#options.log.warn({ path, error: describeError(error) }, 'images cannot be looked after');
  }
}
