import type { Contender } from '../contender.ts';
import { byPath } from './drf.ts';
import type { Sorter } from './sorter.ts';

/** Each in turn, whatever it is worth: who was served goes to the end, and so does who comes. */
export class RoundRobinSorter implements Sorter {
  #turns = 0;

  compare(left: Contender, right: Contender): number {
    return left.turn - right.turn || byPath(left, right);
  }

  enter(contender: Contender): void {
    contender.turn = ++this.#turns;
  }

  serve(contender: Contender): void {
    contender.turn = ++this.#turns;
  }
}
