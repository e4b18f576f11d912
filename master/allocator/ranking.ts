import type { Contender } from './contender.ts';
import type { Sorter } from './sorters/sorter.ts';

/** What shares are measured by. */
export interface Measure {
  /** Another one after each change of the cluster's totals. */
  readonly version: number;
  shareOf(contender: Contender): number;
}

// With more of them, sorting all is no more work.
const mostLoose = 16;

/**
 * Contenders in the order in which they are served. It is kept: a contender that was served moves to its new place, and so
 * do, when somebody asks next, the few that changed from outside; only when many or all of them did are all sorted again.
 */
export class Ranking<C extends Contender> {
  readonly #sorter: Sorter;
  /** In no order. */
  readonly #members: C[] = [];
  /** Places in `#members`, in order, as far as there are members: numbers move faster than what they stand for. */
  #order = new Uint32Array(4);
  #sorted = true;
  /** Those that are perhaps not in their places, while all others are. */
  #loose: C[] = [];
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
    this.#loose = this.#loose.filter((other) => other !== contender);
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

  /** Something of a contender changed from outside, or of all of them. */
  unsettle(contender?: C): void {
    this.#revision++;
    if (contender === undefined || this.#loose.length === mostLoose) this.#sorted = false;
    else if (!this.#loose.includes(contender)) this.#loose.push(contender);
  }

  sort(measure: Measure): void {
    const sourceRevision = this.#source === undefined ? -1 : this.#source.#revision;
    if (this.#sorted && this.#version === measure.version && this.#sourceRevision === sourceRevision) {
      if (this.#loose.length > 0) this.#resettle(measure);
      return;
    }
    this.#sourceRevision = sourceRevision;
    const members = this.#members;
    for (const contender of members) contender.share = measure.shareOf(contender);
    members.sort((left, right) => this.#sorter.compare(left, right));
    if (this.#order.length < members.length) this.#order = new Uint32Array(2 * members.length);
    for (let index = 0; index < members.length; index++) this.#order[index] = index;
    this.#sorted = true;
    this.#loose = [];
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
    if (this.#loose.length > 0) {
      this.unsettle(contender);
      return;
    }
    contender.share = measure.shareOf(contender);
    let from = 0;
    while (from < this.size && this.at(from) !== contender) from++;
    const member = this.#order[from];
    if (member === undefined || from === this.size) return;
    if (this.#isBefore(from + 1, contender)) {
      const to = this.#place(contender, from + 1, this.size) - 1;
      this.#order.copyWithin(from, from + 1, to + 1);
      this.#order[to] = member;
    } else {
      const to = this.#place(contender, 0, from);
      this.#order.copyWithin(to + 1, to, from);
      this.#order[to] = member;
    }
  }

  /** Takes out those that are loose, and puts each where it belongs. */
  #resettle(measure: Measure): void {
    const loose = this.#loose.map((contender) => this.#members.indexOf(contender));
    let placed = 0;
    for (let index = 0; index < this.size; index++) {
      const member = this.#order[index] ?? 0;
      if (!loose.includes(member)) this.#order[placed++] = member;
    }
    for (const [index, contender] of this.#loose.entries()) {
      const member = loose[index] ?? -1;
      // It is not, or no more, one of these.
      if (member < 0) continue;
      contender.share = measure.shareOf(contender);
      const place = this.#place(contender, 0, placed);
      this.#order.copyWithin(place + 1, place, placed++);
      this.#order[place] = member;
    }
    this.#loose = [];
  }

  /** Where a contender belongs among those from `low` until before `high`, of which it is none. */
  #place(contender: C, low: number, high: number): number {
    let [first, end] = [low, high];
    while (first < end) {
      const middle = (first + end) >> 1;
      if (this.#isBefore(middle, contender)) first = middle + 1;
      else end = middle;
    }
    return first;
  }

  #isBefore(index: number, contender: C): boolean {
    const other = index < this.size ? this.at(index) : undefined;
    return other !== undefined && this.#sorter.compare(other, contender) < 0;
  }
}
