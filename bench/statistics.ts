/** The value below which the fraction `p` of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** `12.3 (11.0–14.1)`: the median, and the range. */
export function spread(values: readonly number[], digits = 1): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** `now` and `then` compared run by run: the median of the ratios, and their range. */
export function ratio(ours: readonly number[], theirs: readonly number[]): string {
  return spread(
    ours.map((value, index) => value / (theirs[index] ?? Number.NaN)),
    2,
  );
}
