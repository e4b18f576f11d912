/** How far a file is that comes in, for those who read it meanwhile. */
export class Growth {
  #bytes = 0;
  #beginnings = 1;
  #ending: { error: unknown } | 'whole' | undefined;
  #change = Promise.withResolvers<void>();

  /** So many from its beginning may be read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts on when all that came is void. */
  get beginnings(): number {
    return this.#beginnings;
  }

  /** Whether all is there, and is what it should be. */
  get isWhole(): boolean {
    return this.#ending === 'whole';
  }

  /** Resolves when anything of this is different from now. */
  get changed(): Promise<void> {
    return this.#change.promise;
  }

  /** @throws what ended the download before its end. */
  throwIfFailed(): void {
    if (typeof this.#ending === 'object') throw this.#ending.error;
  }

  grow(bytes: number): void {
    this.#bytes = bytes;
    this.#tell();
  }

  beginAgain(): void {
    this.#bytes = 0;
    this.#beginnings += 1;
    this.#tell();
  }

  end(ending: { error: unknown } | 'whole'): void {
    this.#ending = ending;
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }
}
