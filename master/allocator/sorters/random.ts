import type { Contender } from '../contender.ts';
import { hashOf } from '../hash.ts';
import { byPath } from './drf.ts';
import type { Sorter } from './sorter.ts';

/**
 * Whoever chance favours, in proportion to the weights. Each contender has a clock that rings after random times, on average
 * the sooner the more it weighs; who rings next comes first. Since such clocks have no memory, each turn is drawn anew.
 */
export class RandomSorter implements Sorter {
  #time = 0;

  compare(left: Contender, right: Contender): number {
    return left.turn - right.turn || byPath(left, right);
  }

  enter(contender: Contender): void {
    contender.turn = this.#time + wait(hashOf(contender.path) / 2 ** 32, contender.weight);
  }

  serve(contender: Contender, random: () => number): void {
    this.#time = Math.max(this.#time, contender.turn);
    // From now on, not from its own last turn: who was passed over does not save up turns.
    contender.turn = this.#time + wait(random(), contender.weight);
  }
}

/** Exponentially distributed, with `weight` for its rate. */
function wait(chance: number, weight: number): number {
  return -Math.log(1 - chance) / weight;
}
