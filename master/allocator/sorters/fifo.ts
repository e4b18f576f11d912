import type { Contender } from '../contender.ts';
import type { Sorter } from './sorter.ts';

/** Who came first is served first, until there is nothing that he takes. */
export class FifoSorter implements Sorter {
  compare(left: Contender, right: Contender): number {
    return left.arrival - right.arrival;
  }

  enter(): void {}

  serve(): void {}
}
