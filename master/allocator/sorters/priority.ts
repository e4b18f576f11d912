import type { Contender } from '../contender.ts';
import { byShare } from './drf.ts';
import type { Sorter } from './sorter.ts';

/** The highest priority comes first; those of the same share fairly. */
export class PrioritySorter implements Sorter {
  compare(left: Contender, right: Contender): number {
    return right.priority - left.priority || byShare(left, right);
  }

  enter(): void {}

  serve(): void {}
}
