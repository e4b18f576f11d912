const unitsInSeconds = {
  ns: 1e-9,
  us: 1e-6,
  ms: 1e-3,
  secs: 1,
  mins: 60,
  hrs: 3600,
  days: 86_400,
  weeks: 604_800,
} as const;

/** Reads `5secs`, `1.5mins`, `100ms` as seconds; undefined when it is no duration. Source: Mesos' duration flags. */
export function parseDuration(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, amount, unit] = match;
  return Number(amount) * unitsInSeconds[unit as keyof typeof unitsInSeconds];
}

/** Seconds in the largest unit that gives a whole number, as Mesos prints them: 90 → `90secs`, 120 → `2mins`. */
export function formatDuration(seconds: number): string {
  const nanoseconds = Math.round(seconds * 1e9);
  for (const unit of ['weeks', 'days', 'hrs', 'mins', 'secs', 'ms', 'us'] as const) {
    const size = Math.round(unitsInSeconds[unit] * 1e9);
    if (nanoseconds !== 0 && nanoseconds % size === 0) return `${nanoseconds / size}${unit}`;
  }
  return nanoseconds === 0 ? '0ns' : `${nanoseconds}ns`;
}
