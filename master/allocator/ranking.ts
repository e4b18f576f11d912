import type { Contender } from './contender.ts';
import type { Sorter } from './sorters/sorter.ts';

/** What shares are measured by. */
export interface Measure {
  /** Another one after each change of the cluster's totals. */
  readonly version: number;
  shareOf(contender: Contender): number;
}

/**
 * Contenders in the order in which they are served. It is kept: a contender that was served moves to its new place; only
 * what changes from outside has all of them sorted again, when somebody asks next.
 */
export class Ranking<C extends Contender> {
  readonly #sorter: Sorter;
  readonly #order: C[] = [];
  #sorted = true;
  #version = -1;

  constructor(sorter: Sorter) {
    this.#sorter = sorter;
  }

  get size(): number {
    return this.#order.length;
  }

  /** In order after `sort`, until a contender is settled. */
  at(index: number): C | undefined {
    return this.#order[index];
  }

  add(contender: C): void {
    this.#sorter.enter(contender);
    this.#order.push(contender);
    this.#sorted = false;
  }

  remove(contender: C): void {
    const index = this.#order.indexOf(contender);
    if (index >= 0) this.#order.splice(index, 1);
  }

  /** Something of one or more contenders changed from outside. */
  unsettle(): void {
    this.#sorted = false;
  }

  sort(measure: Measure): void {
    if (this.#sorted && this.#version === measure.version) return;
    for (const contender of this.#order) contender.share = measure.shareOf(contender);
    this.#order.sort((left, right) => this.#sorter.compare(left, right));
    this.#sorted = true;
    this.#version = measure.version;
  }

  /** A contender was served: it takes its new place. */
  serve(contender: C, measure: Measure, random: () => number): void {
    this.#sorter.serve(contender, random);
    this.settle(contender, measure);
  }

  /** A contender was served as one of another ranking, too. */
  settle(contender: C, measure: Measure): void {
    if (!this.#sorted) return;
    contender.share = measure.shareOf(contender);
    const order = this.#order;
    const from = order.indexOf(contender);
    if (from < 0) return;
    const to = this.#place(contender, from);
    if (to > from) for (let index = from; index < to; index++) order[index] = order[index + 1] ?? contender;
    else for (let index = from; index > to; index--) order[index] = order[index - 1] ?? contender;
    order[to] = contender;
  }

  /** Where a contender belongs among the others, when it is taken out of its place. */
  #place(contender: C, from: number): number {
    const order = this.#order;
    const after = (index: number): boolean => {
      const other = order[index];
      return other !== undefined && this.#sorter.compare(other, contender) < 0;
    };
    const later = after(from + 1);
    let [low, high] = later ? [from + 1, order.length - 1] : [0, from - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (after(middle)) low = middle + 1;
      else high = middle - 1;
    }
    return later ? low - 1 : low;
  }
}
