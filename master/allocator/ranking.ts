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
  /** In no order. */
  readonly #members: C[] = [];
  /** Places in `#members`, in order, as far as there are members: numbers move faster than what they stand for. */
  #order = new Uint32Array(4);
  #sorted = true;
  #version = -1;
  /** Another one after each change from outside. */
  #revision = 0;
  /** The ranking of which this one has a part, and what its revision was when this one was last sorted. */
  readonly #source: Ranking<C> | undefined;
  #sourceRevision = -1;

  constructor(sorter: Sorter, source?: Ranking<C>) {
    this.#sorter = sorter;
    this.#source = source;
  }

  /** For some of its contenders, in the same order. They are served in this one, and settle in that one. */
  selection(): Ranking<C> {
    const sorter = this.#sorter;
    return new Ranking({ compare: (left, right) => sorter.compare(left, right), enter() {}, serve() {} }, this);
  }

  get size(): number {
    return this.#members.length;
  }

  /** In order after `sort`, until a contender is settled. */
  at(index: number): C | undefined {
    return this.#members[this.#order[index] ?? 0];
  }

  add(contender: C): void {
    this.#sorter.enter(contender);
    this.#members.push(contender);
    this.unsettle();
  }

  remove(contender: C): void {
    const member = this.#members.indexOf(contender);
    if (member < 0) return;
    const last = this.size - 1;
    if (this.#sorted) {
      const place = this.#order.indexOf(member);
      this.#order.copyWithin(place, place + 1, this.size);
      // The last member takes over the place among the members.
      const moved = this.#order.subarray(0, last).indexOf(last);
      if (moved >= 0) this.#order[moved] = member;
    }
    const moving = this.#members.pop();
    if (moving !== undefined && member < last) this.#members[member] = moving;
  }

  /** Something of one or more contenders changed from outside. */
  unsettle(): void {
    this.#sorted = false;
    this.#revision++;
  }

  sort(measure: Measure): void {
    const sourceRevision = this.#source === undefined ? -1 : this.#source.#revision;
    if (this.#sorted && this.#version === measure.version && this.#sourceRevision === sourceRevision) return;
    this.#sourceRevision = sourceRevision;
    const members = this.#members;
    for (const contender of members) contender.share = measure.shareOf(contender);
    members.sort((left, right) => this.#sorter.compare(left, right));
    if (this.#order.length < members.length) this.#order = new Uint32Array(2 * members.length);
    for (let index = 0; index < members.length; index++) this.#order[index] = index;
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
    if (!this.#sorted || this.size === 1) return;
    contender.share = measure.shareOf(contender);
    let from = 0;
    while (from < this.size && this.at(from) !== contender) from++;
    const member = this.#order[from];
    if (member === undefined || from === this.size) return;
    const to = this.#place(contender, from);
    if (to > from) this.#order.copyWithin(from, from + 1, to + 1);
    else if (to < from) this.#order.copyWithin(to + 1, to, from);
    this.#order[to] = member;
  }

  /** Where a contender belongs among the others, when it is taken out of its place. */
  #place(contender: C, from: number): number {
    const later = this.#isAfter(contender, from + 1);
    let [low, high] = later ? [from + 1, this.size - 1] : [0, from - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.#isAfter(contender, middle)) low = middle + 1;
      else high = middle - 1;
    }
    return later ? low - 1 : low;
  }

  #isAfter(contender: C, index: number): boolean {
    const other = index < this.size ? this.at(index) : undefined;
    return other !== undefined && this.#sorter.compare(other, contender) < 0;
  }
}
