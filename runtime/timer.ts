// As many samples as Mesos keeps.
const capacity = 1000;

const percentiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999, p9999: 0.9999 };

/** Durations of something that happens again and again, in milliseconds: the latest, and statistics over the last thousand. */
export class Timer {
  readonly #samples: number[] = [];
  #count = 0;

  /** How often there was something to record. */
  get count(): number {
    return this.#count;
  }

  record(milliseconds: number): void {
    this.#samples[this.#count++ % capacity] = milliseconds;
  }

  /** Metrics under `name`: none before the first sample, statistics from the second on. */
  entries(name: string): [string, number][] {
    const last = this.#samples[(this.#count - 1) % capacity];
    if (last === undefined) return [];
    if (this.#count === 1) return [[name, last]];
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return [
      [name, last],
      [`${name}/count`, this.#count],
      [`${name}/max`, sorted.at(-1) ?? 0],
      [`${name}/min`, sorted[0] ?? 0],
      ...Object.entries(percentiles).map(([key, share]): [string, number] => [
        `${name}/${key}`,
        quantile(sorted, share),
      ]),
    ];
  }
}

/** Interpolated between the neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}
