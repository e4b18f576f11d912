import type { AgentId } from '../../protocol/ids.ts';
import type { Host } from './host.ts';
import type { Refusal } from './offering.ts';
import type { Pass } from './standing.ts';

interface Count {
  times: number;
  /** Milliseconds since the epoch. */
  since: number;
  agent: AgentId | undefined;
}

/**
 * How often a client was looked at and given nothing, by reason, since it was last given something. It is written in the
 * innermost loop of a cycle: nothing is allocated there.
 */
export class PassedOver {
  readonly #filtered: Count = newCount();
  readonly #others: Record<Exclude<Refusal, 'FILTERED'>, Count> = {
    NOTHING_FREE: newCount(),
    MINIMUM: newCount(),
    GPU: newCount(),
    REGION: newCount(),
    CONSTRAINTS: newCount(),
    MET: newCount(),
    QUOTA: newCount(),
  };
  #isAny = false;

  /** `now`: milliseconds since the epoch. */
  note(refusal: Refusal, host: Host, now: number): void {
    const count = refusal === 'FILTERED' ? this.#filtered : this.#others[refusal];
    if (count.times++ === 0) count.since = now;
    count.agent = host.id;
    this.#isAny = true;
  }

  clear(): void {
    if (!this.#isAny) return;
    this.#isAny = false;
    this.#filtered.times = 0;
    for (const count of Object.values(this.#others)) count.times = 0;
  }

  /** The most frequent first. That guarantees are met keeps nobody from a share: it is none of the reasons. */
  shown(): Pass[] {
    const { MET: _met, ...others } = this.#others;
    return Object.entries({ FILTERED: this.#filtered, ...others })
      .flatMap(([kind, { times, since, agent }]) =>
        times === 0 || agent === undefined ? [] : [{ kind: kind as Pass['kind'], times, since, agent }],
      )
      .sort((left, right) => right.times - left.times);
  }
}

function newCount(): Count {
  return { times: 0, since: 0, agent: undefined };
}
