import { Writable } from 'node:stream';
import type { KeptOutput } from './kept-output.ts';

/**
 * Takes the engine's record of a container's output from its beginning, or from where that was lost, and hands on what is not kept yet.
 *
 *     comparing ──► passing ──► searching ──► skipping ──► copying
 *         └──────────────────────────┘
 *
 * A record that begins as the output did is passed over up to where the kept tail has to be; of another one the tail is searched for.
 * INVARIANT: nothing is handed on before the place is found.
 */
export class OutputRest extends Writable {
  /** Bytes that were taken. */
  taken = 0;
  readonly #kept: KeptOutput;
  readonly #handOn: (bytes: Buffer) => Promise<void>;
  #stage: 'comparing' | 'passing' | 'searching' | 'skipping' | 'copying';
  /** While comparing and searching: what has come last. */
  #window = Buffer.alloc(0);
  /** While passing and skipping: bytes. */
  #left = 0;

  constructor(kept: KeptOutput, handOn: (bytes: Buffer) => Promise<void>) {
    super();
    this.#kept = kept;
    this.#handOn = handOn;
    this.#stage = kept.size === 0 ? 'copying' : 'comparing';
  }

  /** Whether the record, as far as it came, does not have the place. */
  get lost(): boolean {
    return this.#stage === 'searching';
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.taken += chunk.length;
    const rest = this.#restOf(chunk);
    if (rest.length === 0) done();
    else this.#handOn(rest).then(() => done(), done);
  }

  #restOf(chunk: Buffer): Buffer {
    let rest = chunk;
    if (this.#stage === 'comparing') rest = this.#compare(rest);
    if (this.#stage === 'passing') rest = this.#pass(rest, 'searching');
    if (this.#stage === 'searching') rest = this.#search(rest);
    if (this.#stage === 'skipping') rest = this.#pass(rest, 'copying');
    return rest;
  }

  #compare(chunk: Buffer): Buffer {
    const { head, before } = this.#kept;
    const begun = Buffer.concat([this.#window, chunk]);
    const known = Math.min(begun.length, head.length);
    if (!begun.subarray(0, known).equals(head.subarray(0, known))) this.#stage = 'searching';
    else if (known === head.length) {
      this.#stage = 'passing';
      this.#left = before;
    } else {
      this.#window = begun;
      return Buffer.alloc(0);
    }
    this.#window = Buffer.alloc(0);
    return begun;
  }

  #pass(chunk: Buffer, next: 'searching' | 'copying'): Buffer {
    const passed = Math.min(this.#left, chunk.length);
    this.#left -= passed;
    if (this.#left === 0) this.#stage = next;
    return chunk.subarray(passed);
  }

  #search(chunk: Buffer): Buffer {
    const { tail, unfinished, before } = this.#kept;
    const seen = Buffer.concat([this.#window, chunk]);
    // Where no line was complete, the place is the beginning.
    const nothingToFind = tail.length === 0 && before > 0;
    const at = nothingToFind ? -1 : seen.indexOf(tail);
    if (at < 0) {
      this.#window = seen.subarray(Math.max(0, seen.length - tail.length));
      return Buffer.alloc(0);
    }
    this.#window = Buffer.alloc(0);
    this.#stage = 'skipping';
    this.#left = unfinished;
    return seen.subarray(at + tail.length);
  }
}
