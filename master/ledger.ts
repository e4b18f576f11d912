import type { FrameworkId } from '../protocol/ids.ts';
import type { OfferRecord } from './state.ts';

/** Why an offer was taken back from a framework that had it. */
export type RescindReason =
  | 'AGENT_LOST'
  | 'AGENT_DISCONNECTED'
  | 'AGENT_DEACTIVATED'
  | 'AGENT_CHANGED'
  | 'MAINTENANCE'
  | 'ROLE_DROPPED'
  | 'QUOTA'
  | 'WEIGHTS'
  | 'OPERATOR'
  | 'OVERSUBSCRIPTION'
  | 'VOLUME_DESTROYED';

/** What became of an offer. */
export type OfferEnd =
  /** `tasks`: how many it was to launch; 0 when the call had other operations alone. */
  | { kind: 'ACCEPTED'; tasks: number }
  | { kind: 'DECLINED'; refuseSeconds: number }
  | { kind: 'RESCINDED'; reason: RescindReason }
  /** Nobody answered it for `--offer_timeout`. */
  | { kind: 'TIMED_OUT' }
  /** It went with its framework, or with a call that could not be carried out. */
  | { kind: 'RETURNED'; reason: 'DISCONNECTED' | 'REMOVED' | 'FAILED_OVER' | 'INVALID_CALL' };

/** An offer that is over. */
export interface OfferLife {
  readonly offer: OfferRecord;
  readonly end: OfferEnd;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

/** What became of the offers of a framework in one role. */
export interface OfferTally {
  readonly ends: Record<OfferEnd['kind'], number>;
  /** Tasks that it launched. */
  tasks: number;
  /** When the latest one that is over was made. Milliseconds since the epoch, as all of these. */
  lastOfferedAt: number;
  /** Offers declined since it began to wait: since it last launched something, or asked for offers again. */
  declines: Declines | undefined;
  /** When it last asked for no more offers. */
  suppressedAt: number | undefined;
}

export interface Declines {
  offers: number;
  readonly since: number;
  lastAt: number;
  lastRefuseSeconds: number;
  /** The most of each scalar that any of these offers had, by name. */
  readonly largest: Map<string, number>;
}

/** Lives that are kept, over all frameworks. An offer of four resources takes about 1 KB: some 4 MB. */
const defaultCapacity = 4096;

/**
 * What became of offers: the latest lives, and for each framework and role a tally that does not grow.
 * Offers that are out are in the state; nothing is written down here until they are over.
 */
export class Ledger {
  readonly #capacity: number;
  readonly #lives: OfferLife[] = [];
  #next = 0;
  readonly #tallies = new Map<FrameworkId, Map<string, OfferTally>>();

  constructor(capacity: number = defaultCapacity) {
    this.#capacity = capacity;
  }

  ended(offer: OfferRecord, end: OfferEnd, now: number): void {
    const life = { offer, end, endedAt: now };
    if (this.#capacity > 0) this.#lives[this.#next] = life;
    this.#next = (this.#next + 1) % Math.max(1, this.#capacity);
    const tally = this.#tally(offer.framework, offer.role);
    tally.ends[end.kind]++;
    tally.lastOfferedAt = Math.max(tally.lastOfferedAt, offer.offeredAt);
    if (end.kind === 'DECLINED') countDecline(tally, offer, end.refuseSeconds, now);
    if (end.kind !== 'ACCEPTED' || end.tasks === 0) return;
    tally.tasks += end.tasks;
    tally.declines = undefined;
  }

  suppressed(framework: FrameworkId, role: string, now: number): void {
    this.#tally(framework, role).suppressedAt = now;
  }

  unsuppressed(framework: FrameworkId, role: string): void {
    this.#tally(framework, role).declines = undefined;
  }

  /** The framework is over: nobody asks why it gets nothing. */
  forget(framework: FrameworkId): void {
    this.#tallies.delete(framework);
  }

  tallyOf(framework: FrameworkId, role: string): OfferTally | undefined {
    return this.#tallies.get(framework)?.get(role);
  }

  /** Those that are still known, the latest first. */
  livesOf(framework: FrameworkId, role: string, atMost: number): OfferLife[] {
    const found: OfferLife[] = [];
    const { length } = this.#lives;
    for (let age = 1; age <= length && found.length < atMost; age++) {
      const life = this.#lives[(this.#next - age + length) % length];
      if (life?.offer.framework === framework && life.offer.role === role) found.push(life);
    }
    return found;
  }

  #tally(framework: FrameworkId, role: string): OfferTally {
    const roles = this.#tallies.get(framework) ?? new Map<string, OfferTally>();
    this.#tallies.set(framework, roles);
    const tally = roles.get(role) ?? newTally();
    roles.set(role, tally);
    return tally;
  }
}

function newTally(): OfferTally {
  return {
    ends: { ACCEPTED: 0, DECLINED: 0, RESCINDED: 0, TIMED_OUT: 0, RETURNED: 0 },
    tasks: 0,
    lastOfferedAt: 0,
    declines: undefined,
    suppressedAt: undefined,
  };
}

function countDecline(tally: OfferTally, { resources }: OfferRecord, refuseSeconds: number, now: number): void {
  tally.declines ??= { offers: 0, since: now, lastAt: now, lastRefuseSeconds: refuseSeconds, largest: new Map() };
  const { declines } = tally;
  declines.offers++;
  declines.lastAt = now;
  declines.lastRefuseSeconds = refuseSeconds;
  for (const { name, scalar } of resources) {
    if (scalar !== undefined && scalar.value > (declines.largest.get(name) ?? 0))
      declines.largest.set(name, scalar.value);
  }
}
