import { mix } from './hash.ts';
import type { Host } from './host.ts';

const bucketSize = 16;
const checkEach = 1024;

/**
 * Agents in a random order, which is that of a larger shuffle with the same salt with the others left out. They are put into
 * buckets by the first bits of their keys, and each bucket is sorted when it is its turn, so nobody waits for all to be sorted.
 */
export class Shuffle {
  readonly #hosts: readonly Host[];
  readonly #salt: number;
  readonly #keys: Uint32Array;
  /** Places in `#hosts`, bucket by bucket, once it is filled. */
  readonly #order: Uint32Array;
  /** How many are in a bucket; and then, where it ends. */
  readonly #ends: Uint32Array;
  #filled = 0;
  #next = 0;
  #sorted = 0;
  #bucket = 0;

  constructor(hosts: readonly Host[], salt: number) {
    this.#hosts = hosts;
    this.#salt = salt;
    this.#keys = new Uint32Array(hosts.length);
    this.#order = new Uint32Array(hosts.length);
    this.#ends = new Uint32Array(Math.ceil(hosts.length / bucketSize));
  }

  get isFilled(): boolean {
    return this.#filled === this.#hosts.length;
  }

  /** Makes it ready for `next`, for as long as it `goesOn`; whether it is. */
  fill(goesOn: () => boolean): boolean {
    const count = this.#hosts.length;
    while (this.#filled < count) {
      const index = this.#filled++;
      const key = mix((this.#hosts[index]?.hash ?? 0) ^ this.#salt);
      this.#keys[index] = key;
      const bucket = this.#bucketOf(key);
      this.#ends[bucket] = (this.#ends[bucket] ?? 0) + 1;
      if (index === count - 1) this.#distribute();
      else if (index % checkEach === 0 && !goesOn()) return false;
    }
    return true;
  }

  next(): Host | undefined {
    while (this.#next === this.#sorted && this.#bucket < this.#ends.length) {
      this.#sorted = this.#ends[this.#bucket++] ?? 0;
      this.#sort(this.#next, this.#sorted);
    }
    if (this.#next === this.#sorted) return undefined;
    return this.#hosts[this.#order[this.#next++] ?? 0];
  }

  #bucketOf(key: number): number {
    return Math.floor((key / 2 ** 32) * this.#ends.length);
  }

  #distribute(): void {
    let end = 0;
    const free = new Uint32Array(this.#ends.length);
    for (let bucket = 0; bucket < this.#ends.length; bucket++) {
      free[bucket] = end;
      end += this.#ends[bucket] ?? 0;
      this.#ends[bucket] = end;
    }
    for (let index = 0; index < this.#keys.length; index++) {
      const bucket = this.#bucketOf(this.#keys[index] ?? 0);
      const place = free[bucket] ?? 0;
      free[bucket] = place + 1;
      this.#order[place] = index;
    }
  }

  /** By insertion: there are few. */
  #sort(from: number, to: number): void {
    for (let index = from + 1; index < to; index++) {
      const moving = this.#order[index] ?? 0;
      let place = index;
      for (; place > from; place--) {
        const other = this.#order[place - 1] ?? 0;
        if (this.#comesBefore(other, moving)) break;
        this.#order[place] = other;
      }
      this.#order[place] = moving;
    }
  }

  #comesBefore(left: number, right: number): boolean {
    const [first, second] = [this.#keys[left] ?? 0, this.#keys[right] ?? 0];
    if (first !== second) return first < second;
    return (this.#hosts[left]?.id ?? '') < (this.#hosts[right]?.id ?? '');
  }
}
