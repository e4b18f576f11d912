/** The uuids of the last updates that a handler was through with, so that one which comes again can be told. */
export class RecentUpdates {
  readonly #capacity: number;
  readonly #uuids = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(uuid: string | undefined): boolean {
    return uuid !== undefined && this.#uuids.has(uuid);
  }

  add(uuid: string | undefined): void {
    if (uuid === undefined) return;
    this.#uuids.add(uuid);
    const [oldest] = this.#uuids;
    if (this.#uuids.size > this.#capacity && oldest !== undefined) this.#uuids.delete(oldest);
  }
}
