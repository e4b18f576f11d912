import { decodeJson } from '../../protocol/json-codec.ts';

/** How fast the calls of some frameworks are taken up. */
export interface CallRate {
  /** Calls a second. */
  readonly qps: number;
  /** Calls that may wait; undefined: any number. */
  readonly capacity: number | undefined;
}

/** The value of `--rate_limits`. Principals that are not in it share what is given to all others. */
export interface RateLimitTable {
  /** Undefined: the calls of that principal are not slowed down. */
  readonly principals: ReadonlyMap<string, CallRate | undefined>;
  readonly others: CallRate | undefined;
}

/** The value of the flag: JSON of the message RateLimits. */
export function parseRateLimits(text: string): { value: RateLimitTable } | { error: string } {
  const decoded = decodeJson('RateLimits', text);
  if (!decoded.ok) return { error: decoded.error };
  const { limits = [], aggregate_default_qps, aggregate_default_capacity } = decoded.value;
  const principals = new Map<string, CallRate | undefined>();
  for (const limit of limits) {
    if (principals.has(limit.principal)) return { error: `principal '${limit.principal}' is named twice` };
    if (!isRate(limit.qps)) return { error: `qps of principal '${limit.principal}' is not a positive number` };
    principals.set(limit.principal, rateOf(limit.qps, limit.capacity));
  }
  if (!isRate(aggregate_default_qps)) return { error: 'aggregate_default_qps is not a positive number' };
  return { value: { principals, others: rateOf(aggregate_default_qps, aggregate_default_capacity) } };
}

function isRate(qps: number | undefined): boolean {
  return qps === undefined || (qps > 0 && Number.isFinite(qps));
}

/** Without qps there is no queue that could have a capacity. */
function rateOf(qps: number | undefined, capacity: number | undefined): CallRate | undefined {
  return qps === undefined ? undefined : { qps, capacity };
}
