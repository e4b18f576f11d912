import type { Offer, Resource } from '../protocol/messages.ts';
import { contains, normalize, subtract } from '../protocol/resources.ts';

/** `{ cpus: 1, mem: 512 }` as resources: cores, MB. */
export function resources(amounts: Record<string, number>): Resource[] {
  return Object.entries(amounts).map(([name, value]) => ({ name, type: 'SCALAR', scalar: { value } }));
}

/** How often a demand fits into an offer, `limit` times at the most. */
export function timesFitting(offer: Offer, demand: readonly Resource[], limit: number): number {
  const wanted = normalize(demand);
  let left = normalize(offer.resources ?? []);
  let times = 0;
  while (times < limit && contains(left, wanted)) {
    left = subtract(left, wanted);
    times++;
  }
  return times;
}

/** Whether a demand fits into an offer. */
export function fits(offer: Offer, demand: readonly Resource[]): boolean {
  return timesFitting(offer, demand, 1) === 1;
}
