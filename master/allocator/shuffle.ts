import { mix } from './hash.ts';
import type { Host } from './host.ts';

const mostBuckets = 4096;

/**
 * Agents in a random order, which is that of a larger shuffle with the same salt with the others left out. They are put into
 * buckets by the first bits of their keys, and each bucket is sorted when it is its turn, so nobody waits for all to be sorted.
 */
export class Shuffle {
  readonly #salt: number;
  readonly #buckets: Host[][];
  #bucket = 0;
  #current: Host[] = [];

  constructor(hosts: readonly Host[], salt: number) {
    this.#salt = salt;
    const count = Math.min(mostBuckets, Math.ceil(hosts.length / 16));
    this.#buckets = Array.from({ length: count }, () => []);
    for (const host of hosts) this.#buckets[Math.floor((this.#keyOf(host) / 2 ** 32) * count)]?.push(host);
  }

  next(): Host | undefined {
    for (let next = this.#current.pop(); ; next = this.#current.pop()) {
      if (next !== undefined) return next;
      const bucket = this.#buckets[this.#bucket++];
      if (bucket === undefined) return undefined;
      // The last is taken first.
      this.#current = bucket.sort(
        (left, right) => this.#keyOf(right) - this.#keyOf(left) || (left.id < right.id ? 1 : -1),
      );
    }
  }

  #keyOf(host: Host): number {
    return mix(host.hash ^ this.#salt);
  }
}
