import { unsafe } from './archive-problem.ts';

/** What all the archives of one fetch may hold together. Checked while streaming, before anything is written. */
export class ExtractionBudget {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #entries = 0;
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** @throws ArchiveProblem */
  addEntry(): void {
    this.#entries += 1;
    if (this.#entries > this.#maxEntries) {
      throw unsafe(`it holds more than the ${this.#maxEntries} entries that this agent extracts at most`);
    }
  }

  /** @throws ArchiveProblem */
  addBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#maxBytes) {
      throw unsafe(`it unpacks to more than the ${this.#maxBytes} bytes that this agent extracts at most`);
    }
  }
}
