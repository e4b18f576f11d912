import { parseDuration } from '../protocol/duration.ts';
import type { Random } from './random.ts';

/** A time in seconds: always the same, or drawn anew each time. */
export type Span =
  | { readonly kind: 'fixed'; readonly seconds: number }
  | { readonly kind: 'exponential'; readonly mean: number }
  | { readonly kind: 'uniform'; readonly from: number; readonly to: number }
  /** Never shorter than a tenth of the mean. */
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number };

/** Seconds of `90s`, `15m`, `2h`, `1.5d`, `20ms`, or of Mesos' `15secs`; undefined when it is no time. */
export function parseSeconds(text: string): number | undefined {
  const long = { s: 'secs', m: 'mins', h: 'hrs', d: 'days' } as const;
  const seconds = parseDuration(text.replace(/(?<=\d)[smhd]$/, (unit) => long[unit as keyof typeof long]));
  return seconds === undefined || seconds < 0 ? undefined : seconds;
}

/** Reads `30s`, `exponential 30s`, `uniform 10s 1m` and `normal 30s 10s`. */
export function parseSpan(text: string): { value: Span } | { error: string } {
  const [first = '', ...rest] = text.trim().split(/\s+/);
  const kind = /^\d/.test(first) ? 'fixed' : first;
  const times = (kind === 'fixed' ? [first, ...rest] : rest).map(parseSeconds);
  const [a, b] = times;
  if (kind === 'fixed' && times.length === 1 && a !== undefined) return { value: { kind, seconds: a } };
  if (kind === 'exponential' && times.length === 1 && a !== undefined) return { value: { kind, mean: a } };
  if (times.length === 2 && a !== undefined && b !== undefined) {
    if (kind === 'uniform') return { value: { kind, from: a, to: b } };
    if (kind === 'normal') return { value: { kind, mean: a, deviation: b } };
  }
  return { error: "expected a time such as '30s', 'exponential 30s', 'uniform 10s 1m' or 'normal 30s 10s'" };
}

/** Seconds, in whole milliseconds. */
export function draw(span: Span, random: Random): number {
  return Math.round(seconds(span, random) * 1000) / 1000;
}

function seconds(span: Span, random: Random): number {
  switch (span.kind) {
    case 'fixed':
      return span.seconds;
    case 'exponential':
      return -Math.log(1 - random.next()) * span.mean;
    case 'uniform':
      return span.from + random.next() * (span.to - span.from);
    case 'normal': {
      const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
      const deviation = radius * Math.cos(2 * Math.PI * random.next());
      return Math.max(span.mean / 10, span.mean + deviation * span.deviation);
    }
  }
}
