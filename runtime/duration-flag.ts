import { parseDuration } from '../protocol/duration.ts';

/** The value of a flag such as `15secs`, as seconds. */
export function duration(value: string): { value: number } | { error: string } {
  const seconds = parseDuration(value);
  if (seconds === undefined || seconds < 0) return { error: 'expected a duration such as 15secs, 100ms or 2mins' };
  return { value: seconds };
}
