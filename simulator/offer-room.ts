import type { Offer, Resource } from '../protocol/messages.ts';
import { toFixedPoint } from '../protocol/resources.ts';

/** What is left of an offer while tasks are placed on it. */
export class OfferRoom {
  #left: Resource[];

  constructor(offer: Offer) {
    this.#left = (offer.resources ?? []).filter(({ type, disk }) => type === 'SCALAR' && disk === undefined);
  }

  /** The pieces of the offer that make up `wanted`, which are taken; undefined when it does not fit. What is reserved goes first. */
  take(wanted: readonly Resource[]): Resource[] | undefined {
    const left = [...this.#left];
    const taken: Resource[] = [];
    for (const { name, scalar } of wanted) {
      let missing = toFixedPoint(scalar?.value ?? 0);
      for (let index = 0; index < left.length && missing > 0; index++) {
        const piece = left[index];
        if (piece === undefined || piece.name !== name) continue;
        const there = toFixedPoint(piece.scalar?.value ?? 0);
        const part = Math.min(there, missing);
        if (part === 0) continue;
        missing -= part;
        taken.push({ ...piece, scalar: { value: part / 1000 } });
        left[index] = { ...piece, scalar: { value: (there - part) / 1000 } };
      }
      if (missing > 0) return undefined;
    }
    this.#left = left;
    return taken;
  }
}
