import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MasterClient, TaskLocation } from '../scheduler/index.ts';

const pollMs = 200;

/** What is put away as `stdout.1`, `stdout.2`, … when it is full. */
const rotated = new Set(['stdout', 'stderr']);

type Part = { data: Buffer; file: string };

/** Copies a growing file of a sandbox to a stream; of a task's output all that is kept, the oldest first, over every rotation. */
export class SandboxFollower {
  readonly #client: Pick<MasterClient, 'readSandboxFile'>;
  readonly #task: TaskLocation;
  readonly #file: string;
  readonly #target: NodeJS.WritableStream;
  /** The file that is being copied, whatever its name is now, and how much of it was. */
  #current: string | undefined;
  #offset = 0;

  constructor(
    client: Pick<MasterClient, 'readSandboxFile'>,
    task: TaskLocation,
    file: string,
    target: NodeJS.WritableStream,
  ) {
    this.#client = client;
    this.#task = task;
    this.#file = file;
    this.#target = target;
  }

  /** Copies until the signal aborts. An agent that does not answer at the moment is asked again. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.drain().catch(() => undefined);
      await pause(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Copies what there is now, as long as there is somebody to read it. */
  async drain(): Promise<void> {
    while (this.#target.writable) {
      const part = await this.#next();
      if (part === undefined || part.data.length === 0) return;
      this.#current = part.file;
      this.#offset += part.data.length;
      this.#target.write(part.data);
    }
  }

  /** What comes after what was copied. */
  async #next(): Promise<Part | undefined> {
    const newest = await this.#read(0, this.#offset);
    if (newest === undefined || newest.file === this.#current || !rotated.has(basename(this.#file))) return newest;
    for (;;) {
      const found = await this.#find();
      if (found.part !== undefined && found.part.data.length > 0) return found.part;
      // All of it was copied, or it is gone: the next younger one from its beginning.
      const next = await this.#read(Math.max(0, found.age - 1), 0);
      // Names move on when yet another file is put away.
      if (found.part !== undefined && (await this.#read(found.age, 0))?.file !== this.#current) continue;
      this.#offset = 0;
      this.#current = next?.file;
      if (next?.data.length !== 0 || found.age <= 1) return next;
    }
  }

  /** Where the file is now that is being copied, and what is to be copied of it; else how many there are. */
  async #find(): Promise<{ age: number; part?: Part }> {
    for (let age = this.#current === undefined ? 1 : 0; ; age++) {
      const part = await this.#read(age, this.#offset);
      if (part === undefined) return { age };
      if (part.file === this.#current) return { age, part };
    }
  }

  #read(age: number, offset: number): Promise<Part | undefined> {
    const name = age === 0 ? this.#file : `${this.#file}.${age}`;
    return this.#client.readSandboxFile(this.#task, name, offset);
  }
}
