import type { Clock } from '../../runtime/clock.ts';
import { count } from '../metrics.ts';
import type { MasterState } from '../state.ts';
import type { CallRate, RateLimitTable } from './rate-limit-table.ts';
import { Throttle, type ThrottledCall } from './throttle.ts';

/**
 * `--rate_limits`: the calls of each principal are taken up in their order, no faster than it is given; the principals that
 * are not named, and frameworks without one, share a queue. SUBSCRIBE is not counted, as in Mesos.
 *
 * Counts `frameworks/<principal>/messages_received` and `…_processed`, for as long as the principal has a framework.
 */
export class RateLimits {
  readonly #state: MasterState;
  readonly #throttles: ReadonlyMap<string, Throttle | undefined>;
  readonly #others: Throttle | undefined;
  readonly #counted = new Set<string>();

  constructor(table: RateLimitTable, state: MasterState, clock: Clock) {
    this.#state = state;
    const throttle = (rate: CallRate | undefined) => (rate === undefined ? undefined : new Throttle(rate, clock));
    this.#throttles = new Map([...table.principals].map(([principal, rate]) => [principal, throttle(rate)]));
    this.#others = throttle(table.others);
  }

  pass(principal: string | undefined, call: ThrottledCall): void {
    this.#count(principal, 'received');
    const counted: ThrottledCall = {
      ...call,
      takeUp: () => {
        this.#count(principal, 'processed');
        call.takeUp();
      },
    };
    const throttle = this.#throttleOf(principal);
    if (throttle === undefined) counted.takeUp();
    else throttle.pass(counted);
  }

  stop(): void {
    for (const throttle of [...this.#throttles.values(), this.#others]) throttle?.stop();
  }

  #throttleOf(principal: string | undefined): Throttle | undefined {
    const isNamed = principal !== undefined && this.#throttles.has(principal);
    return isNamed ? this.#throttles.get(principal) : this.#others;
  }

  #count(principal: string | undefined, what: 'received' | 'processed'): void {
    if (principal === undefined) return;
    if (!this.#counted.has(principal)) this.#forgetOthers();
    this.#counted.add(principal);
    count(this.#state, counter(principal, what));
  }

  /** Frameworks choose their principals: those of frameworks that are over are not kept for ever. */
  #forgetOthers(): void {
    const present = new Set([...this.#state.frameworks.values()].map(({ info }) => info.principal));
    for (const principal of this.#counted) {
      if (present.has(principal)) continue;
      this.#counted.delete(principal);
      for (const what of ['received', 'processed'] as const)
        this.#state.metrics.counters.delete(counter(principal, what));
    }
  }
}

function counter(principal: string, what: 'received' | 'processed'): string {
  return `frameworks/${principal}/messages_${what}`;
}
