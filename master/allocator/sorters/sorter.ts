import type { Contender } from '../contender.ts';

/** Decides who comes first. Each ranking has one of its own. */
export interface Sorter {
  /** Negative: `left` comes before `right`. Never 0 for two of a ranking. */
  compare(left: Contender, right: Contender): number;
  /** A contender comes, for the first time or again. */
  enter(contender: Contender): void;
  /** An allocation was made to it. `random`: [0, 1). */
  serve(contender: Contender, random: () => number): void;
}
