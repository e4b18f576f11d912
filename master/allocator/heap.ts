/** Gives the smallest first. */
export class Heap<T> {
  readonly #compare: (left: T, right: T) => number;
  #items: T[] = [];

  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let index = items.push(item) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const other = items[above];
      if (other === undefined || this.#compare(other, item) <= 0) break;
      items[index] = other;
      index = above;
    }
    items[index] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.#sink(0, last);
    return first;
  }

  /** Only what is wanted stays. */
  keep(wanted: (item: T) => boolean): void {
    const kept = this.#items.filter(wanted);
    this.#items = [];
    for (const item of kept) this.push(item);
  }

  #sink(from: number, item: T): void {
    const items = this.#items;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      let next = items[below];
      if (next === undefined) break;
      const right = items[below + 1];
      if (right !== undefined && this.#compare(right, next) < 0) {
        next = right;
        below++;
      }
      if (this.#compare(item, next) <= 0) break;
      items[index] = next;
      index = below;
    }
    items[index] = item;
  }
}
