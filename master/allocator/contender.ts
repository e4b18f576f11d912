import type { Quantities } from './quantities.ts';

/** What takes part in the fair sharing beside others of its kind: a role among its siblings, a framework in a role. */
export class Contender {
  /** By which it is told from the others. */
  readonly path: string;
  /** The how manieth of all it is that came. */
  readonly arrival: number;
  weight: number;
  /** The larger, the earlier, where priorities count. */
  priority: number;
  /** Offers included. */
  readonly allocated: Quantities = [];
  /** How many allocations were made to it. */
  allocations = 0;
  /** The largest fraction of any of the cluster's scalars, divided by the weight. As of when its ranking was last sorted. */
  share = 0;
  /** When it has its turn, where turns count; the sorter sets it. */
  turn = 0;

  constructor(path: string, arrival: number, weight: number, priority: number) {
    this.path = path;
    this.arrival = arrival;
    this.weight = weight;
    this.priority = priority;
  }
}
