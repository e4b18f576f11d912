import { toFixedPoint } from '../../protocol/resources.ts';

/** Amounts of scalars in thousandths, by the number of their name; what is missing is 0. Whole numbers, so sums are exact. */
export type Quantities = number[];

/** Numbers for the names of scalars. */
export class ScalarNames {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  numberOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }

  /** Amounts as they are told: by name, without those that are 0. */
  shown(quantities: readonly number[]): Map<string, number> {
    const shown = new Map<string, number>();
    for (const [number, amount] of quantities.entries()) {
      if (amount !== 0) shown.set(this.nameOf(number), amount / 1000);
    }
    return shown;
  }

  read(amounts: ReadonlyMap<string, number>): Quantities {
    const quantities: Quantities = [];
    for (const [name, amount] of amounts) change(quantities, this.numberOf(name), toFixedPoint(amount));
    return quantities;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }
}

export function amountAt(quantities: readonly number[], number: number): number {
  return quantities[number] ?? 0;
}

export function change(quantities: Quantities, number: number, by: number): void {
  while (quantities.length <= number) quantities.push(0);
  quantities[number] = (quantities[number] ?? 0) + by;
}

export function isNone(quantities: readonly number[]): boolean {
  for (const amount of quantities) if (amount !== 0) return false;
  return true;
}
