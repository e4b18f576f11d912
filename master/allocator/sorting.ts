import { DrfSorter } from './sorters/drf.ts';
import { FifoSorter } from './sorters/fifo.ts';
import { PrioritySorter } from './sorters/priority.ts';
import { RandomSorter } from './sorters/random.ts';
import { RoundRobinSorter } from './sorters/round-robin.ts';
import type { Sorter } from './sorters/sorter.ts';

/** The values of `--role_sorter` and `--framework_sorter`; Mesos has the first two. */
export const sortings = ['drf', 'random', 'round_robin', 'priority', 'fifo'] as const;
export type Sorting = (typeof sortings)[number];

export const sorters: Record<Sorting, () => Sorter> = {
  drf: () => new DrfSorter(),
  random: () => new RandomSorter(),
  round_robin: () => new RoundRobinSorter(),
  priority: () => new PrioritySorter(),
  fifo: () => new FifoSorter(),
};
