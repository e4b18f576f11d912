import type { Resource } from '../../protocol/messages.ts';
import { type Lot, quantitiesOf, resourcesOf } from './kind.ts';
import type { Quantities } from './quantities.ts';
import type { Needs } from './suitability.ts';

/** Something that can be given, never changed. */
export class Parcel {
  readonly lots: readonly Lot[];
  readonly isEmpty: boolean;
  /** Its scalars, over all kinds. */
  readonly scalars: Quantities;
  /** Those that quotas are about: neither reserved, revocable nor shared. */
  readonly open: Quantities;
  #resources: Resource[] | undefined;
  /** What it was last found to be worth, and by what it was measured. */
  needs: Needs | undefined;
  isWorth = false;

  constructor(lots: readonly Lot[]) {
    this.lots = lots;
    this.isEmpty = lots.length === 0;
    this.scalars = quantitiesOf(lots);
    this.open = lots.every(({ kind }) => kind.open || kind.scalar < 0)
      ? this.scalars
      : quantitiesOf(lots.filter(({ kind }) => kind.open));
  }

  /** In normal form. */
  get resources(): Resource[] {
    this.#resources ??= resourcesOf(this.lots);
    return this.#resources;
  }

  /** Less of what is open where `bound` allows less, in thousandths; itself where it does not. */
  chopped(bound: (scalar: number) => number): Parcel {
    const left = this.open.map((amount, scalar) => (amount === 0 ? 0 : Math.max(0, bound(scalar))));
    if (this.open.every((amount, scalar) => amount <= (left[scalar] ?? 0))) return this;
    const lots: Lot[] = [];
    for (const lot of this.lots) {
      const { kind } = lot;
      if (!kind.open) {
        lots.push(lot);
        continue;
      }
      const rest = left[kind.scalar] ?? 0;
      const amount = Math.min(Number(lot.amount), Math.floor(rest / kind.unit));
      left[kind.scalar] = rest - amount * kind.unit;
      if (amount > 0) lots.push({ kind, amount });
    }
    return new Parcel(lots);
  }
}
