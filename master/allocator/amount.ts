/**
 * How much there is of something: thousandths of a scalar or copies of what is whole; ranges as begin, end, begin, end, …
 * (sorted, disjoint, not adjacent, ends included); items of a set. Amounts are never changed.
 */
export type Amount = number | readonly number[] | ReadonlySet<string>;

export function isNothing(amount: Amount): boolean {
  if (typeof amount === 'number') return amount <= 0;
  return isRanges(amount) ? amount.length === 0 : amount.size === 0;
}

export function nothingLike(amount: Amount): Amount {
  if (typeof amount === 'number') return 0;
  return isRanges(amount) ? [] : new Set<string>();
}

/** Both are of the same form, as below. */
export function plus(left: Amount, right: Amount): Amount {
  if (typeof left === 'number') return left + Number(right);
  if (isNothing(left)) return right;
  if (isNothing(right)) return left;
  return isRanges(left) ? union(left, right as readonly number[]) : new Set([...left, ...(right as Set<string>)]);
}

/** Never below nothing. */
export function minus(left: Amount, right: Amount): Amount {
  if (typeof left === 'number') return Math.max(0, left - Number(right));
  if (left === right) return nothingLike(left);
  if (isNothing(left) || isNothing(right)) return left;
  if (isRanges(left)) return difference(left, right as readonly number[]);
  return new Set([...left].filter((item) => !(right as Set<string>).has(item)));
}

/** Whether all of `part` is in `whole`. */
export function covers(whole: Amount, part: Amount): boolean {
  if (typeof whole === 'number') return whole >= Number(part);
  if (whole === part) return true;
  if (isRanges(whole)) return spans(whole, part as readonly number[]);
  return [...(part as Set<string>)].every((item) => whole.has(item));
}

export function isRanges(amount: Exclude<Amount, number>): amount is readonly number[] {
  return Array.isArray(amount);
}

const at = (ranges: readonly number[], index: number): number => ranges[index] ?? Number.POSITIVE_INFINITY;

function union(left: readonly number[], right: readonly number[]): number[] {
  const merged: number[] = [];
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const isLeft = at(left, l) <= at(right, r);
    const [begin, end] = isLeft ? [at(left, l), at(left, l + 1)] : [at(right, r), at(right, r + 1)];
    if (isLeft) l += 2;
    else r += 2;
    const last = merged.length - 1;
    if (last >= 0 && begin <= at(merged, last) + 1) merged[last] = Math.max(at(merged, last), end);
    else merged.push(begin, end);
  }
  return merged;
}

function difference(own: readonly number[], taken: readonly number[]): number[] {
  const rest: number[] = [];
  let t = 0;
  for (let o = 0; o < own.length; o += 2) {
    let begin = at(own, o);
    const end = at(own, o + 1);
    while (at(taken, t + 1) < begin) t += 2;
    for (let hole = t; at(taken, hole) <= end; hole += 2) {
      if (at(taken, hole) > begin) rest.push(begin, at(taken, hole) - 1);
      begin = at(taken, hole + 1) + 1;
    }
    if (begin <= end) rest.push(begin, end);
  }
  return rest;
}

function spans(own: readonly number[], wanted: readonly number[]): boolean {
  let o = 0;
  for (let w = 0; w < wanted.length; w += 2) {
    while (at(own, o + 1) < at(wanted, w)) o += 2;
    if (at(own, o) > at(wanted, w) || at(own, o + 1) < at(wanted, w + 1)) return false;
  }
  return true;
}
