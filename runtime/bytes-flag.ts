const units = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 } as const;

/** The value of a flag such as `2GB`, in bytes. Units are powers of 1024, as in Mesos. */
export function bytes(value: string): { value: number } | { error: string } {
  const [, amount, unit] = /^(\d+)(B|KB|MB|GB|TB)$/.exec(value.trim()) ?? [];
  const size = unit === undefined ? Number.NaN : Number(amount) * units[unit as keyof typeof units];
  return Number.isSafeInteger(size) ? { value: size } : { error: 'expected a number of bytes such as 512MB or 2GB' };
}

/** In the largest unit that gives a whole number, as Mesos prints them. */
export function formatBytes(size: number): string {
  const unit = (['TB', 'GB', 'MB', 'KB'] as const).find((each) => size > 0 && size % units[each] === 0) ?? 'B';
  return `${size / units[unit]}${unit}`;
}
