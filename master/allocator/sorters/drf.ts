import type { Contender } from '../contender.ts';
import type { Sorter } from './sorter.ts';

/** The smallest dominant share comes first; of equal ones whom fewer allocations were made to, and then the name decides. */
export class DrfSorter implements Sorter {
  compare(left: Contender, right: Contender): number {
    return byShare(left, right);
  }

  enter(): void {}

  serve(): void {}
}

export function byShare(left: Contender, right: Contender): number {
  if (left.share !== right.share) return left.share - right.share;
  if (left.allocations !== right.allocations) return left.allocations - right.allocations;
  return byPath(left, right);
}

export function byPath(left: Contender, right: Contender): number {
  return left.path < right.path ? -1 : left.path === right.path ? 0 : 1;
}
